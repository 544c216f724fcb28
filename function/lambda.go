package main

import (
	"context"
	"crypto/x509"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/aws/aws-lambda-go/lambda"

	"keyrelay/function/gateway"
	"keyrelay/function/relay"
)

// processorMemory is how many MB of memory come with a whole processor,
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html.
const processorMemory = 1769

// The ballast is how much more of memory may be garbage before it is collected: less in a
// server, where many requests at once make garbage.
const (
	lambdaBallast = 8 << 20
	serverBallast = 4 << 20
)

// serveLambda serves as a Lambda function. Lambda gives a whole processor until the
// first event is asked for, and then what goes with the memory, so that all that the
// first request would wait for is done before.
func serveLambda(stop context.Context, settings settings, wired *relay.Relay) {
	wired.Prepare(stop)
	if settings.memory > 0 && settings.memory < processorMemory && os.Getenv("GOMAXPROCS") == "" {
		// A second thread would only use up the share of the first.
		runtime.GOMAXPROCS(1)
	}
	// There is nothing to finish between two events, so that a signal ends the function at once.
	signal.Reset(os.Interrupt, syscall.SIGTERM)
	if stop.Err() != nil {
		return // it came before
	}
	lambda.Start(gateway.Lambda(wired, wired.Deliver))
}

// ballast is memory that is kept and never written to, so that it takes none of its own.
// The garbage collector runs when the heap has doubled, and without it the heap is small: it
// would run in the start and every few events, or every few hundred requests of a server. It
// is made before all else, because that alone begins a collection, which has nothing to look
// at then.
func ballast() []byte {
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") == "" {
		return make([]byte, serverBallast)
	}
	return make([]byte, lambdaBallast)
}

// beginRoots begins to read the system's certificate roots, beside the documents, which
// take as long. Whoever needs the roots waits for it.
func beginRoots() {
	readBundleOnly()
	go func() { _, _ = x509.SystemCertPool() }()
}

// readBundleOnly keeps crypto/x509 from reading, after the bundle of the system's
// certificate roots, each of the same roots again from the folder that it is made of,
// https://go.dev/issue/79018. Where there is no bundle, or one is named, nothing changes.
func readBundleOnly() {
	if os.Getenv("SSL_CERT_FILE") != "" || os.Getenv("SSL_CERT_DIR") != "" {
		return
	}
	for _, bundle := range [...]string{"/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/certs/ca-certificates.crt"} { // Amazon Linux, Debian
		if information, err := os.Stat(bundle); err == nil && information.Size() > 0 {
			_ = os.Setenv("SSL_CERT_DIR", os.DevNull)
			return
		}
	}
}
