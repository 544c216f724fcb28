package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// managedSecrets is an endpoint that speaks the part of the Secrets Manager
// protocol (JSON 1.1) that GetSecretValue needs.
type managedSecrets struct {
	mutex   sync.Mutex
	secrets map[string]string
}

// startManagedSecrets serves on loopback, and lets the SDK of this test find it.
func startManagedSecrets(t testing.TB) *managedSecrets {
	started := &managedSecrets{secrets: make(map[string]string)}
	server := httptest.NewServer(started)
	t.Cleanup(server.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_SECRETS_MANAGER": server.URL,
		"AWS_REGION":                       "us-east-1",
		"AWS_ACCESS_KEY_ID":                "AKIDEXAMPLE",
		"AWS_SECRET_ACCESS_KEY":            "example",
		"AWS_EC2_METADATA_DISABLED":        "true",
	} {
		t.Setenv(name, value)
	}
	return started
}

// put stores a new current version.
func (m *managedSecrets) put(name, text string) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.secrets[name] = text
}

// ServeHTTP answers GetSecretValue.
func (m *managedSecrets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var call struct{ SecretId string }
	err := json.NewDecoder(r.Body).Decode(&call)
	m.mutex.Lock()
	text, known := m.secrets[call.SecretId]
	m.mutex.Unlock()
	answer := map[string]string{"Name": call.SecretId, "SecretString": text, "VersionId": "1"}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if err != nil || !known || r.Header.Get("X-Amz-Target") != "secretsmanager.GetSecretValue" {
		w.WriteHeader(http.StatusBadRequest)
		answer = map[string]string{"__type": "ResourceNotFoundException"}
	}
	_ = json.NewEncoder(w).Encode(answer)
}
