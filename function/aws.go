package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// secretsManager makes the client of AWS Secrets Manager.
func secretsManager(ctx context.Context) (*secretsmanager.Client, error) {
	loaded, err := awsConfig(ctx, "SECRETS_MANAGER")
	if err != nil {
		return nil, err
	}
	return secretsmanager.NewFromConfig(loaded), nil
}

// queueClient makes the client of Amazon SQS.
func queueClient(ctx context.Context) (*sqs.Client, error) {
	loaded, err := awsConfig(ctx, "SQS")
	if err != nil {
		return nil, err
	}
	return sqs.NewFromConfig(loaded), nil
}

// dynamoDB makes the client of Amazon DynamoDB.
func dynamoDB(ctx context.Context) (*dynamodb.Client, error) {
	loaded, err := awsConfig(ctx, "DYNAMODB")
	if err != nil {
		return nil, err
	}
	return dynamodb.NewFromConfig(loaded), nil
}
