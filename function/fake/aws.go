package fake

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"keyrelay/function/cache"
)

// maxCallBytes is more than the largest call takes, a batch of messages.
const maxCallBytes = 8 << 20

// A service is what the endpoints of AWS have in common: each counts its calls, and fails
// when it is told to.
type service struct {
	mutex sync.Mutex
	calls int
	fail  http.HandlerFunc
}

// Fail lets fail answer every call from now on; nil ends that.
func (s *service) Fail(fail http.HandlerFunc) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.fail = fail
}

// TakeCalls returns how many calls there were since it was last asked.
func (s *service) TakeCalls() int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	taken := s.calls
	s.calls = 0
	return taken
}

// accept reads a call, and reports whether it is to be carried out: otherwise it is answered.
func (s *service) accept(w http.ResponseWriter, r *http.Request, call any) bool {
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxCallBytes)).Decode(call)
	s.mutex.Lock()
	s.calls++
	fail := s.fail
	s.mutex.Unlock()
	switch {
	case fail != nil:
		fail(w, r)
	case err != nil:
		Fault("SerializationException", http.StatusBadRequest)(w, r)
	default:
		return true
	}
	return false
}

// AWSAnswer answers as AWS services with the JSON 1.1 protocol do.
func AWSAnswer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}

// Fault answers as AWS does when it refuses. Its message, canary-of-aws, must never appear
// in keyrelay's answers or log.
func Fault(code string, status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		AWSAnswer(w, status, map[string]string{"__type": code, "message": "canary-of-aws"})
	}
}

// connect returns what makes a client of an endpoint of this package by the SDK's own
// constructor. It calls the endpoint through client; nil for the network.
func connect[Client, Options any](url string, client aws.HTTPClient, newClient func(aws.Config, ...func(*Options)) *Client) func(context.Context) (*Client, error) {
	if client == nil {
		client = cache.NewAWSClient()
	}
	config := aws.Config{
		BaseEndpoint: aws.String(url),
		HTTPClient:   client,
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "example", ""),
	}
	return func(context.Context) (*Client, error) { return newClient(config), nil }
}
