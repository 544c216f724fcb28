package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
)

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
