package credential_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"keyrelay/function/credential"
	"keyrelay/function/destination"
	"keyrelay/function/fake"
	"keyrelay/function/gateway"
	"keyrelay/function/rawjson"
	"keyrelay/function/retrieval"
	"keyrelay/function/secret"
)

// mustRefuse is the refusal of Get, which says what it must and nothing that it must not.
func mustRefuse(t *testing.T, store *credential.Store, scheme *destination.SecurityScheme, says string) *gateway.Refusal {
	t.Helper()
	_, err := store.Get(t.Context(), planWith(scheme))
	var refusal *gateway.Refusal
	if !errors.As(err, &refusal) || refusal.Reason != secret.ErrUnavailable {
		t.Fatalf("got %v, want a refusal with secret.ErrUnavailable", err)
	}
	if !strings.Contains(refusal.Detail, says) {
		t.Errorf("the detail does not say %q: %s", says, refusal.Detail)
	}
	if said := refusal.Detail + refusal.Note; !strings.Contains(said, scheme.Secret.Provider+":"+scheme.Secret.Name) {
		t.Errorf("neither detail nor note names %s: %s", scheme.Secret, said)
	}
	if refusal.RetryAfter < 1 || refusal.RetryAfter > 30 {
		t.Errorf("RetryAfter is %d", refusal.RetryAfter)
	}
	for _, private := range []string{"canary", "hush", "127.0.0.1", "AKID"} {
		if strings.Contains(refusal.Detail, private) {
			t.Errorf("the detail holds %q: %s", private, refusal.Detail)
		}
	}
	return refusal
}

// TestSecretsManagerFails tells each failure of Secrets Manager by what to do about it.
func TestSecretsManagerFails(t *testing.T) {
	write := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }
	}
	tests := []struct {
		name string
		says string
		fail http.HandlerFunc
	}{
		{"not found", "Create it", fake.Fault("ResourceNotFoundException", 400)},
		{"denied", "secretsmanager:GetSecretValue", fake.Fault("AccessDeniedException", 400)},
		{"key disabled", "kms:Decrypt", fake.Fault("DecryptionFailure", 400)},
		{"marked for deletion", "Restore it", fake.Fault("InvalidRequestException", 400)},
		{"name", "Fix it in the document", fake.Fault("InvalidParameterException", 400)},
		{"throttled", "asked too often", fake.Fault("ThrottlingException", 400)},
		{"credentials expired", "Renew them", fake.Fault("ExpiredTokenException", 400)},
		{"down", "It is tried again", fake.Fault("InternalServiceError", 500)},
		{"rubbish", "answer is broken", write("<html>hush</html>")},
		{"cut off", "answer is broken", fake.CutOff(`{"SecretString": "hush-`)},
		{"cut off within JSON", "answer is broken", write(`{"SecretString": "hush-hush"`)},
		{"no value", "is empty", write(`{"Name": "keyrelay/it"}`)},
		{"empty", "is empty", write(`{"SecretString": ""}`)},
		{"value of another type", "answer is broken", write(`{"SecretString": {"hush": 1}}`)},
		{"too large", "65,536", write(`{"SecretString": "` + strings.Repeat("hush", 65_536/4) + `!"}`)},
		{"endless", "answer is broken", write(`{"SecretString": "` + strings.Repeat("hush", 1<<20) + `"}`)},
		{"redirect", "Secrets Manager", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/hush", http.StatusFound) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			e := fake.NewSecrets(map[string]string{})
			e.Fail(test.fail)
			mustRefuse(t, storeOn(t, e), header(managed("keyrelay/it", "/key")), test.says)
		})
	}
}

// TestSecretBinary takes a binary secret for what its bytes are.
func TestSecretBinary(t *testing.T) {
	e := fake.NewSecrets(nil)
	e.Fail(func(w http.ResponseWriter, _ *http.Request) {
		fake.AWSAnswer(w, http.StatusOK, map[string]any{"SecretBinary": base64.StdEncoding.EncodeToString([]byte("binary-key"))})
	})
	if got := keyIn(mustGet(t, storeOn(t, e), planWith(header(managed("keyrelay/it", ""))))); got != "binary-key" {
		t.Errorf("sent %q", got)
	}
}

// TestSecretsManagerHangs ends a call to Secrets Manager after 3 s.
func TestSecretsManagerHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := fake.NewSecrets(nil)
		e.Fail(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		store := newStore(secret.Config{SecretsManager: e.Client})
		start := time.Now()
		mustRefuse(t, store, header(managed("keyrelay/it", "")), "within 3 s")
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// TestNoAWS says what is missing where the process has no AWS configuration, and
// asks again each time.
func TestNoAWS(t *testing.T) {
	var made []aws.Config
	connect := func(context.Context) (*secretsmanager.Client, error) {
		if len(made) == 0 {
			return nil, errors.New("hush: no profile")
		}
		return secretsmanager.NewFromConfig(made[0]), nil
	}
	for _, test := range []struct {
		says string
		made []aws.Config
	}{
		{"AWS configuration of this process is broken", nil},
		{"Set AWS_REGION", []aws.Config{{}}},
		{"no AWS credentials", []aws.Config{{Region: "us-east-1"}}},
		{"no AWS credentials", []aws.Config{{Region: "us-east-1", Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{}, errors.New("hush: no role")
		})}}},
	} {
		made = test.made
		mustRefuse(t, newStore(secret.Config{SecretsManager: connect}), header(managed("keyrelay/it", "")), test.says)
	}
}

// TestShape refuses a secret that is not of the shape that its scheme needs,
// without showing it.
func TestShape(t *testing.T) {
	basic := func(s *destination.SecurityScheme) { s.Kind = destination.Basic }
	bearer := func(s *destination.SecurityScheme) { s.Kind = destination.Bearer }
	template := func(s *destination.SecurityScheme) {
		s.Value = &destination.ValueTemplate{Parts: []destination.TemplatePart{{Pointer: "/key", IsPointer: true}}}
	}
	cookie := func(s *destination.SecurityScheme) { s.In = "cookie" }
	asIs := func(*destination.SecurityScheme) {}
	tests := []struct {
		name, secret string
		pointer      rawjson.Pointer
		change       func(*destination.SecurityScheme)
		says         string
	}{
		{"an object", `{"hush": "hush-hush"}`, "", asIs, "pointer such as #/api_key"},
		{"an array at the pointer", `{"key": ["hush"]}`, "/key", asIs, "pointer such as #/api_key"},
		{"no JSON", "hush-hush", "/key", asIs, "is not JSON"},
		{"nothing at the pointer", `{"hush": 1}`, "/key", asIs, "no value at its pointer"},
		{"nothing below a text", `{"key": "hush"}`, "/key/0", asIs, "no value at its pointer"},
		{"an element's number with a zero before", `{"key": ["hush", "hush"]}`, "/key/01", asIs, "no value at its pointer"},
		{"null", `{"key": null}`, "/key", asIs, "is null"},
		{"an empty text", `{"key": ""}`, "/key", asIs, "empty key"},
		{"a line break", "hush\nhush", "", asIs, "line break"},
		{"a carriage return", `{"key": "hush\r\nX-Other: 1"}`, "/key", asIs, "line break"},
		{"a space behind", "hush-hush ", "", asIs, "white space"},
		{"bearer with a line break", "hush-hush\n\n", "", bearer, "line break"},
		{"cookie with a semicolon", "hush;hush", "", cookie, "cookie cannot carry"},
		{"cookie beyond ASCII", "hüsh", "", cookie, "cookie cannot carry"},
		{"basic as a text without a colon", "hush-hush", "", basic, "username"},
		{"basic without a password", `{"username": "hush"}`, "", basic, "username"},
		{"basic with a number", `{"username": "hush", "password": 1}`, "", basic, "username"},
		{"basic with a colon", `{"username": "hu:sh", "password": "hush"}`, "", basic, "colon"},
		{"basic with a line break", `{"username": "hush", "password": "hush\n"}`, "", basic, "line break"},
		{"a template over a text", "hush-hush", "", template, "no JSON object"},
		{"a template over another object", `{"hush": 1}`, "", template, "lacks a member"},
		{"a template over an object in it", `{"key": {"hush": 1}}`, "", template, "lacks a member"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			store := storeOn(t, fake.NewSecrets(map[string]string{"keyrelay/it": test.secret}))
			scheme := header(managed("keyrelay/it", test.pointer))
			test.change(scheme)
			mustRefuse(t, store, scheme, test.says)
		})
	}
}

// TestFixedShape sees a fixed secret soon, not after the time to live of the broken one.
func TestFixedShape(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := fake.NewSecrets(map[string]string{"keyrelay/it": "a\nline"})
		store := newStore(secret.Config{SecretsManager: e.Client})
		scheme := header(managed("keyrelay/it", ""))
		mustRefuse(t, store, scheme, "line break")
		e.Put("keyrelay/it", "fixed-key")
		time.Sleep(10 * time.Second)
		if got := keyIn(mustGet(t, store, planWith(scheme))); got != "fixed-key" {
			t.Errorf("sent %q", got)
		}
	})
}

// TestEnvironment reads a variable as it is.
func TestEnvironment(t *testing.T) {
	t.Setenv("KEYRELAY_TEST_KEY", "key-of-environment")
	reference := destination.Reference{Provider: "env", Name: "KEYRELAY_TEST_KEY"}
	if got := keyIn(mustGet(t, newStore(secret.Config{}), planWith(header(reference)))); got != "key-of-environment" {
		t.Errorf("sent %q", got)
	}
	t.Setenv("KEYRELAY_TEST_KEY", "")
	mustRefuse(t, newStore(secret.Config{}), header(reference), "is empty")
	os.Unsetenv("KEYRELAY_TEST_KEY")
	mustRefuse(t, newStore(secret.Config{}), header(reference), "is not set")
}

// TestFile takes one last line break off a file, and no more.
func TestFile(t *testing.T) {
	for text, want := range map[string]string{"a-file-key": "a-file-key", "a-file-key\n": "a-file-key", "a-file-key\r\n": "a-file-key"} {
		store := newStore(secret.Config{})
		if got := keyIn(mustGet(t, store, planWith(header(secretFile(t, text))))); got != want {
			t.Errorf("%q gave %q", text, got)
		}
	}
	folder := t.TempDir()
	for name, says := range map[string]string{filepath.Join(folder, "missing"): "does not exist", folder: "is not a file", os.DevNull: "is not a file"} {
		reference := destination.Reference{Provider: "file", Name: name}
		mustRefuse(t, newStore(secret.Config{}), header(reference), says)
	}
	mustRefuse(t, newStore(secret.Config{}), header(secretFile(t, "key\n\n")), "line break")
	mustRefuse(t, newStore(secret.Config{}), header(secretFile(t, strings.Repeat("k", 65_537))), "65,536")
}

// TestProvider refuses a provider that there is not.
func TestProvider(t *testing.T) {
	mustRefuse(t, newStore(secret.Config{}), header(destination.Reference{Provider: "vault", Name: "it"}), "no provider")
}

// TestUnsupported refuses a kind that no credential can be made for.
func TestUnsupported(t *testing.T) {
	scheme := &destination.SecurityScheme{Name: "digest", Kind: destination.Unsupported}
	_, err := newStore(secret.Config{}).Get(t.Context(), planWith(scheme))
	if !errors.Is(err, retrieval.ErrFailed) || !strings.Contains(fmt.Sprint(err), "digest") {
		t.Errorf("got %v", err)
	}
}
