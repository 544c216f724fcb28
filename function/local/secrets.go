package main

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

// A secretsManager is an endpoint that speaks the part of the AWS Secrets Manager
// protocol (JSON 1.1) that a relay and a person trying it out need: GetSecretValue
// and PutSecretValue, https://docs.aws.amazon.com/secretsmanager/latest/apireference/.
type secretsManager struct {
	mutex   sync.Mutex
	secrets map[string]storedSecret
}

type storedSecret struct {
	text    string
	version string
	created time.Time
}

// sampleSecrets holds the secrets that the documents in destinations refer to.
func sampleSecrets() *secretsManager {
	made := &secretsManager{secrets: make(map[string]storedSecret)}
	made.put("keyrelay/sample", `{"api_key":"`+sampleKey+`"}`)
	made.put("keyrelay/shop", `{"password":"`+shopPassword+`"}`)
	return made
}

// put stores a new current version.
func (s *secretsManager) put(name, text string) storedSecret {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	stored := storedSecret{text: text, version: rand.Text(), created: time.Now()}
	s.secrets[name] = stored
	return stored
}

func (s *secretsManager) get(name string) (storedSecret, bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	stored, ok := s.secrets[name]
	return stored, ok
}

// ServeHTTP answers one call. The operation is the last part of X-Amz-Target.
func (s *secretsManager) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var call struct{ SecretId, SecretString string }
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&call); err != nil {
		answerSecrets(w, http.StatusBadRequest, awsFault("SerializationException", "the body is not JSON"))
		return
	}
	stored, known := s.get(call.SecretId)
	switch target := r.Header.Get("X-Amz-Target"); {
	case target == "secretsmanager.GetSecretValue" && known:
		answerSecrets(w, http.StatusOK, secretValue(call.SecretId, stored))
	case target == "secretsmanager.PutSecretValue" && known:
		stored = s.put(call.SecretId, call.SecretString)
		value := secretValue(call.SecretId, stored)
		delete(value, "SecretString")
		answerSecrets(w, http.StatusOK, value)
	case !known:
		answerSecrets(w, http.StatusBadRequest, awsFault("ResourceNotFoundException", "Secrets Manager can't find the specified secret."))
	default:
		answerSecrets(w, http.StatusBadRequest, awsFault("UnknownOperationException", "only GetSecretValue and PutSecretValue are spoken here"))
	}
}

func secretValue(name string, stored storedSecret) map[string]any {
	return map[string]any{
		"ARN":           "arn:aws:secretsmanager:us-east-1:000000000000:secret:" + name + "-local0",
		"Name":          name,
		"SecretString":  stored.text,
		"VersionId":     stored.version,
		"VersionStages": []string{"AWSCURRENT"},
		"CreatedDate":   float64(stored.created.UnixMilli()) / 1000,
	}
}

func awsFault(name, message string) map[string]any {
	return map[string]any{"__type": name, "message": message}
}

func answerSecrets(w http.ResponseWriter, status int, value map[string]any) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}
