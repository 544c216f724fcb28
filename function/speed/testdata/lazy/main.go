// Command lazy is the function that one writes in an hour: it does everything when the
// first event needs it. keyrelay's first answer is measured beside it.
package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// key reads the API's key when it is first asked for.
var key = sync.OnceValues(func() (string, error) {
	loaded, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		return "", err
	}
	read, err := secretsmanager.NewFromConfig(loaded).GetSecretValue(context.Background(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("key")})
	if err != nil {
		return "", err
	}
	return *read.SecretString, nil
})

func handle(ctx context.Context, event events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
	text, err := key()
	if err != nil {
		return events.APIGatewayProxyResponse{}, err
	}
	var record map[string]any
	if err := json.Unmarshal([]byte(event.Body), &record); err != nil {
		return events.APIGatewayProxyResponse{}, err
	}
	customer, _ := record["customer"].(string)
	delete(record, "customer")
	body, err := json.Marshal(record)
	if err != nil {
		return events.APIGatewayProxyResponse{}, err
	}
	request, err := http.NewRequestWithContext(ctx, event.HTTPMethod, os.Getenv("API")+"/orders?customer="+url.QueryEscape(customer), strings.NewReader(string(body)))
	if err != nil {
		return events.APIGatewayProxyResponse{}, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Downstream-Key", text)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return events.APIGatewayProxyResponse{}, err
	}
	defer answer.Body.Close()
	read, err := io.ReadAll(answer.Body)
	return events.APIGatewayProxyResponse{StatusCode: answer.StatusCode, Body: string(read)}, err
}

func main() { lambda.Start(handle) }
