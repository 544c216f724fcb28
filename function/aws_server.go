//go:build !lambda.norpc

package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// secretsManager makes the AWS client from the SDK's own settings: AWS_* variables,
// profiles, SSO, and the roles of containers and machines.
func secretsManager(ctx context.Context) (*secretsmanager.Client, error) {
	loaded, err := config.LoadDefaultConfig(ctx, config.WithHTTPClient(awsHTTPClient()))
	if err != nil {
		return nil, err
	}
	return secretsmanager.NewFromConfig(loaded), nil
}
