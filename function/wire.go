package main

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"
	"slices"

	"keyrelay/function/destination"
	"keyrelay/function/relay"
	"keyrelay/function/secret"
)

// wire builds the relay that the settings describe.
func wire(settings settings, log io.Writer) (*relay.Relay, error) {
	set, err := destination.Load(settings.destinations, destination.Config{RealLambda: settings.realLambda, Widest: &settings.networks, SecretPrefix: settings.secretPrefix})
	if err != nil {
		return nil, err
	}
	if set.Size() > smallDocuments {
		debug.FreeOSMemory() // what reading them took is not needed again
	}
	secrets := secret.New(secret.Config{SecretsManager: secretsManager, TTL: settings.secretTTL, MaxAge: settings.secretMaxAge})
	if err := secrets.Check(set); err != nil {
		return nil, err
	}
	if err := checkCallerKeys(secrets, settings.callerKeys); err != nil {
		return nil, err
	}
	return relay.New(relay.Config{
		Destinations: set,
		Secrets:      secrets,
		CallerKeys:   settings.callerKeys,
		CallerNames:  settings.callers,
		Log:          log,
		LogLevel:     settings.logLevel,
		FunctionName: settings.functionName,
	}), nil
}

// networks names the kinds of addresses that the documents open.
func networks(destinations []*destination.Destination) (names []string) {
	for _, each := range destinations {
		if name := each.Network.String(); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// checkCallerKeys reads callers' keys that are on this machine, so that a missing
// one stops the start; those of Secrets Manager are read at the first request.
func checkCallerKeys(secrets *secret.Store, keys destination.Reference) error {
	if keys.Provider != "env" && keys.Provider != "file" {
		return nil
	}
	if _, err := secrets.Value(context.Background(), keys); err != nil {
		return fmt.Errorf("KEYRELAY_CALLER_KEYS: %w", err)
	}
	return nil
}
