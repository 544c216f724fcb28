package upstream_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keyrelay/function/credential"
	"keyrelay/function/destination"
	"keyrelay/function/secret"
)

// clientSecret is the secret of a mutualTLS scheme.
func clientSecret(t *testing.T, client issued) []byte {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(client.certificate.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := json.Marshal(map[string]string{
		"certificate": string(client.roots),
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})),
	})
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

// serveClients starts a TLS server that notes the name of each certificate that a
// request comes with, and whether its connection was a kept one.
func serveClients(t *testing.T, server issued) (target string, seen *[]string) {
	seen = &[]string{}
	kept := map[string]bool{}
	listening := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		name := r.TLS.PeerCertificates[0].DNSNames[0]
		if kept[r.RemoteAddr] {
			name += " again"
		}
		kept[r.RemoteAddr] = true
		*seen = append(*seen, name)
	}))
	listening.TLS = &tls.Config{Certificates: []tls.Certificate{server.certificate}, ClientAuth: tls.RequireAnyClientCert}
	listening.Config.ErrorLog = quietLog()
	listening.StartTLS()
	t.Cleanup(listening.Close)
	return listening.URL, seen
}

// TestClientCertificates presents the certificate of a mutualTLS scheme, keeps its
// connection, and opens another when the certificate was rotated.
func TestClientCertificates(t *testing.T) {
	past := time.Now().Add(-time.Minute)
	server := issue(t, "127.0.0.1", past)
	target, seen := serveClients(t, server)
	file := filepath.Join(t.TempDir(), "client")
	roots := filepath.Join(t.TempDir(), "roots")
	write(t, roots, server.roots)
	d := onLoopback()
	d.CA = destination.Reference{Provider: "file", Name: roots}
	outbound := newPlan(t, d, "POST", target, "{}")
	outbound.Operation.Security = []destination.Requirement{{Scheme: &destination.SecurityScheme{
		Name: "client", Kind: destination.MutualTLS, Secret: destination.Reference{Provider: "file", Name: file},
	}}}
	secrets := secret.New(secret.Config{TTL: 1}) // a nanosecond: read for every request
	client := newClient(t, secrets)
	store := credential.New(secrets, client.Call, nil)
	for _, name := range []string{"first.example", "first.example", "second.example"} {
		if !slices.Contains(*seen, name) {
			write(t, file, clientSecret(t, issue(t, name, past)))
		}
		used, err := store.Get(context.Background(), outbound)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Send(context.Background(), outbound, used.Apply, used.Certificate(), nil); err != nil {
			t.Fatal(err)
		}
		outbound.Header = outbound.Header.Clone()
	}
	if difference := cmp.Diff([]string{"first.example", "first.example again", "second.example"}, *seen); difference != "" {
		t.Error(difference)
	}
}

func write(t *testing.T, file string, text []byte) {
	t.Helper()
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
