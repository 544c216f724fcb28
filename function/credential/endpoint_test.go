package credential_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"keyrelay/function/credential"
)

// An endpoint speaks the part of the Secrets Manager protocol that GetSecretValue needs.
type endpoint struct {
	calls atomic.Int64
	// fail, where set, answers instead.
	fail atomic.Pointer[http.HandlerFunc]

	mutex   sync.Mutex
	secrets map[string]string
}

func newEndpoint(secrets map[string]string) *endpoint { return &endpoint{secrets: secrets} }

func (e *endpoint) put(name, text string) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	e.secrets[name] = text
}

func (e *endpoint) failWith(handler http.HandlerFunc) { e.fail.Store(&handler) }

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.calls.Add(1)
	var call struct{ SecretId, VersionStage string }
	if err := json.NewDecoder(r.Body).Decode(&call); err != nil || call.VersionStage != "AWSCURRENT" ||
		r.Header.Get("X-Amz-Target") != "secretsmanager.GetSecretValue" {
		http.Error(w, "not the call that was expected", http.StatusTeapot)
		return
	}
	if fail := e.fail.Load(); fail != nil {
		(*fail)(w, r)
		return
	}
	e.mutex.Lock()
	text, known := e.secrets[call.SecretId]
	e.mutex.Unlock()
	if !known {
		awsFault("ResourceNotFoundException", http.StatusBadRequest)(w, r)
		return
	}
	answer(w, map[string]any{"Name": call.SecretId, "SecretString": text, "VersionId": "1"})
}

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_ = json.NewEncoder(w).Encode(value)
}

// awsFault answers as AWS does when it refuses. Its message must never be shown.
func awsFault(code string, status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"__type": code, "message": "private words of AWS"})
	}
}

// serve starts the endpoint and returns what connects the real SDK with it.
func (e *endpoint) serve(t testing.TB) func(context.Context) (*secretsmanager.Client, error) {
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	return connectTo(aws.Config{BaseEndpoint: aws.String(server.URL)})
}

// direct connects the real SDK with the endpoint without a network, for a bubble of synctest.
func (e *endpoint) direct() func(context.Context) (*secretsmanager.Client, error) {
	return connectTo(aws.Config{BaseEndpoint: aws.String("http://secrets.test"), HTTPClient: handlerClient{e}})
}

func connectTo(config aws.Config) func(context.Context) (*secretsmanager.Client, error) {
	config.Region = "us-east-1"
	config.Credentials = credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "example", "")
	return func(context.Context) (*secretsmanager.Client, error) {
		return secretsmanager.NewFromConfig(config), nil
	}
}

// A handlerClient is an HTTP client whose server is a function call away.
type handlerClient struct{ http.Handler }

func (c handlerClient) Do(request *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	served := make(chan struct{})
	go func() {
		defer close(served)
		c.ServeHTTP(recorder, request)
	}()
	select {
	case <-served:
	case <-request.Context().Done():
		return nil, request.Context().Err()
	}
	response := recorder.Result()
	response.Request = request
	response.Body = io.NopCloser(response.Body)
	return response, nil
}

// RoundTrip makes a handlerClient the transport of an http.Client.
func (c handlerClient) RoundTrip(request *http.Request) (*http.Response, error) { return c.Do(request) }

// storeOn returns a Store whose secrets are those of the endpoint.
func storeOn(t testing.TB, e *endpoint) *credential.Store {
	return credential.New(credential.Config{SecretsManager: e.serve(t)})
}
