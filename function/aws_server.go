//go:build !lambda.norpc

package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go/logging"

	"keyrelay/function/cache"
)

// awsConfig makes the configuration of an AWS client from the SDK's own settings: AWS_*
// variables, profiles, SSO, and the roles of containers and machines. They name the
// service by themselves. What the SDK would log is dropped, since the log is one JSON
// object a line; what fails comes as an error.
func awsConfig(ctx context.Context, _ string) (aws.Config, error) {
	return config.LoadDefaultConfig(ctx, config.WithHTTPClient(cache.NewAWSClient()), config.WithLogger(logging.Nop{}))
}
