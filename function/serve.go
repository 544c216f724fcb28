package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"

	"keyrelay/function/gateway"
	"keyrelay/function/relay"
)

// drainTime is how long requests under way may take after SIGTERM. Cloud Run and
// Fargate kill ten and thirty seconds after it.
const drainTime = 9 * time.Second

// Limits of the HTTP server: a caller who sends its request slower than this is
// not served, so that slow callers cannot use up all connections.
const (
	headerTime  = 10 * time.Second
	requestTime = 60 * time.Second
	answerTime  = 120 * time.Second
	idleTime    = 120 * time.Second
)

// serve runs the relay as a Lambda function or as an HTTP server, by what the
// environment says.
func serve(stop context.Context) error {
	kept := ballast()
	defer runtime.KeepAlive(kept)
	log := slog.New(slog.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: nameMessage}))
	refused := func(err error) error {
		log.Error("start", "problem", "start-refused", "blame", "keyrelay", "detail", err.Error())
		return err
	}
	read, wired, err := prepare()
	if err != nil {
		return refused(err)
	}
	// net/http quotes bytes of a downstream there, and the log is JSON only.
	stdlog.SetOutput(io.Discard)
	log = log.With("version", commit, "folder", read.destinations, "documents", len(wired.Destinations()), "credentials", credentials(wired.Destinations()), "networks", networks(wired.Destinations()))
	for _, warning := range startWarnings(read, wired.Destinations()) {
		log.Warn("start", "detail", warning)
	}
	for _, each := range wired.Warnings() {
		log.Warn("start", "detail", each.String())
	}
	if read.lambda {
		log.Info("serving")
		serveLambda(stop, read, wired)
		return nil
	}
	listener, err := net.Listen("tcp", read.address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return refused(fmt.Errorf("%s is in use by another program; stop that one, or set PORT to another port", read.address))
	} else if err != nil {
		return refused(fmt.Errorf("cannot listen on %s; set PORT to a port that this user may open", read.address))
	}
	relayed := gateway.HTTP(wired)
	if strings.HasPrefix(read.address, loopback+":") {
		relayed = gateway.LoopbackHTTP(wired)
	}
	if read.queue != "" {
		defer poll(stop, log, wired)()
	}
	return serveHTTP(stop, log, gateway.Listen(listener, wired), relayed)
}

// poll delivers from the queue beside the server. The func that it returns waits until the
// deliveries that are under way at the stop signal have ended, as long as requests may take.
func poll(stop context.Context, log *slog.Logger, wired *relay.Relay) (wait func()) {
	stop, cancel := context.WithCancel(stop)
	done := make(chan struct{})
	go func() {
		defer close(done)
		wired.Poll(stop, drainTime, func(err error) {
			detail := err.Error()
			if refusal, ok := errors.AsType[*gateway.Refusal](err); ok {
				detail = refusal.Note
			}
			log.Error("queue", "problem", "queue-unavailable", "blame", "keyrelay", "detail", detail)
		})
	}()
	return func() {
		cancel()
		<-done
	}
}

// prepare reads the settings and builds what they describe.
func prepare() (read settings, made *relay.Relay, err error) {
	if err = checkNames(os.Environ()); err != nil {
		return read, made, err
	}
	if err = addEnvironment(os.Getenv("KEYRELAY_ENVIRONMENT")); err != nil {
		return read, made, err
	}
	if read, err = readSettings(os.Getenv); err != nil {
		return read, made, err
	}
	if read.lambda {
		beginRoots()
	}
	if err = checkRegion(read); err != nil {
		return read, made, err
	}
	made, err = wire(read, os.Stdout)
	return read, made, err
}

// serveHTTP serves until stop ends, and then lets the requests under way finish.
func serveHTTP(stop context.Context, log *slog.Logger, listener *gateway.Listener, relayed http.Handler) error {
	server := &http.Server{
		Handler:           withHealth(relayed),
		ReadHeaderTimeout: headerTime,
		ReadTimeout:       requestTime,
		WriteTimeout:      answerTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    gateway.MaxHeaderBytes,
		ConnState:         listener.ConnState,
		// OPTIONS * is a request like any other.
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	drained := make(chan error, 1)
	go func() {
		<-stop.Done()
		limit, cancel := context.WithTimeout(context.WithoutCancel(stop), drainTime)
		defer cancel()
		drained <- server.Shutdown(limit)
	}()
	log.Info("serving", "address", listener.Addr().String())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("the HTTP server stopped: %w", err)
	}
	if err := <-drained; err != nil {
		return fmt.Errorf("requests were still under way %s after the stop signal and were cut off", drainTime)
	}
	log.Info("stopped")
	return nil
}

// nameMessage names the message as the log entries of requests do.
func nameMessage(_ []string, attribute slog.Attr) slog.Attr {
	if attribute.Key == slog.MessageKey {
		attribute.Key = "message"
	}
	return attribute
}
