// Command local runs keyrelay on this machine with everything it needs around it:
// a downstream API that shows what it receives, an endpoint that speaks the
// Secrets Manager protocol, and the relay itself, the very program that is
// deployed. It needs no network and no AWS account, and listens on loopback only.
//
//	local -program dist/keyrelay -events events
//
// It sends sample events through, prints what happened to them, and then serves
// until it is interrupted.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// The addresses that everything listens on. The documents in destinations name downstreamAddress.
const (
	relayAddress      = "127.0.0.1:8080"
	downstreamAddress = "127.0.0.1:8081"
	secretsAddress    = "127.0.0.1:8082"
)

func main() {
	program := flag.String("program", "dist/keyrelay", "the keyrelay program to run")
	events := flag.String("events", "events", "the folder of sample events")
	flag.Parse()
	stop, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := run(stop, *program, *events, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "local: "+err.Error())
		cancel()
		os.Exit(1)
	}
}

// run starts everything, tells the story, serves until stop ends, and stops what it started.
func run(stop context.Context, program, events string, out io.Writer) error {
	api := newDownstream()
	closeAPI, err := listen(downstreamAddress, api)
	if err != nil {
		return err
	}
	defer closeAPI()
	closeSecrets, err := listen(secretsAddress, sampleSecrets())
	if err != nil {
		return err
	}
	defer closeSecrets()
	relay, err := startRelay(program)
	if err != nil {
		return err
	}
	defer relay.stop()
	teller := story{out: out, events: events, downstream: api}
	if err := teller.tell(stop); err != nil {
		return err
	}
	return relay.serveUntil(stop, out)
}
