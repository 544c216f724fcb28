package upstream_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keyrelay/function/destination"
	"keyrelay/function/secret"
	"keyrelay/function/upstream"
)

// An issued certificate signs itself, so it is its own root.
type issued struct {
	certificate tls.Certificate
	roots       []byte
}

// issue makes a certificate for a name, valid for some time from the given moment.
func issue(t *testing.T, name string, from time.Time) issued {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(from.UnixNano()), NotBefore: from, NotAfter: from.Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return issued{
		certificate: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		roots:       pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
	}
}

// serveTLS starts a TLS server and returns its URL.
func serveTLS(t *testing.T, config *tls.Config) string {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.TLS = config
	server.Config.ErrorLog = quietLog()
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL
}

// withRoots returns a destination that names roots in a file, and a Client that reads
// them for every request.
func withRoots(t *testing.T, roots []byte) (*upstream.Client, *destination.Destination) {
	d := onLoopback()
	d.CA = destination.Reference{Provider: "file", Name: filepath.Join(t.TempDir(), "roots.pem")}
	write(t, d.CA.Name, roots)
	return newClient(t, secret.New(secret.Config{TTL: 1})), d
}

func TestCertificates(t *testing.T) {
	now := time.Now()
	good := issue(t, "127.0.0.1", now.Add(-time.Minute))
	tests := []struct {
		name   string
		server issued
		roots  []byte // nil for the system's
		say    string // "" where the call succeeds
	}{
		{"x-keyrelay-ca", good, good.roots, ""},
		{"x-keyrelay-ca on one line", good, bytes.ReplaceAll(good.roots, []byte("\n"), []byte(`\n`)), ""},
		{"system roots", good, nil, "x-keyrelay-ca"},
		{"other roots", good, issue(t, "127.0.0.1", now).roots, "x-keyrelay-ca"},
		{"another host", issue(t, "other.example", now.Add(-time.Minute)), nil, "another host name"},
		{"expired", issue(t, "127.0.0.1", now.Add(-2*time.Hour)), nil, "expired"},
		{"not valid yet", issue(t, "127.0.0.1", now.Add(time.Hour)), nil, "not valid yet"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			target := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{test.server.certificate}})
			roots := test.roots
			if roots == nil {
				roots = test.server.roots
			}
			client, d := withRoots(t, roots)
			if test.name == "system roots" {
				d.CA = destination.Reference{}
			}
			response, err := client.Send(context.Background(), newPlan(t, d, "POST", target, "{}"), nil, nil, nil)
			if test.say == "" {
				if err != nil || response.Status != 200 {
					t.Errorf("got %v, %v", response, err)
				}
				return
			}
			refusal := mustRefuse(t, err, upstream.ErrCertificate)
			if mustBeSafe(t, refusal); !strings.Contains(refusal.Detail, test.say) {
				t.Errorf("%s does not say %q", refusal.Detail, test.say)
			}
		})
	}
}

// Roots that are changed hold for the next call: connections made under the old ones are not used again.
func TestRotatedRootsOpenNewConnections(t *testing.T) {
	now := time.Now()
	old, new := issue(t, "127.0.0.1", now.Add(-time.Minute)), issue(t, "127.0.0.1", now.Add(-2*time.Minute))
	target := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{old.certificate}})
	client, d := withRoots(t, old.roots)
	for range 2 {
		if _, err := client.Send(context.Background(), newPlan(t, d, "GET", target, ""), nil, nil, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := get(t, client, d, target); err != nil {
			t.Fatal(err)
		}
	}
	write(t, d.CA.Name, new.roots)
	_, err := client.Send(context.Background(), newPlan(t, d, "GET", target, ""), nil, nil, nil)
	mustRefuse(t, err, upstream.ErrCertificate)
	_, err = get(t, client, d, target)
	mustRefuse(t, err, upstream.ErrCertificate)
}

func TestRootsThatCannotBeHad(t *testing.T) {
	client, d := withRoots(t, []byte("s3cret, not PEM"))
	_, err := client.Send(context.Background(), newPlan(t, d, "GET", "https://127.0.0.1:9/", ""), nil, nil, nil)
	mustBeSafe(t, mustRefuse(t, err, secret.ErrUnavailable))

	d.CA.Name += ".missing"
	_, err = client.Send(context.Background(), newPlan(t, d, "GET", "https://127.0.0.1:9/", ""), nil, nil, nil)
	mustBeSafe(t, mustRefuse(t, err, secret.ErrUnavailable))
	_, err = get(t, client, d, "https://127.0.0.1:9/")
	mustBeSafe(t, mustRefuse(t, err, secret.ErrUnavailable))
}

func TestTLSThatDoesNotFit(t *testing.T) {
	good := issue(t, "127.0.0.1", time.Now().Add(-time.Minute))
	certificates := []tls.Certificate{good.certificate}
	plain := "https" + strings.TrimPrefix(listen(t, answering("HTTP/1.1 400 Bad Request\r\n\r\n")), "http")
	hangsUp := "https" + strings.TrimPrefix(listen(t, func(net.Conn) {}), "http")
	noHTTP1 := "https" + strings.TrimPrefix(listen(t, func(connection net.Conn) {
		tls.Server(connection, &tls.Config{Certificates: certificates, NextProtos: []string{"spdy/3"}}).Handshake()
	}), "http")
	for name, target := range map[string]string{
		"no HTTP/1.1": noHTTP1,
		"TLS 1.1":     serveTLS(t, &tls.Config{Certificates: certificates, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}),
		"no TLS":      plain,
		"hangs up":    hangsUp,
		"wants a client certificate": serveTLS(t, &tls.Config{Certificates: certificates,
			ClientAuth: tls.RequireAnyClientCert, MaxVersion: tls.VersionTLS12}),
	} {
		t.Run(name, func(t *testing.T) {
			client, d := withRoots(t, good.roots)
			_, err := client.Send(context.Background(), newPlan(t, d, "POST", target, "{}"), nil, nil, nil)
			mustBeSafe(t, mustRefuse(t, err, upstream.ErrTLS))
		})
	}
}
