// Package fake has the endpoints that tests and the workbench put around a relay: AWS
// Secrets Manager, Amazon SQS queues, a DynamoDB table, and an API that answers and
// records what it receives. They are real HTTP handlers: serve them with net/http/httptest
// or net/http.
//
//	secrets := fake.NewSecrets(map[string]string{"keyrelay/shop": `{"key": "…"}`})
//	server := httptest.NewServer(secrets)
//	store := secret.New(secret.Config{SecretsManager: fake.Connect(server.URL, nil)})
package fake

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"keyrelay/function/secret"
)

// Secrets is an endpoint that speaks the part of the AWS Secrets Manager protocol
// (JSON 1.1) that a relay and a person trying it out need: GetSecretValue and
// PutSecretValue, https://docs.aws.amazon.com/secretsmanager/latest/apireference/.
// It is safe for concurrent use.
type Secrets struct {
	service
	values   map[string]string
	versions int
	// file is what the secrets were read from; empty for none.
	file string
	// failWrites answers calls that would change a secret; nil for none.
	failWrites http.HandlerFunc
}

// NewSecrets returns an endpoint with these secrets, by name.
func NewSecrets(values map[string]string) *Secrets {
	made := &Secrets{values: map[string]string{}}
	maps.Copy(made.values, values)
	return made
}

// NewSecretsFile returns an endpoint with the secrets of a file. It says of a secret that
// is not there which name in the file is near.
func NewSecretsFile(file string, values map[string]string) *Secrets {
	made := NewSecrets(values)
	made.file = file
	return made
}

// Change stores what differs between two states of a file, by name, and leaves all else as
// it was written since. undo takes that back.
func (s *Secrets) Change(from, to map[string]string) (undo func()) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	before, after := map[string]string{}, map[string]string{}
	for name, text := range from {
		if now, stays := to[name]; !stays || now != text {
			before[name] = s.values[name]
			delete(s.values, name)
		}
	}
	for name, text := range to {
		if was, known := from[name]; !known || was != text {
			after[name], s.values[name] = text, text
		}
	}
	s.versions++
	return func() { s.Change(after, before) }
}

// absent says that there is no such secret.
func (s *Secrets) absent(w http.ResponseWriter, r *http.Request, name string) {
	if s.file == "" {
		Fault("ResourceNotFoundException", http.StatusBadRequest)(w, r)
		return
	}
	s.mutex.Lock()
	names := slices.Sorted(maps.Keys(s.values))
	s.mutex.Unlock()
	AWSAnswer(w, http.StatusBadRequest, map[string]string{"__type": secret.NotInFile, "message": s.file + notInFile(name, names)})
}

// notInFile says of a secret that a file of these names lacks how to write it there.
func notInFile(name string, names []string) string {
	quoted := strconv.Quote(name)
	lacks := " has no member " + quoted
	isReference := func(each string) bool {
		bare, _, pointed := strings.Cut(strings.TrimPrefix(each, "secretsmanager:"), "#")
		return bare == name && (pointed || each != name)
	}
	if slices.ContainsFunc(names, isReference) {
		return " has a whole reference in the place of the name " + quoted + ". Write the name alone, and what stands behind # as a member of that secret."
	}
	if folder, _, nested := strings.Cut(name, "/"); nested && slices.Contains(names, folder) {
		return lacks + ", but " + strconv.Quote(folder) + ". Write the slash into one name: {" + quoted + ": …}."
	}
	if at := slices.IndexFunc(names, func(each string) bool { return secret.Near(each, name) }); at >= 0 {
		return lacks + ", but " + strconv.Quote(names[at]) + ". Rename that one."
	}
	return lacks + sameFolder(name, names) + ". Its members are whole names of secrets: add {" + quoted + ": …}, or fix the name in the document."
}

// maxNames is how many names of a file are told.
const maxNames = 10

// sameFolder tells the names of the same folder: any other could be a key that stands in the
// place of a name.
func sameFolder(name string, names []string) string {
	folder, _, _ := strings.Cut(name, "/")
	var told []string
	for _, each := range names {
		if strings.HasPrefix(each, folder+"/") && len(told) < maxNames {
			told = append(told, strconv.Quote(each))
		}
	}
	if told == nil {
		return ""
	}
	return ", but " + secret.Listed(told)
}

// Put stores a new current version.
func (s *Secrets) Put(name, value string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.values[name] = value
	s.versions++
}

// Value is the current version of a secret; empty if there is none.
func (s *Secrets) Value(name string) string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.values[name]
}

// Versions is how many versions of secrets have been stored, which tells whether one was
// stored since.
func (s *Secrets) Versions() int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.versions
}

// FailWrites lets fail answer calls that would change a secret from now on; nil ends that.
func (s *Secrets) FailWrites(fail http.HandlerFunc) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.failWrites = fail
}

// ServeHTTP answers one call. The operation is the last part of X-Amz-Target.
func (s *Secrets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var call struct{ SecretId, VersionStage, SecretString string }
	if !s.accept(w, r, &call) {
		return
	}
	s.mutex.Lock()
	failWrites := s.failWrites
	value, known := s.values[call.SecretId]
	s.mutex.Unlock()
	switch target := r.Header.Get("X-Amz-Target"); {
	case failWrites != nil && target == "secretsmanager.PutSecretValue":
		failWrites(w, r)
	case !known:
		s.absent(w, r, call.SecretId)
	case target == "secretsmanager.GetSecretValue" && (call.VersionStage == "" || call.VersionStage == "AWSCURRENT"):
		s.answer(w, map[string]any{"Name": call.SecretId, "SecretString": value})
	case target == "secretsmanager.PutSecretValue":
		s.Put(call.SecretId, call.SecretString)
		s.answer(w, map[string]any{"Name": call.SecretId})
	default:
		Fault("UnknownOperationException", http.StatusBadRequest)(w, r)
	}
}

// answer adds to an answer what every one has.
func (s *Secrets) answer(w http.ResponseWriter, value map[string]any) {
	s.mutex.Lock()
	value["VersionId"] = strconv.Itoa(s.versions + 1)
	s.mutex.Unlock()
	value["VersionStages"] = []string{"AWSCURRENT"}
	value["CreatedDate"] = float64(time.Now().UnixMilli()) / 1000
	AWSAnswer(w, http.StatusOK, value)
}

// Connect connects the SDK to an endpoint through client; nil for the network.
func Connect(url string, client aws.HTTPClient) func(context.Context) (*secretsmanager.Client, error) {
	return connect(url, client, secretsmanager.NewFromConfig)
}

// Client connects the SDK with the endpoint itself, for a testing/synctest bubble.
func (s *Secrets) Client(ctx context.Context) (*secretsmanager.Client, error) {
	return Connect("http://secrets.test", Direct{Handler: s})(ctx)
}
