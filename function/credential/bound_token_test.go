package credential_test

import (
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"keyrelay/function/destination"
	"keyrelay/function/fake"
	"keyrelay/function/retrieval"
	"keyrelay/function/secret"
)

// A tokenServer is a token endpoint over TLS that takes no connection without a client
// certificate. Its tokens name the certificate's number, the path and what the form used.
type tokenServer struct {
	*httptest.Server
	// accepts is the number of the only certificate that it accepts; empty for any.
	accepts string
}

// newTokenServer starts one, and has the destination trust it.
func newTokenServer(t *testing.T, d *destination.Destination) *tokenServer {
	s := &tokenServer{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(s.answer))
	s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	file := filepath.Join(t.TempDir(), "roots")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	d.CA = destination.Reference{Provider: "file", Name: file}
	return s
}

func (s *tokenServer) answer(w http.ResponseWriter, r *http.Request) {
	number := r.TLS.PeerCertificates[0].SerialNumber.String()
	w.Header().Set("Content-Type", "application/json")
	if s.accepts != "" && number != s.accepts {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"error": "invalid_client"}`)
		return
	}
	_ = r.ParseForm()
	_, _, authenticates := r.BasicAuth()
	token := fmt.Sprint("certificate-", number, r.URL.Path, " secret=", authenticates, " form=", r.PostForm.Encode())
	_ = json.NewEncoder(w).Encode(map[string]string{"access_token": token, "token_type": "Bearer"})
}

// TestTokenByCertificate presents the certificate of the same requirement on the token
// call, to a server that takes no other: by client credentials with a secret and without
// (RFC 8705 section 2), and for a key. Without the scheme there is no token.
func TestTokenByCertificate(t *testing.T) {
	w := newWorld(t, map[string]string{"client": client, "bare": `{"client_id": "the-client"}`, "cert": fake.ClientCertificate(7)}, nil)
	server := newTokenServer(t, w.destination)
	w.url = server.URL
	certificate := &destination.SecurityScheme{Name: "certificate", Kind: destination.MutualTLS, Secret: managed("cert", "")}
	withSecret, without, key := w.oauth(), w.oauth(), w.session("/access_token")
	without.Secret = managed("bare", "")
	for name, test := range map[string]struct {
		scheme *destination.SecurityScheme
		field  string
		token  string
		reason error // of there being no token without the certificate
	}{
		"a client with a secret":    {withSecret, "Authorization", "Bearer certificate-7/token secret=true form=grant_type=client_credentials", retrieval.ErrFailed},
		"a client without a secret": {without, "Authorization", "Bearer certificate-7/token secret=false form=client_id=the-client&grant_type=client_credentials", secret.ErrUnavailable},
		"a key":                     {key, "X-Session", "certificate-7" + key.Retrieval.URL.Path + " secret=false form=", retrieval.ErrFailed},
	} {
		t.Run(name, func(t *testing.T) {
			for _, outbound := range [][]*destination.SecurityScheme{{certificate, test.scheme}, {test.scheme, certificate}} {
				had := mustGet(t, w.store, w.plan(outbound...))
				if got := sent(had).Get(test.field); got != test.token {
					t.Errorf("%s is %q, want %q", test.field, got, test.token)
				}
			}
			_, err := w.store.Get(t.Context(), w.plan(test.scheme))
			mustFail(t, err, test.reason)
		})
	}
}

// TestCertificateOfTokenRotates reads the certificate again where the endpoint does not
// accept the client that it says.
func TestCertificateOfTokenRotates(t *testing.T) {
	w := newWorld(t, map[string]string{"client": client, "cert": fake.ClientCertificate(1)}, nil)
	server := newTokenServer(t, w.destination)
	w.url = server.URL
	certificate := &destination.SecurityScheme{Name: "certificate", Kind: destination.MutualTLS, Secret: managed("cert", "")}
	mustGet(t, w.store, w.plan(certificate))
	w.secrets.Put("cert", fake.ClientCertificate(2))
	server.accepts = "2"
	w.mustAuthorize(t, w.plan(w.oauth(), certificate), "Bearer certificate-2/token secret=true form=grant_type=client_credentials")
}

// TestCertificateEndpoint calls the endpoint that a discovery document names for clients
// with a certificate (RFC 8705 section 5), and the other one for all others.
func TestCertificateEndpoint(t *testing.T) {
	w := newWorld(t, map[string]string{"client": client, "cert": fake.ClientCertificate(3)}, nil)
	server := newTokenServer(t, w.destination)
	plain := fake.NewAPI(fake.Tokens(60))
	address := fake.Serve(t, plain)
	discovery := fake.Serve(t, fake.NewAPI(fake.Says(200, "application/json", fmt.Sprintf(
		`{"token_endpoint": %q, "mtls_endpoint_aliases": {"token_endpoint": %q}}`, address+"/token", server.URL+"/alias"))))
	target, err := url.Parse(discovery)
	if err != nil {
		t.Fatal(err)
	}
	scheme := w.oauth()
	scheme.Kind, scheme.Flow, scheme.DiscoveryURL = destination.OpenIDConnect, nil, target
	certificate := &destination.SecurityScheme{Name: "certificate", Kind: destination.MutualTLS, Secret: managed("cert", "")}
	w.mustAuthorize(t, w.plan(scheme, certificate), "Bearer certificate-3/alias secret=true form=grant_type=client_credentials")
	w.mustAuthorize(t, w.plan(scheme), "Bearer token-number-1")
}
