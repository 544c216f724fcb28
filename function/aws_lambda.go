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
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// secretsManager makes the AWS client from the environment of a Lambda function, as
// package config of the SDK would, which is left out of this build: a function has no
// profile, no SSO session and no metadata service.
//
// What is taken: AWS_REGION, AWS_DEFAULT_REGION; AWS_ACCESS_KEY_ID,
// AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN; AWS_ENDPOINT_URL_SECRETS_MANAGER,
// AWS_ENDPOINT_URL, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS; AWS_USE_FIPS_ENDPOINT,
// AWS_USE_DUALSTACK_ENDPOINT; AWS_CA_BUNDLE; AWS_MAX_ATTEMPTS, AWS_RETRY_MODE. No other.
func secretsManager(context.Context) (*secretsmanager.Client, error) {
	loaded := aws.Config{
		Region:      cmp.Or(os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION")),
		Credentials: aws.CredentialsProviderFunc(roleCredentials),
	}
	var errs [6]error
	var ignored, fips, dualStack bool
	ignored, errs[0] = isTrue("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")
	fips, errs[1] = isTrue("AWS_USE_FIPS_ENDPOINT")
	dualStack, errs[2] = isTrue("AWS_USE_DUALSTACK_ENDPOINT")
	if endpoint := cmp.Or(os.Getenv("AWS_ENDPOINT_URL_SECRETS_MANAGER"), os.Getenv("AWS_ENDPOINT_URL")); endpoint != "" && !ignored {
		loaded.BaseEndpoint = &endpoint
	}
	if attempts := os.Getenv("AWS_MAX_ATTEMPTS"); attempts != "" {
		loaded.RetryMaxAttempts, errs[3] = strconv.Atoi(attempts)
	}
	if mode := os.Getenv("AWS_RETRY_MODE"); mode != "" {
		loaded.RetryMode, errs[4] = aws.ParseRetryMode(mode)
	}
	loaded.HTTPClient, errs[5] = withBundle(awsHTTPClient(), os.Getenv("AWS_CA_BUNDLE"))
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	return secretsmanager.NewFromConfig(loaded, func(options *secretsmanager.Options) {
		if fips {
			options.EndpointOptions.UseFIPSEndpoint = aws.FIPSEndpointStateEnabled
		}
		if dualStack {
			options.EndpointOptions.UseDualStackEndpoint = aws.DualStackEndpointStateEnabled
		}
	}), nil
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
