package main

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"keyrelay/function/cache"
	"keyrelay/function/credential"
	"keyrelay/function/destination"
	"keyrelay/function/later"
	"keyrelay/function/relay"
	"keyrelay/function/secret"
)

// wire builds the relay that the settings describe.
func wire(settings settings, log io.Writer) (*relay.Relay, error) {
	set, err := destination.Load(settings.destinations, destination.Config{RealLambda: settings.realLambda, Widest: &settings.networks, NoQueue: settings.queue == "", SecretPrefix: settings.secretPrefix})
	if err != nil {
		return nil, err
	}
	if set.Size() > smallDocuments {
		debug.FreeOSMemory() // what reading them took is not needed again
	}
	secrets := secret.New(secret.Config{SecretsManager: connect("SECRETS_MANAGER", secretsmanager.NewFromConfig), TTL: settings.secretTTL, MaxAge: settings.secretMaxAge})
	if err := secrets.Check(set); err != nil {
		return nil, err
	}
	if err := credential.Check(context.Background(), set, secrets); err != nil {
		return nil, err
	}
	if _, err := checkCallerKeys(settings.callerKeys); err != nil {
		return nil, err
	}
	tokens, err := tokens(secrets, settings)
	if err != nil {
		return nil, err
	}
	return relay.New(relay.Config{
		Destinations: set,
		Secrets:      secrets,
		Tokens:       tokens,
		CallerKeys:   settings.callerKeys,
		CallerNames:  settings.callers,
		Queue:        queue(settings),
		Log:          log,
		LogLevel:     settings.logLevel,
		FunctionName: settings.functionName,
	}), nil
}

// queue makes the queue for deliveries; nil where there is none.
func queue(settings settings) *later.Queue {
	if settings.queue == "" {
		return nil
	}
	made := later.Config{Connect: connect("SQS", sqs.NewFromConfig), URL: settings.queue, DeadURL: settings.deadQueue, Concurrency: settings.queueConcurrency, Instances: 1}
	if settings.lambda {
		made.Instances = settings.queueConcurrency // an instance takes one event at a time
	}
	return later.New(made)
}

// tokens is the table by which instances share tokens; nil for none. A key that is on
// this machine is read at once, so that a missing one stops the start.
func tokens(secrets *secret.Store, settings settings) (*cache.Table, error) {
	if settings.tokenTable == "" {
		return nil, nil
	}
	key := func(ctx context.Context, refused []byte) ([]byte, error) {
		value, err := secrets.OtherThan(ctx, settings.tokenKey, refused)
		if err != nil {
			return nil, err
		}
		return value.Bytes(), nil
	}
	if settings.tokenKey.Provider != "secretsmanager" {
		read, err := key(context.Background(), nil)
		if err == nil && len(read) < cache.MinKey {
			err = fmt.Errorf("the secret %s is shorter than %d bytes; make one by chance, for example by: openssl rand -base64 48", settings.tokenKey, cache.MinKey)
		}
		if err != nil {
			return nil, fmt.Errorf("KEYRELAY_TOKEN_KEY: %w", err)
		}
	}
	return cache.NewTable(cache.TableConfig{Name: settings.tokenTable, Connect: connect("DYNAMODB", dynamodb.NewFromConfig), Key: key}), nil
}

// credentials counts the security schemes that the documents attach.
func credentials(destinations []*destination.Destination) (count int) {
	for _, each := range destinations {
		count += len(each.Attached)
	}
	return count
}

// networks names the kinds of addresses that the documents open.
func networks(destinations []*destination.Destination) (names []string) {
	for _, each := range destinations {
		names = append(names, each.Network.String())
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// connect returns what makes the client of an AWS service by this process's configuration.
// service is what variables call it, such as SQS, and newClient the SDK's own constructor.
func connect[Client, Options any](service string, newClient func(aws.Config, ...func(*Options)) *Client) func(context.Context) (*Client, error) {
	return func(ctx context.Context) (*Client, error) {
		loaded, err := awsConfig(ctx, service)
		if err != nil {
			return nil, err
		}
		return newClient(loaded), nil
	}
}
