package later_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"keyrelay/function/gateway"
	"keyrelay/function/later"
)

// TestUnanswered tells apart why a queue does not answer, in the operator's words alone.
func TestUnanswered(t *testing.T) {
	credentials := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
	})
	none := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{}, errors.New("canary of a provider")
	})
	nowhere := aws.String("http://127.0.0.1:1")
	for told, config := range map[string]aws.Config{
		"There is no AWS region":               {Credentials: credentials},
		"This process has no AWS credentials":  {Region: "us-east-1", Credentials: none, BaseEndpoint: nowhere},
		"It cannot be reached: check its URL,": {Region: "us-east-1", Credentials: credentials, BaseEndpoint: nowhere},
	} {
		config.RetryMaxAttempts = 1
		queue := later.New(later.Config{URL: *nowhere + "/1/queue", DeadURL: *nowhere + "/1/dead", Concurrency: 2, Instances: 1,
			Connect: func(context.Context) (*sqs.Client, error) { return sqs.NewFromConfig(config), nil }})
		err := queue.Send(t.Context(), "orders", &later.Message{})
		var refusal *gateway.Refusal
		if !errors.As(err, &refusal) || !strings.HasPrefix(refusal.Note, "The queue: "+told) || strings.Contains(refusal.Detail+refusal.Note, "canary") {
			t.Errorf("%s: %+v", told, refusal)
		}
	}
}
