package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keyrelay/function/fake"
)

// An awsNetwork is where a program finds whatever AWS endpoint it asks for: a proxy that
// leads every name to one Secrets Manager.
type awsNetwork struct {
	proxy, bundle string

	mutex sync.Mutex
	seen  []string
}

func startAWSNetwork(t *testing.T) *awsNetwork {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		DNSNames: []string{"*.us-east-1.amazonaws.com", "*.eu-central-1.amazonaws.com", "*.example.com"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	n := &awsNetwork{bundle: filepath.Join(t.TempDir(), "bundle.pem")}
	if err := os.WriteFile(n.bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	secrets := fake.NewSecrets(map[string]string{"key": "the-key-of-the-api"})
	manager := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scope := regexp.MustCompile("Credential=([^/]*)/[0-9]*/([^,]*)").FindStringSubmatch(r.Header.Get("Authorization"))
		n.note("signed " + strings.Join(scope[min(1, len(scope)):], " ") + " " + r.Header.Get("X-Amz-Security-Token"))
		if strings.HasPrefix(r.Host, "failing.") {
			fake.Fault("InternalServiceError", http.StatusInternalServerError)(w, r)
			return
		}
		secrets.ServeHTTP(w, r)
	}))
	manager.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	manager.StartTLS()
	t.Cleanup(manager.Close)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.note("connected to " + r.Host)
		lead(w, manager.Listener.Addr().String())
	}))
	t.Cleanup(proxy.Close)
	n.proxy = proxy.URL
	return n
}

// lead connects what asks a proxy for it to an address.
func lead(w http.ResponseWriter, address string) {
	far, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	near, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	_, _ = io.WriteString(near, "HTTP/1.1 200 OK\r\n\r\n")
	go func() { _, _ = io.Copy(far, near); _ = far.Close() }()
	go func() { _, _ = io.Copy(near, far); _ = near.Close() }()
}

func (n *awsNetwork) note(what string) {
	n.mutex.Lock()
	n.seen = append(n.seen, what)
	n.mutex.Unlock()
}

// take returns what was seen since it was last asked, each once.
func (n *awsNetwork) take() []string {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	taken := n.seen
	n.seen = nil
	slices.Sort(taken)
	return slices.Compact(taken)
}

// TestAWSEnvironment finds Secrets Manager by the same variables in the same way, in the
// build for Lambda without the SDK's package config and in the one for servers with it.
func TestAWSEnvironment(t *testing.T) {
	network := startAWSNetwork(t)
	api := fake.NewAPI(fake.Says(200, "text/plain", "ok"))
	downstream := fake.Serve(t, api)
	keyed, _ := lambdaDocument(downstream, downstream, downstream)
	keys := []string{"AWS_ACCESS_KEY_ID=AKID", "AWS_SECRET_ACCESS_KEY=example"}
	region := "AWS_REGION=us-east-1"
	at := func(host string) []string {
		return []string{"connected to " + host + ":443", "signed AKID us-east-1/secretsmanager/aws4_request "}
	}
	for name, test := range map[string]struct {
		environment []string
		want        []string
	}{
		"role":              {append(keys, region, "AWS_SESSION_TOKEN=of-the-role"), []string{"connected to secretsmanager.us-east-1.amazonaws.com:443", "signed AKID us-east-1/secretsmanager/aws4_request of-the-role"}},
		"region":            {append(keys, "AWS_REGION=eu-central-1", "AWS_DEFAULT_REGION=us-east-1"), []string{"connected to secretsmanager.eu-central-1.amazonaws.com:443", "signed AKID eu-central-1/secretsmanager/aws4_request "}},
		"default region":    {append(keys, "AWS_DEFAULT_REGION=us-east-1"), at("secretsmanager.us-east-1.amazonaws.com")},
		"FIPS":              {append(keys, region, "AWS_USE_FIPS_ENDPOINT=TRUE"), at("secretsmanager-fips.us-east-1.amazonaws.com")},
		"no FIPS":           {append(keys, region, "AWS_USE_FIPS_ENDPOINT=false"), at("secretsmanager.us-east-1.amazonaws.com")},
		"dual stack":        {append(keys, region, "AWS_USE_DUALSTACK_ENDPOINT=true"), at("secretsmanager.us-east-1.amazonaws.com")},
		"endpoint":          {append(keys, region, "AWS_ENDPOINT_URL=https://all.example.com"), at("all.example.com")},
		"own endpoint":      {append(keys, region, "AWS_ENDPOINT_URL=https://all.example.com", "AWS_ENDPOINT_URL_SECRETS_MANAGER=https://own.example.com"), at("own.example.com")},
		"no own endpoint":   {append(keys, region, "AWS_ENDPOINT_URL=https://all.example.com", "AWS_ENDPOINT_URL_SECRETS_MANAGER="), at("all.example.com")},
		"endpoint and FIPS": {append(keys, region, "AWS_ENDPOINT_URL=https://all.example.com", "AWS_USE_FIPS_ENDPOINT=true"), nil},
		"ignored endpoint":  {append(keys, region, "AWS_ENDPOINT_URL=https://all.example.com", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true"), at("secretsmanager.us-east-1.amazonaws.com")},
		"attempts":          {append(keys, region, "AWS_ENDPOINT_URL=https://failing.example.com", "AWS_MAX_ATTEMPTS=1", "AWS_RETRY_MODE=adaptive"), at("failing.example.com")},
		"broken FIPS":       {append(keys, region, "AWS_USE_FIPS_ENDPOINT=maybe"), nil},
		"broken attempts":   {append(keys, region, "AWS_MAX_ATTEMPTS=many"), nil},
		"broken mode":       {append(keys, region, "AWS_RETRY_MODE=maybe"), nil},
		"no bundle":         {append(keys, region, "AWS_CA_BUNDLE=/does/not/exist"), nil},
		"no keys":           {[]string{region}, nil},
		"half of the keys":  {[]string{region, "AWS_ACCESS_KEY_ID=AKID"}, nil},
		"no region":         {keys, nil},
	} {
		answers := map[string]string{}
		for build, program := range lambdaPrograms(t) {
			environment := append([]string{
				"HTTPS_PROXY=" + network.proxy, "AWS_CA_BUNDLE=" + network.bundle, "AWS_EC2_METADATA_DISABLED=true",
				"KEYRELAY_DESTINATIONS=" + writeDocuments(t, keyed),
			}, test.environment...)
			run := startInLambda(t, program, nil, environment...)
			status, body := run.invoke(t, downstream)
			run.stop()
			answers[build] = fmt.Sprint(status, body)
			if difference := cmp.Diff(test.want, network.take()); test.want != nil && difference != "" {
				t.Errorf("%s, %s (-want +got):\n%s", name, build, difference)
			}
		}
		if difference := cmp.Diff(answers["as tested"], answers["as built for Lambda"]); difference != "" {
			t.Errorf("%s: the builds answer differently:\n%s", name, difference)
		}
	}
}
