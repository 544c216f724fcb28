package e2e

import (
	"bytes"
	"debug/elf"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keyrelay/function/fake"

	"github.com/google/go-cmp/cmp"
)

// TestInvoke gives each sample event to the built function in a container and
// compares the answer with the one of the same name in testdata/answers.
func TestInvoke(t *testing.T) {
	startDownstream(t)
	events, err := filepath.Glob("../../events/*.json")
	if err != nil || len(events) == 0 {
		t.Fatal("there are no events", err)
	}
	for _, event := range events {
		name := filepath.Base(event)
		t.Run(strings.TrimSuffix(name, ".json"), func(t *testing.T) {
			got := readable(t, output(t, command(t, nil, "sam", "local", "invoke", "Relay", "-e", "events/"+name)))
			compareAnswer(t, filepath.Join("testdata/answers", name), got)
		})
	}
}

func compareAnswer(t *testing.T, file string, got any) {
	t.Helper()
	if *update {
		var text bytes.Buffer
		encoder := json.NewEncoder(&text)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(got); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, text.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if difference := cmp.Diff(readable(t, string(text)), got); difference != "" {
		t.Errorf("(-want +got):\n%s", difference)
	}
}

// readable decodes an answer, its body too where that is JSON, without the date
// and without the list of allowed servers, which is what is in destinations/.
func readable(t *testing.T, text string) map[string]any {
	t.Helper()
	var answer map[string]any
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	for _, member := range []string{"headers", "multiValueHeaders"} {
		if headers, ok := answer[member].(map[string]any); ok {
			delete(headers, "Date")
		}
	}
	if body, ok := answer["body"].(string); ok {
		var decoded map[string]any
		if json.Unmarshal([]byte(body), &decoded) == nil {
			delete(decoded, "allowed")
			answer["body"] = decoded
		}
	}
	return answer
}

// startDownstream runs `make downstream` until the test ends.
func startDownstream(t *testing.T) {
	t.Helper()
	start(t, command(t, nil, "make", "downstream"))
	eventually(t, "the sample downstream answers", answers("http://"+bridgeAddress(t)+":8081/"))
}

// bridgeAddress is this machine's address as containers see it.
func bridgeAddress(t *testing.T) string {
	t.Helper()
	bridge, err := net.InterfaceByName("docker0")
	if err != nil {
		t.Fatal(err)
	}
	addresses, err := bridge.Addrs()
	if err != nil || len(addresses) == 0 {
		t.Fatal("docker0 has no address", err)
	}
	host, _, _ := strings.Cut(addresses[0].String(), "/")
	return host
}

// TestStartAPI calls the gateway that sam local start-api emulates.
func TestStartAPI(t *testing.T) {
	startDownstream(t)
	port := fake.FreePort(t)
	start(t, command(t, nil, "sam", "local", "start-api", "--port", port))
	address := "http://127.0.0.1:" + port + "/"
	eventually(t, "sam local start-api answers", answers(address))

	for _, call := range []struct {
		name, method, outbound, body string
		status                       int
		holds                        string
	}{
		{"a record is relayed", http.MethodPost, "http://host.docker.internal:8081/post", `{"customer":"c-42","amount":19.90}`, 200, `{\"amount\":19.90}`},
		{"a GET without a record", http.MethodGet, "http://host.docker.internal:8081/orders?limit=10", "", 200, `"limit"`},
		{"a destination that no document declares", http.MethodPost, "https://elsewhere.example.com/post", `{"customer":"c-42"}`, 403, "urn:keyrelay:problem:destination-not-declared"},
		{"a record that is none", http.MethodPost, "http://host.docker.internal:8081/post", `{"customer":`, 400, "urn:keyrelay:problem:record-invalid"},
	} {
		t.Run(call.name, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), call.method, address, strings.NewReader(call.body))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("X-Osmos-Outbound-Url", call.outbound)
			if call.body != "" {
				request.Header.Set("Content-Type", "application/json")
				request.Header.Set("X-Osmos-Query-Param-Fields", "customer")
			}
			status, _, body := send(t, request)
			if status != call.status || !strings.Contains(string(body), call.holds) {
				t.Errorf("got %d %s, want %d and a body that holds %s", status, body, call.status, call.holds)
			}
		})
	}
}

// send makes one request and reads the whole answer.
func send(t *testing.T, request *http.Request) (int, http.Header, []byte) {
	t.Helper()
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, body
}

// TestFaultyDocumentStopsBuild shows that a document with a fault never gets as
// far as a deploy, and that the build says what to fix.
func TestFaultyDocumentStopsBuild(t *testing.T) {
	build := command(t, []string{"DESTINATIONS=.ci/e2e/testdata/faulty"}, "sam", "build", "--build-dir", t.TempDir())
	printed, err := build.CombinedOutput()
	if err == nil {
		t.Fatalf("the build took a faulty document:\n%s", printed)
	}
	if want := "orders.yaml:5:10: "; !strings.Contains(string(printed), want) {
		t.Errorf("the build does not name %q:\n%s", want, printed)
	}
}

// TestArchitecture builds with documents and a samconfig.toml that lie outside the
// clone: its one line decides what is built, and nothing in the clone changes, so
// that an upgrade is a pull without a conflict.
func TestArchitecture(t *testing.T) {
	folder, own := filepath.Join(t.TempDir(), "clone"), t.TempDir()
	output(t, command(t, nil, "git", "clone", "-q", ".", folder))
	output(t, command(t, nil, "cp", "-R", folder+"/examples", own+"/destinations"))
	output(t, command(t, nil, "cp", folder+"/samconfig.toml", own))
	output(t, command(t, nil, "sed", "-i", "s/Architecture=x86_64/Architecture=arm64/", own+"/samconfig.toml"))
	build := command(t, []string{"DESTINATIONS=" + own + "/destinations", "SAMCONFIG=" + own + "/samconfig.toml"}, "sam", "build")
	build.Dir = folder
	output(t, build)
	if changed := output(t, command(t, nil, "git", "-C", folder, "status", "--porcelain")); changed != "" {
		t.Errorf("the build changed the clone:\n%s", changed)
	}
	if _, err := os.Stat(filepath.Join(folder, ".aws-sam/build/Relay/destinations/shipments.json")); err != nil {
		t.Error(err)
	}
	program, err := elf.Open(filepath.Join(folder, ".aws-sam/build/Relay/bootstrap"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = program.Close() }()
	if program.Machine != elf.EM_AARCH64 {
		t.Errorf("bootstrap is for %s, want arm64", program.Machine)
	}
}
