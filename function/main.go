// Command function is keyrelay: an AWS Lambda function behind API Gateway or a
// function URL, and the same program as an HTTP server anywhere else.
//
//	keyrelay        serve: in Lambda when AWS_LAMBDA_RUNTIME_API is set, over HTTP otherwise
//	keyrelay help   print every command
//
// Its settings are environment variables, see docs/settings.md. A wrong one stops the
// start with a message that names it.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
)

func main() {
	stop, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := run(stop, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "keyrelay: "+err.Error())
		cancel()
		os.Exit(1)
	}
}

// usage is what keyrelay help prints.
const usage = `keyrelay attaches credentials to requests on their way to APIs. Its settings are
environment variables, see docs/settings.md.

keyrelay
    serve: in Lambda when AWS_LAMBDA_RUNTIME_API is set, over HTTP otherwise
keyrelay check FOLDER
    check the documents of a folder as this machine would serve them: prints every fault
keyrelay check --for lambda FOLDER
    the same as the function would, and what it will not have
keyrelay pack FROM TO
    write the documents of a folder, overlays applied, as the smallest that are read as the same
keyrelay login [--redirect URL] [--member MEMBER] FOLDER DOCUMENT SCHEME
    have a person consent in the browser, and put the refresh token into the scheme's secret
keyrelay healthcheck
    ask the server on this machine, at PORT, whether it serves: exits with 0 if it does
keyrelay version
    print the commit and the modules that were built
keyrelay help
    print this
`

// run does what the arguments say, until it is done or stop ends.
func run(stop context.Context, arguments []string) error {
	switch {
	case len(arguments) == 0:
		return serve(stop)
	case arguments[0] == "help" || slices.Contains(arguments, "--help") || slices.Contains(arguments, "-h"):
		fmt.Print(usage)
		return nil
	case arguments[0] == "check" && checkNames(os.Environ()) != nil:
		return checkNames(os.Environ()) // a setting that does nothing would be checked with another value
	case len(arguments) == 2 && arguments[0] == "check":
		return check(arguments[1], os.Stdout)
	case len(arguments) == 4 && arguments[0] == "check" && arguments[1] == "--for" && arguments[2] == "lambda":
		return checkForLambda(arguments[3], os.Stdout)
	case len(arguments) == 3 && arguments[0] == "pack":
		return pack(arguments[1], arguments[2], os.Stdout)
	case arguments[0] == "login":
		return login(stop, arguments[1:], os.Stdin, os.Stdout)
	case len(arguments) == 1 && arguments[0] == "version":
		return printVersion(os.Stdout)
	case len(arguments) == 1 && arguments[0] == "healthcheck":
		return healthcheck(stop)
	}
	return fmt.Errorf("usage: keyrelay [check [--for lambda] FOLDER | pack FROM TO | login FOLDER DOCUMENT SCHEME | healthcheck | version]; keyrelay help says what each does")
}
