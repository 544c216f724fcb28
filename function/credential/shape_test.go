package credential_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"keyrelay/function/credential"
	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/plan"
	"keyrelay/function/rawjson"
)

// managed refers to a secret of Secrets Manager.
func managed(name string, pointer rawjson.Pointer) destination.Reference {
	return destination.Reference{Provider: "secretsmanager", Name: name, Pointer: pointer}
}

func header(secret destination.Reference) *destination.SecurityScheme {
	return &destination.SecurityScheme{Name: "partnerKey", In: "header", Field: "X-Partner-Key", Secret: secret}
}

// planWith is a plan whose operation asks for the schemes.
func planWith(schemes ...*destination.SecurityScheme) *plan.Plan {
	operation := &destination.Operation{}
	for _, scheme := range schemes {
		operation.Security = append(operation.Security, destination.Requirement{Scheme: scheme})
	}
	return &plan.Plan{Destination: &destination.Destination{Name: "orders"}, Operation: operation}
}

// mustGet gets a credential that must be there.
func mustGet(t testing.TB, store *credential.Store, outbound *plan.Plan) *credential.Credential {
	t.Helper()
	used, err := store.Get(t.Context(), outbound)
	if err != nil {
		t.Fatal(err)
	}
	return used
}

// renewal is another credential than the one that was refused, nil for none.
func renewal(t testing.TB, store *credential.Store, refused *credential.Credential) *credential.Credential {
	t.Helper()
	other, _ := store.Renew(t.Context(), refused)
	return other
}

// keyIn is the value of X-Partner-Key that the credential puts into a request.
func keyIn(used *credential.Credential) string {
	request := &http.Request{URL: &url.URL{}, Header: http.Header{}}
	used.Apply(request)
	return request.Header.Get("X-Partner-Key")
}

// secretFile writes a secret into a file of its own.
func secretFile(t testing.TB, text string) destination.Reference {
	t.Helper()
	reference := destination.Reference{Provider: "file", Name: filepath.Join(t.TempDir(), "secret")}
	writeSecret(t, reference, text)
	return reference
}

func writeSecret(t testing.TB, reference destination.Reference, text string) {
	t.Helper()
	if err := os.WriteFile(reference.Name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func status(code int) *gateway.Response { return &gateway.Response{Status: code} }
