package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"
)

// portsTried is how many ports are tried, one after the other, before giving up.
const portsTried = 20

// open listens at a port, or says who is in the way.
func open(host string, port int) (net.Listener, error) {
	address := net.JoinHostPort(host, strconv.Itoa(port))
	listener, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s is in use by another program; stop that one and try again: %w", address, err)
	}
	return listener, err
}

// openFrom listens at a port of loopback or, where it is in use, at the next free one.
func openFrom(port int) (net.Listener, error) {
	for tried := port; ; tried++ {
		listener, err := open(loopback, tried)
		if err == nil || !errors.Is(err, syscall.EADDRINUSE) || tried == port+portsTried {
			return listener, err
		}
	}
}

// portOf is the port of a listener.
func portOf(listener net.Listener) int {
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	number, _ := strconv.Atoi(port)
	return number
}

// serve serves a handler and returns what stops it.
func serve(listener net.Listener, handler http.Handler) func() {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }()
	return func() { _ = server.Close() }
}
