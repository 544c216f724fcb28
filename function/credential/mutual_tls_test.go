package credential_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"keyrelay/function/credential"
	"keyrelay/function/destination"
	"keyrelay/function/fake"
)

// TestClientCertificate presents the certificate to a real server; a rotated one
// is another, the same one stays the same.
func TestClientCertificate(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(r.TLS.PeerCertificates[0].SerialNumber.String()))
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	server.StartTLS()
	t.Cleanup(server.Close)
	e := fake.NewSecrets(map[string]string{"keyrelay/cert": fake.ClientCertificate(1)})
	store := storeOn(t, e)
	outbound := planWith(&destination.SecurityScheme{Name: "cert", Kind: destination.MutualTLS, Secret: managed("keyrelay/cert", "")})
	first := mustGet(t, store, outbound)
	if got := serialSeen(t, server, first); got != "1" {
		t.Errorf("the server saw %s", got)
	}
	if mustGet(t, store, outbound).Certificate() != first.Certificate() {
		t.Error("the same certificate is another")
	}
	if renewal(t, store, first) != nil {
		t.Error("the same certificate was renewed")
	}
	e.Put("keyrelay/cert", fake.ClientCertificate(2))
	store = storeOn(t, e)
	if got := serialSeen(t, server, mustGet(t, store, outbound)); got != "2" {
		t.Errorf("the server saw %s", got)
	}
}

// TestCertificateRotates gives the new certificate when the old one is refused.
func TestCertificateRotates(t *testing.T) {
	e := fake.NewSecrets(map[string]string{"keyrelay/cert": fake.ClientCertificate(1)})
	store := storeOn(t, e)
	outbound := planWith(&destination.SecurityScheme{Name: "cert", Kind: destination.MutualTLS, Secret: managed("keyrelay/cert", "")})
	first := mustGet(t, store, outbound)
	e.Put("keyrelay/cert", fake.ClientCertificate(2))
	renewed := renewal(t, store, first)
	if renewed == nil || renewed.Certificate() == first.Certificate() {
		t.Error("the rotated certificate was not read")
	}
}

func serialSeen(t *testing.T, server *httptest.Server, used *credential.Credential) string {
	t.Helper()
	client := server.Client()
	transport := client.Transport.(*http.Transport).Clone()
	transport.TLSClientConfig.Certificates = []tls.Certificate{*used.Certificate()}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequest(http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	used.Apply(request)
	answer, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var serial [10]byte
	n, _ := answer.Body.Read(serial[:])
	return string(serial[:n])
}

// TestNoCertificate refuses a secret without a certificate and its key, and puts a
// certificate into no field.
func TestNoCertificate(t *testing.T) {
	scheme := &destination.SecurityScheme{Name: "cert", Kind: destination.MutualTLS, Secret: managed("keyrelay/cert", "")}
	for secret, says := range map[string]string{
		"hush": "shape", `{"certificate": "hush"}`: "shape", `{"certificate": "hush", "private_key": "hush"}`: "PEM",
	} {
		mustRefuse(t, storeOn(t, fake.NewSecrets(map[string]string{"keyrelay/cert": secret})), scheme, says)
	}
	store := storeOn(t, fake.NewSecrets(map[string]string{"keyrelay/cert": fake.ClientCertificate(1)}))
	request := &http.Request{URL: &url.URL{}, Header: http.Header{}}
	used := mustGet(t, store, planWith(scheme))
	if used.Apply(request); len(request.Header) > 0 {
		t.Errorf("a certificate came into the header: %v", request.Header)
	}
}
