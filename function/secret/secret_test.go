package secret_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"keyrelay/function/destination"
	"keyrelay/function/fake"
	"keyrelay/function/rawjson"
	"keyrelay/function/secret"
)

// newStore reads the secrets of an endpoint without a network.
func newStore(e *fake.Secrets) *secret.Store {
	return secret.New(secret.Config{SecretsManager: e.Client})
}

func managed(name string, pointer rawjson.Pointer) destination.Reference {
	return destination.Reference{Provider: "secretsmanager", Name: name, Pointer: pointer}
}

// TestValue gives other packages a secret, or the part of it that a pointer names.
func TestValue(t *testing.T) {
	store := newStore(fake.NewSecrets(map[string]string{"keyrelay/it": `{"pem": "-----BEGIN\n", "list": ["a", "b"]}`}))
	for pointer, want := range map[rawjson.Pointer]string{"": `{"pem": "-----BEGIN\n", "list": ["a", "b"]}`, "/pem": "-----BEGIN\n", "/list": `["a", "b"]`} {
		read, err := store.Value(t.Context(), managed("keyrelay/it", pointer))
		if err != nil || string(read.Bytes()) != want {
			t.Errorf("%q gave %v", pointer, err)
		}
	}
	for _, reference := range []destination.Reference{managed("missing", ""), managed("keyrelay/it", "/missing")} {
		if _, err := store.Value(t.Context(), reference); !errors.Is(err, secret.ErrUnavailable) {
			t.Errorf("%s gave %v", reference, err)
		}
	}
}

// TestWrapping takes off what tools put around a text, wherever it is stored, and
// refuses a text that is not in UTF-8. Bytes that are no text stay as they are.
func TestWrapping(t *testing.T) {
	store := newStore(fake.NewSecrets(map[string]string{"text": "\ufeffthe-key\n", "object": "\ufeff{\"key\": \"the-key\"}"}))
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("\ufeffthe-key\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KEY_OF_A_TEST", "the-key\r\n")
	for _, reference := range []destination.Reference{managed("text", ""), managed("object", "/key"), {Provider: "file", Name: file}, {Provider: "env", Name: "KEY_OF_A_TEST"}} {
		if read, err := store.Value(t.Context(), reference); err != nil || string(read.Bytes()) != "the-key" {
			t.Errorf("%s gave %v", reference, err)
		}
	}
	for _, random := range []string{"\x80\x0a", "\xff\r\n", "\xef\xbb\xbf\xff", "\xc3\r"} {
		t.Setenv("KEY_OF_A_TEST", random)
		if read, err := newStore(nil).Value(t.Context(), destination.Reference{Provider: "env", Name: "KEY_OF_A_TEST"}); err != nil || string(read.Bytes()) != random {
			t.Errorf("%q gave %v, %v", random, read, err)
		}
	}
	if err := os.WriteFile(file, []byte("the-k\xe4y\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if read, err := newStore(nil).Value(t.Context(), destination.Reference{Provider: "file", Name: file}); err != nil || string(read.Bytes()) != "the-k\xe4y" {
		t.Errorf("a text in Latin-1 gave %v, %v", read, err)
	}
	for _, text := range []string{"\xff\xfek\x00", "\xfe\xff\x00k"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := secret.New(secret.Config{}).Value(t.Context(), destination.Reference{Provider: "file", Name: file})
		if err == nil || !strings.Contains(err.Error(), "UTF-16") {
			t.Errorf("%q gave %v", text, err)
		}
	}
}

// TestExists tells what is not there from what cannot be read now.
func TestExists(t *testing.T) {
	t.Setenv("RELAY_TEST_SET", "hush")
	store := newStore(fake.NewSecrets(map[string]string{"keyrelay/it": `{"key": "hush", "none": null}`, "keyrelay/text": "hush"}))
	for text, want := range map[string]string{
		"secretsmanager:keyrelay/it": "yes", "secretsmanager:keyrelay/it#/key": "yes", "env:RELAY_TEST_SET": "yes",
		"secretsmanager:keyrelay/missing#/key": "no", "secretsmanager:keyrelay/it#/other": "no", "env:RELAY_TEST_UNSET": "no", "file:/nowhere/it": "no",
		"secretsmanager:keyrelay/text#/key": "unknown", "secretsmanager:keyrelay/it#/none": "unknown", "file:/dev/null": "unknown",
	} {
		reference, err := destination.ParseReference(text)
		if err != nil {
			t.Fatal(err)
		}
		exists, err := store.Exists(t.Context(), reference)
		got := map[bool]string{true: "yes", false: "no"}[exists]
		if errors.Is(err, secret.ErrUnavailable) {
			got = "unknown"
		}
		if got != want {
			t.Errorf("%s: %s (%v), want %s", text, got, err, want)
		}
	}
}

// TestNoLinkIntoTheProcess sees that a file that leads to what the kernel makes up is none.
func TestNoLinkIntoTheProcess(t *testing.T) {
	link := filepath.Join(t.TempDir(), "secret")
	if err := os.Symlink("/proc/self/environ", link); err != nil {
		t.Skip(err)
	}
	if _, err := newStore(fake.NewSecrets(nil)).Value(t.Context(), destination.Reference{Provider: "file", Name: link}); !errors.Is(err, secret.ErrUnavailable) {
		t.Errorf("it is read: %v", err)
	}
}

// TestCheck reports what can be known at start without reading a secret.
func TestCheck(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("RELAY_TEST_SET", "hush")
	t.Setenv("RELAY_TEST_OBJECT", `{"id": "hush", "key": "hush"}`)
	written := filepath.Join(folder, "written")
	if err := os.WriteFile(written, []byte("hush"), 0o600); err != nil {
		t.Fatal(err)
	}
	document := `openapi: 3.1.0
info: {title: Orders, version: "1"}
servers: [{url: "https://api.example.com"}]
components:
  securitySchemes:
    a: {type: http, scheme: bearer, x-keyrelay-secret: "env:RELAY_TEST_SET"}
    b: {type: http, scheme: bearer, x-keyrelay-secret: "env:RELAY_TEST_UNSET"}
    c: {type: http, scheme: bearer, x-keyrelay-secret: "file:` + written + `"}
    d: {type: http, scheme: bearer, x-keyrelay-secret: "file:/missing/secret"}
    e: {type: http, scheme: bearer, x-keyrelay-secret: "file:/"}
    f: {type: http, scheme: bearer}
    g: {type: apiKey, in: header, name: g, x-keyrelay-secret: "env:RELAY_TEST_OBJECT", x-keyrelay-value: "{{{id}}}:{{{kye}}}"}
    h: {type: apiKey, in: header, name: h, x-keyrelay-secret: "env:RELAY_TEST_SET", x-keyrelay-value: "{{{.}}}"}
    i: {type: http, scheme: bearer, x-keyrelay-secret: "env:RELAY_TEST_OBJECT#/key"}
    j: {type: http, scheme: bearer, x-keyrelay-secret: "env:RELAY_TEST_OBJECT#/kye"}
    k: {type: http, scheme: bearer, x-keyrelay-secret: "env:RELAY_TEST_SET#/key"}
`
	file := filepath.Join(folder, "orders.yaml")
	if err := os.WriteFile(file, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	set, err := destination.Load(folder, destination.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var faults destination.Faults
	if err := secret.New(secret.Config{}).Check(set); !errors.As(err, &faults) {
		t.Fatalf("got %v", err)
	}
	want := strings.ReplaceAll(`FILE:7:56: the environment variable RELAY_TEST_UNSET is not set; set it where keyrelay runs, or name another secret
FILE:9:56: the file /missing/secret does not exist; put the secret there, or name another file
FILE:10:56: / is not a file; name a regular file that holds the secret
FILE:12:63: the secret env:RELAY_TEST_OBJECT has no member /kye, which a template names; add it to the secret, or fix the template. It has id and key. Perhaps key is meant by kye
FILE:15:56: the secret env:RELAY_TEST_OBJECT#/kye has no value at its pointer; add that member to the secret, or fix the part of the reference from # on. It has id and key. Perhaps key is meant by kye
FILE:16:56: the secret env:RELAY_TEST_SET#/key is not JSON, so that its pointer selects nothing; store a JSON object such as {"key": "…"}, or take the part from # on off the reference`, "FILE", file)
	if difference := cmp.Diff(want, faults.Error()); difference != "" {
		t.Errorf("(-want +got):\n%s", difference)
	}
}

// TestRetries has all three attempts of the SDK made within the time of one read,
// whatever pauses it draws.
func TestRetries(t *testing.T) {
	for range 30 {
		synctest.Test(t, func(t *testing.T) {
			e := fake.NewSecrets(map[string]string{"keyrelay/it": "the-key"})
			calls := 0
			e.Fail(func(w http.ResponseWriter, r *http.Request) {
				if calls++; calls == 2 {
					e.Fail(nil)
				}
				fake.Fault("InternalServiceError", http.StatusInternalServerError)(w, r)
			})
			if _, err := newStore(e).Value(t.Context(), managed("keyrelay/it", "")); err != nil || e.TakeCalls() != 3 {
				t.Error(err)
			}
		})
	}
}
