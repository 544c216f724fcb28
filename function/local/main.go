// Command local runs keyrelay on this machine with everything it needs around it:
// a downstream API that shows what it receives, an endpoint that speaks the
// Secrets Manager protocol, and the relay itself, the very program that is
// deployed. It needs no network and no AWS account, and listens on loopback only.
//
//	local -program dist/keyrelay -events events
//	local -downstream 172.17.0.1
//
// It sends sample events through, prints what happened to them, and then serves
// until it is interrupted.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"keyrelay/function/fake"
)

// The ports that everything listens on, and the addresses with them on this
// machine. The documents in destinations name downstreamAddress.
const (
	loopback       = "127.0.0.1"
	downstreamPort = "8081"
	secretsPort    = "8082"

	relayAddress      = loopback + ":8080"
	downstreamAddress = loopback + ":" + downstreamPort
	secretsAddress    = loopback + ":" + secretsPort
)

func main() {
	program := flag.String("program", "dist/keyrelay", "the keyrelay program to run")
	events := flag.String("events", "events", "the folder of sample events")
	host := flag.String("downstream", "", "serve the downstream and its secrets alone, at this address of this machine")
	flag.Parse()
	stop, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := choose(stop, *host, *program, *events); err != nil {
		fmt.Fprintln(os.Stderr, "local: "+err.Error())
		cancel()
		os.Exit(1)
	}
}

// choose runs everything, or the downstream alone.
func choose(stop context.Context, host, program, events string) error {
	if host == "" {
		return run(stop, program, events, os.Stdout)
	}
	return serveDownstream(stop, host, os.Stdout)
}

// serveDownstream serves the downstream and its secrets for a relay that runs
// elsewhere, in a container of sam local for example.
func serveDownstream(stop context.Context, host string, out io.Writer) error {
	_, closeAll, err := surroundings(host)
	if err != nil {
		return err
	}
	defer closeAll()
	fmt.Fprintf(out, "the downstream serves on http://%s, its secrets on http://%s, until Ctrl-C\n",
		net.JoinHostPort(host, downstreamPort), net.JoinHostPort(host, secretsPort))
	<-stop.Done()
	return nil
}

// surroundings starts the downstream and the Secrets Manager endpoint.
func surroundings(host string) (*downstream, func(), error) {
	api := &downstream{}
	closeAPI, err := listen(net.JoinHostPort(host, downstreamPort), api)
	if err != nil {
		return nil, nil, err
	}
	closeSecrets, err := listen(net.JoinHostPort(host, secretsPort), fake.NewSecrets(map[string]string{
		"keyrelay/sample": `{"api_key":"` + sampleKey + `"}`,
		"keyrelay/shop":   `{"password":"` + shopPassword + `"}`,
	}))
	if err != nil {
		closeAPI()
		return nil, nil, err
	}
	return api, func() { closeSecrets(); closeAPI() }, nil
}

// run starts everything, tells the story, serves until stop ends, and stops what it started.
func run(stop context.Context, program, events string, out io.Writer) error {
	api, closeAll, err := surroundings(loopback)
	if err != nil {
		return err
	}
	defer closeAll()
	relay, err := startRelay(program)
	if err != nil {
		return unlessStopped(stop, err)
	}
	defer relay.stop()
	teller := story{out: out, events: events, downstream: api}
	if err := teller.tell(stop); err != nil {
		return unlessStopped(stop, err)
	}
	return relay.serveUntil(stop, out)
}

// unlessStopped returns no error where things failed because they were stopped.
func unlessStopped(stop context.Context, err error) error {
	if stop.Err() != nil {
		return nil //nolint:nilerr // what a stop breaks off has not failed
	}
	return err
}

// listen serves a handler on a loopback address and returns what stops it.
func listen(address string, handler http.Handler) (func(), error) {
	listener, err := open(address)
	if err != nil {
		return nil, err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }()
	return func() { _ = server.Close() }, nil
}

// open listens on an address, or says who is in the way.
func open(address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s is in use by another program; stop that one and try again", address)
	}
	return listener, err
}
