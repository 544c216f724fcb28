//go:build lambda.norpc

package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go/logging"

	"keyrelay/function/cache"
)

// awsConfig makes the configuration of an AWS client from the environment of a Lambda
// function, as package config of the SDK would, which is left out of this build: a
// function has no profile, no SSO session and no metadata service. service is what
// variables call the service, such as SQS.
//
// What is taken: AWS_REGION, AWS_DEFAULT_REGION; AWS_ACCESS_KEY_ID,
// AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN; AWS_ENDPOINT_URL_ and the service,
// AWS_ENDPOINT_URL, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS; AWS_USE_FIPS_ENDPOINT,
// AWS_USE_DUALSTACK_ENDPOINT; AWS_CA_BUNDLE; AWS_MAX_ATTEMPTS, AWS_RETRY_MODE. No other.
func awsConfig(_ context.Context, service string) (aws.Config, error) {
	loaded := aws.Config{
		Region:      cmp.Or(os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION")),
		Credentials: aws.CredentialsProviderFunc(roleCredentials),
		Logger:      logging.Nop{}, // the log is JSON only
	}
	var errs [6]error
	var ignored bool
	var variants endpointVariants
	ignored, errs[0] = isTrue("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")
	variants.fips, errs[1] = isTrue("AWS_USE_FIPS_ENDPOINT")
	variants.dualStack, errs[2] = isTrue("AWS_USE_DUALSTACK_ENDPOINT")
	loaded.ConfigSources = []any{variants}
	if endpoint := cmp.Or(os.Getenv("AWS_ENDPOINT_URL_"+service), os.Getenv("AWS_ENDPOINT_URL")); endpoint != "" && !ignored {
		loaded.BaseEndpoint = &endpoint
	}
	if attempts := os.Getenv("AWS_MAX_ATTEMPTS"); attempts != "" {
		loaded.RetryMaxAttempts, errs[3] = strconv.Atoi(attempts)
	}
	if mode := os.Getenv("AWS_RETRY_MODE"); mode != "" {
		loaded.RetryMode, errs[4] = aws.ParseRetryMode(mode)
	}
	loaded.HTTPClient, errs[5] = withBundle(cache.NewAWSClient(), os.Getenv("AWS_CA_BUNDLE"))
	return loaded, errors.Join(errs[:]...)
}

// endpointVariants says which kinds of a service's endpoints are meant. The SDK asks
// each of a configuration's sources for them by these methods.
type endpointVariants struct{ fips, dualStack bool }

// GetUseFIPSEndpoint says whether the endpoints of FIPS 140 are meant.
func (v endpointVariants) GetUseFIPSEndpoint(context.Context) (aws.FIPSEndpointState, bool, error) {
	return aws.FIPSEndpointStateEnabled, v.fips, nil
}

// GetUseDualStackEndpoint says whether the endpoints with IPv6 are meant.
func (v endpointVariants) GetUseDualStackEndpoint(context.Context) (aws.DualStackEndpointState, bool, error) {
	return aws.DualStackEndpointStateEnabled, v.dualStack, nil
}

// roleCredentials are the credentials of the function's role, which are good for as long as the process runs.
func roleCredentials(context.Context) (aws.Credentials, error) {
	found := aws.Credentials{
		AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY"),
		SessionToken: os.Getenv("AWS_SESSION_TOKEN"), Source: "environment",
	}
	if !found.HasKeys() {
		return aws.Credentials{}, errors.New("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set")
	}
	return found, nil
}

func isTrue(name string) (bool, error) {
	switch value := os.Getenv(name); {
	case value == "", strings.EqualFold(value, "false"):
		return false, nil
	case strings.EqualFold(value, "true"):
		return true, nil
	}
	return false, errors.New(name + " is neither true nor false")
}

// withBundle has the client trust the certificates of a PEM file alone, unless none is named.
func withBundle(client *awshttp.BuildableClient, file string) (*awshttp.BuildableClient, error) {
	if file == "" {
		return client, nil
	}
	roots := x509.NewCertPool()
	if text, err := os.ReadFile(file); err != nil || !roots.AppendCertsFromPEM(text) { // #nosec G304 G703 -- the operator's own file
		return nil, errors.New("AWS_CA_BUNDLE names no file of PEM certificates")
	}
	return client.WithTransportOptions(func(t *http.Transport) {
		t.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}), nil
}
