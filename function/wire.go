package main

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"keyrelay/function/credential"
	"keyrelay/function/destination"
	"keyrelay/function/relay"
	"keyrelay/function/upstream"
)

// wire builds the relay that the settings describe.
func wire(settings settings, log io.Writer) (*relay.Relay, error) {
	set, err := destination.Load(settings.destinations, destination.Config{RealLambda: settings.realLambda})
	if err != nil {
		return nil, err
	}
	var client *upstream.Client
	store := credential.New(credential.Config{
		SecretsManager: secretsManager,
		HTTPClient:     func(d *destination.Destination) *http.Client { return client.HTTPClient(d) },
		SecretTTL:      settings.secretTTL,
		SecretMaxAge:   settings.secretMaxAge,
	})
	if err := store.Check(set); err != nil {
		return nil, err
	}
	if err := checkCallerKeys(store, settings.callerKeys); err != nil {
		return nil, err
	}
	client = upstream.New(upstream.Config{Secret: store.Secret})
	return relay.New(relay.Config{
		Destinations: set,
		Credentials:  store,
		Upstream:     client,
		CallerKeys:   settings.callerKeys,
		Log:          log,
		FunctionName: settings.functionName,
	}), nil
}

// checkCallerKeys reads callers' keys that are on this machine, so that a missing
// one stops the start; those of Secrets Manager are read at the first request.
func checkCallerKeys(store *credential.Store, keys destination.Reference) error {
	if keys.Provider != "env" && keys.Provider != "file" {
		return nil
	}
	if _, err := store.Secret(context.Background(), keys); err != nil {
		return fmt.Errorf("KEYRELAY_CALLER_KEYS: %w", err)
	}
	return nil
}

// secretsManager makes the AWS client from the SDK's own settings: the
// function's role and region in Lambda, AWS_* variables and profiles elsewhere.
func secretsManager(ctx context.Context) (*secretsmanager.Client, error) {
	loaded, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, err
	}
	return secretsmanager.NewFromConfig(loaded), nil
}
