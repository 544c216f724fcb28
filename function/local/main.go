// Command local is the workbench: it runs keyrelay on this machine, the same program
// that you deploy, and serves a page that shows how a record turns into a request before
// it is sent. Everything listens on loopback only.
//
//	local -program dist/keyrelay -events events
//	local -program dist/keyrelay -destinations my-apis -secrets my-secrets.json
//	local -downstream 172.17.0.1
//
// Without your own documents, it starts a downstream API that shows what it receives and
// an endpoint that speaks the Secrets Manager protocol, sends sample events through, and
// says what happened to them. That needs no network and no AWS account.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"

	"keyrelay/function/fake"
)

// The address and the ports that everything listens on where they are free. The sample
// documents and events name the downstream's.
const (
	loopback       = "127.0.0.1"
	relayPort      = 8080
	downstreamPort = 8081
	secretsPort    = 8082
	pagePort       = 8083
)

// options are what the command line says.
type options struct {
	program, events string
	// destinations is a folder of one's own documents; empty for the samples.
	destinations string
	// secrets is a file with a JSON object of secrets by name, which stand in for those
	// of Secrets Manager; empty for AWS itself.
	secrets string
	// log is the file that the relay's log goes to.
	log string
	// port is where the relay is to listen, with everything else at the ports behind it.
	port int
}

func main() {
	var chosen options
	flag.StringVar(&chosen.program, "program", "dist/keyrelay", "the keyrelay program to run")
	flag.StringVar(&chosen.events, "events", "events", "the folder of sample events")
	flag.StringVar(&chosen.destinations, "destinations", "", "a folder of documents instead of the samples")
	flag.StringVar(&chosen.secrets, "secrets", "", "a JSON file of secrets by name instead of AWS Secrets Manager")
	flag.StringVar(&chosen.log, "log", "dist/run.log", "the file that the relay's log goes to")
	host := flag.String("downstream", "", "serve the downstream and its secrets alone, at this address of this machine")
	flag.Parse()
	stop, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := choose(stop, *host, chosen)
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "local: "+err.Error())
		os.Exit(1)
	}
}

// startPort reads PORT, the first of the ports that are used; the usual one where it is empty.
func startPort(text string) (int, error) {
	const most = 1<<16 - 1 - portsTried - (pagePort - relayPort)
	if text == "" {
		return relayPort, nil
	}
	port, err := strconv.Atoi(text)
	if err != nil || port < 1 || port > most {
		return 0, fmt.Errorf("PORT=%s is no port to begin with; write a number from 1 to %d, such as PORT=24680", text, most)
	}
	return port, nil
}

// choose runs everything, or the downstream alone.
func choose(stop context.Context, host string, chosen options) (err error) {
	chosen.port, err = startPort(os.Getenv("PORT"))
	switch {
	case err != nil:
		return err
	case host != "":
		return serveDownstream(stop, host, chosen.secrets, os.Stdout)
	case chosen.secrets != "" && chosen.destinations == "":
		return fmt.Errorf("the secrets of %s are for documents of your own; write make run DESTINATIONS=folder SECRETS=%[1]s", chosen.secrets)
	}
	return run(stop, chosen, os.Stdout)
}

// serveDownstream serves the downstream and its secrets, or those of a file, for a relay that
// runs elsewhere, in a container of sam local for example, and so at these very ports.
func serveDownstream(stop context.Context, host, file string, out io.Writer) error {
	secrets := sampleSecrets()
	if file != "" {
		own, _, err := readSecrets(file)
		if err != nil {
			return err
		}
		secrets = fake.NewSecretsFile(filepath.Base(file), own)
	}
	var listeners [2]net.Listener
	for i, port := range []int{downstreamPort, secretsPort} {
		var err error
		if listeners[i], err = open(host, port); err != nil {
			return err
		}
	}
	defer serve(listeners[0], &downstream{})()
	defer serve(listeners[1], guardSecrets("", secrets))()
	fmt.Fprintf(out, "the downstream serves on http://%s, its secrets on http://%s, until Ctrl-C\n", listeners[0].Addr(), listeners[1].Addr())
	<-stop.Done()
	return nil
}
