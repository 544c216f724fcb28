package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"keyrelay/function/fake"
	"keyrelay/function/gateway"
)

// TestKinds runs each kind of credential: testdata/kinds/KIND.txtar has a document, the
// secret keyrelay/orders, what the caller sends once or more, what the endpoints answer,
// and every field of every request that arrives, in order, and, where it is to change,
// the secret that is kept. $API is their address. Where the document writes https://$API,
// they take no connection without a client certificate; its number arrives as Presented.
func TestKinds(t *testing.T) {
	files, err := filepath.Glob("testdata/kinds/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no kinds", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			runKind(t, archive)
		})
	}
}

func runKind(t *testing.T, archive *txtar.Archive) {
	answers := map[string][]string{}
	api := fake.NewAPI(func(_ int, w http.ResponseWriter, r *http.Request) { answerKind(w, answers, r.URL.Path) })
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS != nil {
			r.Header.Set("Presented", r.TLS.PeerCertificates[0].SerialNumber.String())
		}
		api.ServeHTTP(w, r)
	}))
	defer server.Close()
	roots := ""
	if bytes.Contains(txtar.Format(archive), []byte("https://$API")) {
		server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS12}
		server.StartTLS()
		roots = writeRoots(t, server)
	} else {
		server.Start()
	}
	_, host, _ := strings.Cut(server.URL, "://")
	var document, calls, want, kept string
	secrets, keys := startManagedSecrets(t), newSigningKeys(t)
	for _, section := range archive.Files {
		text := strings.NewReplacer("$API", host, "$ROOTS", roots).Replace(string(section.Data))
		name, path, _ := strings.Cut(section.Name, " ")
		switch name {
		case "document":
			document = text
		case "secret":
			secrets.Put("keyrelay/orders", keys.fill(text))
		case "answer":
			answers[path] = append(answers[path], text)
		case "caller":
			calls += text + "\x00"
		case "arrives":
			want = string(section.Data)
		case "kept":
			kept = strings.TrimSuffix(string(section.Data), "\n") // as a secret is read
		default:
			t.Fatalf("%s is not known", section.Name)
		}
	}
	relay := gateway.HTTP(wired(t, writeOrders(t, document), nil))
	for text := range strings.SplitSeq(strings.TrimSuffix(calls, "\x00"), "\x00") {
		if answer := call(relay, text); answer.Code >= 300 {
			t.Errorf("the caller got %d %s", answer.Code, answer.Body)
		}
	}
	// Signatures of AWS and of OAuth 1.0 are of their time.
	arrived := regexp.MustCompile(`oauth_nonce="[A-Z2-7]{26}"`).ReplaceAllString(arrivedAt(t, api), `oauth_nonce="NONCE"`)
	arrived = regexp.MustCompile(`oauth_timestamp="\d{10}"`).ReplaceAllString(arrived, `oauth_timestamp="TIME"`)
	arrived = regexp.MustCompile(`oauth_signature="[^"]{28,}"`).ReplaceAllString(arrived, `oauth_signature="SIGNATURE"`)
	arrived = regexp.MustCompile(`\b20\d{6}(T\d{6}Z)?\b`).ReplaceAllString(arrived, "DATE")
	arrived = regexp.MustCompile(`Signature=[0-9a-f]{64}`).ReplaceAllString(arrived, "Signature=SIGNATURE")
	if difference := cmp.Diff(want, keys.open(t, strings.ReplaceAll(arrived, host, "$API"), host)); difference != "" {
		t.Errorf("(-want +got):\n%s", difference)
	}
	if kept != "" {
		if difference := cmp.Diff(kept, secrets.Value("keyrelay/orders")); difference != "" {
			t.Errorf("the secret (-want +got):\n%s", difference)
		}
	}
}

// answerKind answers with the next text of a path, the last one over and over: header
// fields and an empty line, or at once a body, which is JSON; {} where there is none.
func answerKind(w http.ResponseWriter, answers map[string][]string, path string) {
	text := "{}"
	if list := answers[path]; len(list) > 0 {
		text = list[0]
		answers[path] = list[min(1, len(list)-1):]
	}
	w.Header().Set("Content-Type", "application/json")
	status := http.StatusOK
	for text != "" && text[0] != '{' {
		line, rest, _ := strings.Cut(text, "\n")
		text = rest
		if line == "" {
			break
		}
		if line == "401" {
			status = http.StatusUnauthorized
			continue
		}
		name, value, _ := strings.Cut(line, ": ")
		w.Header().Set(name, value)
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, strings.TrimSuffix(text, "\n"))
}

// arrivedAt are the requests that an API received, as texts. Fields that every request
// has are checked and left out.
func arrivedAt(t *testing.T, api *fake.API) string {
	var text bytes.Buffer
	for _, request := range api.Take() {
		for name, value := range map[string]string{"Accept-Encoding": "identity", "User-Agent": "keyrelay"} {
			if request.Header.Get(name) != value {
				t.Errorf("%s is %q", name, request.Header.Get(name))
			}
			request.Header.Del(name)
		}
		lines := bufio.NewScanner(strings.NewReader(request.String()))
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			if line := lines.Text(); line != "" && line != "Via: 1.1 keyrelay" {
				text.WriteString(line + "\n")
			}
		}
	}
	return text.String()
}
