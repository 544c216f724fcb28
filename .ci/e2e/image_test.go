package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"keyrelay/function/fake"
)

// TestImage runs the built image as docs/deploy.md says, as nobody, with nothing it
// could write to and no capability, and stops it while a request is under way.
func TestImage(t *testing.T) {
	startDownstream(t)
	bridge := bridgeAddress(t)
	port := fake.FreePort(t)
	const name = "keyrelay-e2e"
	_ = command(t, nil, "docker", "rm", "--force", name).Run() // one that a run which was cut off left behind
	output(t, command(t, nil, "docker", "run", "--detach", "--name", name, "--read-only", "--cap-drop", "ALL",
		"--security-opt", "no-new-privileges", "--publish", "127.0.0.1:"+port+":8080", "--add-host", "host.docker.internal:host-gateway",
		"--env", "KEYRELAY_CALLER_KEYS=env:CALLER_KEY", "--env", "CALLER_KEY=the-caller-key-of-the-test",
		"--env", "AWS_ENDPOINT_URL_SECRETS_MANAGER=http://"+bridge+":8082", "--env", "AWS_REGION=us-east-1",
		"--env", "AWS_ACCESS_KEY_ID=test", "--env", "AWS_SECRET_ACCESS_KEY=test",
		"--health-interval", "1s", "keyrelay"))
	t.Cleanup(func() { output(t, command(t, nil, "docker", "rm", "--force", name)) })
	address := "http://127.0.0.1:" + port
	inspect := func(format string) string {
		return strings.TrimSpace(output(t, command(t, nil, "docker", "inspect", "--format", format, name)))
	}
	eventually(t, "the container is healthy", func() bool { return inspect("{{.State.Health.Status}}") == "healthy" })

	if user := inspect("{{.Config.User}}"); user != "65532:65532" {
		t.Errorf("the program runs as %s", user)
	}
	imageRefusesStrangers(t, address)
	imageRelays(t, address)
	imageDrains(t, address, name)
	if code := inspect("{{.State.ExitCode}}"); code != "0" {
		t.Errorf("the container ended with %s, want 0", code)
	}
}

func imageRefusesStrangers(t *testing.T, address string) {
	t.Helper()
	request := imageRequest(t, address, "/post")
	request.Header.Del("X-Api-Key")
	if status, _, body := send(t, request); status != http.StatusUnauthorized || problem(t, body) != "caller-key-invalid" {
		t.Errorf("without a key: got %d %s, want 401 caller-key-invalid", status, body)
	}
}

func imageRelays(t *testing.T, address string) {
	t.Helper()
	if status, _, body := send(t, imageRequest(t, address, "/post")); status != http.StatusOK || !strings.Contains(string(body), `{\"amount\":19.90}`) {
		t.Errorf("got %d %s, want 200 and the record's rest", status, body)
	}
}

// imageDrains sends a request whose body ends only after the container was told
// to stop, and expects its answer all the same.
func imageDrains(t *testing.T, address, name string) {
	t.Helper()
	body := newSlowBody(`{"customer":"c-42",`, `"amount":19.90}`)
	request := imageRequest(t, address, "/post")
	request.Body, request.ContentLength = body, int64(len(body.first)+len(body.second))
	answered := make(chan int, 1)
	go func() {
		status, _, _ := send(t, request)
		answered <- status
	}()
	<-body.begun
	began := time.Now()
	stopped := make(chan struct{})
	go func() { output(t, command(t, nil, "docker", "stop", "--time", "30", name)); close(stopped) }()
	eventually(t, "the container accepts no more", func() bool { return !answers(address + "/healthz")() })
	close(body.finish)
	if status := <-answered; status != http.StatusOK {
		t.Errorf("the request under way was answered %d, want 200", status)
	}
	<-stopped
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("the container took %s to stop", took)
	}
}

func imageRequest(t *testing.T, address, path string) *http.Request {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+"/", strings.NewReader(`{"customer":"c-42","amount":19.90}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Api-Key", "the-caller-key-of-the-test")
	request.Header.Set("X-Osmos-Outbound-Url", "http://host.docker.internal:8081"+path)
	request.Header.Set("X-Osmos-Query-Param-Fields", "customer")
	return request
}
