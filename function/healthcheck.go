package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"keyrelay/function/gateway"
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
	asked := "http://" + net.JoinHostPort(loopback, port) + "/healthz"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, asked, nil) // #nosec G704 -- only the port varies
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request) // #nosec G704 -- as above
	if err != nil {
		return fmt.Errorf("%s does not answer; start keyrelay, or give this command the PORT that it has", asked)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %d and not 200; see whether keyrelay is what listens there, and give this command the PORT that it has", asked, answer.StatusCode)
	}
	return nil
}

// withHealth answers GET and HEAD (RFC 9110 section 9.1) at /healthz beside the relay.
func withHealth(relayed http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
			gateway.Hasten(w)
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			_, _ = w.Write([]byte("ok\n"))
			return
		}
		relayed.ServeHTTP(w, r)
	})
}
