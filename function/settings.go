package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"keyrelay/function/destination"
	"keyrelay/function/secret"
)

// loopbackAddress is where the HTTP server listens when PORT is not set.
const (
	loopback        = "127.0.0.1"
	loopbackAddress = loopback + ":8080"
)

// settings is what the environment says. Everything about an API is in its
// document, not here.
type settings struct {
	// lambda says that the program runs in the Lambda runtime, sam local included.
	lambda bool
	// realLambda says that it runs in AWS itself.
	realLambda bool
	// functionName is the Lambda function's name; empty over HTTP.
	functionName string
	// destinations is the folder of documents.
	destinations string
	// callerKeys is zero when callers need no key.
	callerKeys destination.Reference
	// address is where the HTTP server listens.
	address string
	// secretTTL and secretMaxAge say how long secrets are kept.
	secretTTL, secretMaxAge time.Duration
}

// readSettings reads the environment. The error names the variable to mend,
// never the value of KEYRELAY_CALLER_KEYS.
func readSettings(getenv func(string) string) (settings, error) {
	read := settings{
		lambda:       getenv("AWS_LAMBDA_RUNTIME_API") != "",
		functionName: getenv("AWS_LAMBDA_FUNCTION_NAME"),
		destinations: getenv("KEYRELAY_DESTINATIONS"),
	}
	read.realLambda = read.lambda && getenv("AWS_SAM_LOCAL") != "true"
	if read.destinations == "" {
		read.destinations = besideProgram()
	}
	var err error
	if read.address, err = listenAddress(getenv("PORT")); err != nil {
		return read, err
	}
	if read.callerKeys, err = callerKeys(getenv("KEYRELAY_CALLER_KEYS"), read); err != nil {
		return read, err
	}
	if read.secretTTL, err = duration("KEYRELAY_SECRET_TTL", getenv("KEYRELAY_SECRET_TTL"), secret.DefaultTTL); err != nil {
		return read, err
	}
	if read.secretTTL == 0 {
		return read, fmt.Errorf("KEYRELAY_SECRET_TTL must be longer than 0; write for example 300s")
	}
	read.secretMaxAge, err = duration("KEYRELAY_SECRET_MAX_AGE", getenv("KEYRELAY_SECRET_MAX_AGE"), 24*time.Hour)
	return read, err
}

// besideProgram is the folder that is packed beside the program into the Lambda
// zip and the image.
func besideProgram() string {
	program, err := os.Executable()
	if err != nil {
		return "destinations"
	}
	return filepath.Join(filepath.Dir(program), "destinations")
}

// listenAddress reads PORT: a number is that port of all addresses, 127.0.0.1:NUMBER
// the port of loopback alone, where 0 is any free one.
func listenAddress(port string) (string, error) {
	if port == "" {
		return loopbackAddress, nil
	}
	number, onLoopback := strings.CutPrefix(port, loopback+":")
	if read, err := strconv.ParseUint(number, 10, 16); err != nil || read == 0 && !onLoopback {
		return "", fmt.Errorf("PORT must be a number from 1 to 65535, or %s:NUMBER to listen on this machine alone, or unset for %s", loopback, loopbackAddress)
	}
	if onLoopback {
		return port, nil
	}
	return net.JoinHostPort("", port), nil
}

// callerKeys reads KEYRELAY_CALLER_KEYS. In Lambda the gateway checks its own
// keys, so nothing is needed; a server that others can reach must check.
func callerKeys(value string, read settings) (destination.Reference, error) {
	switch value {
	case "none":
		return destination.Reference{}, nil
	case "":
		if read.lambda || strings.HasPrefix(read.address, loopback+":") {
			return destination.Reference{}, nil
		}
		return destination.Reference{}, fmt.Errorf("KEYRELAY_CALLER_KEYS must be set when PORT is, since anyone who reaches the port could use your credentials: " +
			"name the secret that holds the callers' keys, for example secretsmanager:keyrelay/callers, or write none when something in front of keyrelay checks callers")
	}
	reference, err := destination.ParseReference(value)
	if err != nil {
		return reference, fmt.Errorf("KEYRELAY_CALLER_KEYS must be a secret reference: secretsmanager:NAME-OR-ARN, env:NAME or file:PATH, or none; it must not hold the key itself")
	}
	return reference, nil
}

func duration(name, value string, unset time.Duration) (time.Duration, error) {
	if value == "" {
		return unset, nil
	}
	parsed, err := time.ParseDuration(value)
	if err != nil || parsed < 0 {
		return 0, fmt.Errorf("%s must be a duration such as 300s, 5m or 24h", name)
	}
	return parsed, nil
}
