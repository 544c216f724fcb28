package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"time"
)

// healthTime is how long a healthy server may take to answer.
const healthTime = 2 * time.Second

// healthcheck asks the server on this machine, for a container's HEALTHCHECK: an
// image from scratch holds no other program that could.
func healthcheck(stop context.Context) error {
	ctx, cancel := context.WithTimeout(stop, healthTime)
	defer cancel()
	address, err := listenAddress(os.Getenv("PORT"))
	if err != nil {
		return err
	}
	_, port, _ := net.SplitHostPort(address)
	// #nosec G704 -- only the port varies
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(loopback, port)+"/healthz", nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request) // #nosec G704 -- as above
	if err != nil {
		return errors.New("the server does not answer")
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return errors.New("the server answers, but not 200")
	}
	return nil
}
