package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"keyrelay/function/fake"
)

// A lambdaRun is the program as a Lambda function, at a Runtime API of its own.
type lambdaRun struct {
	command *exec.Cmd
	// asked is closed when the first event is asked for.
	asked           chan struct{}
	events, answers chan []byte
	log             bytes.Buffer
	// errors is what the program prints besides.
	errors io.Reader
	// began is when it was about to be started.
	began time.Time
	ended chan struct{}
}

// lambdaPrograms are the program as it is tested, and as it is built for Lambda.
func lambdaPrograms(t *testing.T) map[string]string {
	t.Helper()
	built, err := buildForLambda()
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{"as tested": os.Args[0], "as built for Lambda": built}
}

// lambdaFolder is what this process builds for Lambda into, and removes at its end.
func lambdaFolder() string {
	return filepath.Join(os.TempDir(), fmt.Sprint("keyrelay-lambda-", os.Getpid()))
}

// buildForLambda builds the program once for all tests.
var buildForLambda = sync.OnceValues(func() (string, error) {
	file := filepath.Join(lambdaFolder(), "bootstrap")
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-tags", "lambda.norpc,nethttpomithttp2", "-o", file, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	text, err := build.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, text)
	}
	return file, nil
})

// startInLambda starts a program, by way of a command where one is given.
func startInLambda(t *testing.T, program string, by []string, environment ...string) *lambdaRun {
	t.Helper()
	run := &lambdaRun{asked: make(chan struct{}), events: make(chan []byte), answers: make(chan []byte), ended: make(chan struct{})}
	var once sync.Once
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		once.Do(func() { close(run.asked) })
		(&runtimeAPI{run.events, run.answers}).ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	arguments := append(by, program)
	run.command = exec.Command(arguments[0], arguments[1:]...)
	run.command.Env = append(environment, "AWS_SAM_LOCAL=true", "AWS_LAMBDA_RUNTIME_API="+strings.TrimPrefix(server.URL, "http://"))
	if program == os.Args[0] {
		run.command.Env = append(run.command.Env, roleVariable+"=program")
	}
	run.command.Stdout = &run.log
	printed, err := run.command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	run.errors, run.began = printed, time.Now()
	if err := run.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _ = run.command.Process.Wait()
		close(run.ended)
	}()
	t.Cleanup(run.stop)
	return run
}

// stop ends the program; then its log is whole.
func (r *lambdaRun) stop() {
	_ = r.command.Process.Kill()
	<-r.ended
	_ = r.command.Wait()
}

// await waits until the program asks for its first event.
func (r *lambdaRun) await(t *testing.T) {
	t.Helper()
	select {
	case <-r.asked:
	case <-r.ended:
		t.Fatal("the program ended")
	}
}

// invoke sends a GET of the target and returns status and body of the answer.
func (r *lambdaRun) invoke(t *testing.T, target string) (status int, body string) {
	t.Helper()
	select {
	case r.events <- load{method: http.MethodGet, path: ""}.event(t, target, 0):
	case <-r.ended:
		t.Fatal("the program ended")
	}
	var answer struct {
		StatusCode int
		Body       string
	}
	if err := json.Unmarshal(<-r.answers, &answer); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Body
}

// awsEnvironment lets a program find Secrets Manager at an address.
func awsEnvironment(address string) []string {
	return []string{"AWS_ENDPOINT_URL_SECRETS_MANAGER=" + address, "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=example"}
}

// lambdaDocument declares an API whose key is a secret, and one whose token is retrieved.
func lambdaDocument(api, tokenAPI, tokenURL string) (keyed, retrieved string) {
	head := "openapi: 3.1.0\ninfo: {title: API, version: '1'}\nx-keyrelay-network: loopback\n"
	keyed = head + "servers: [{url: '" + api + "'}]\nsecurity: [{key: []}]\ncomponents: {securitySchemes: {key: {type: apiKey, in: header, name: X-Key, x-keyrelay-secret: 'secretsmanager:key'}}}\n"
	retrieved = head + "servers: [{url: '" + tokenAPI + "'}]\nsecurity: [{token: []}]\ncomponents: {securitySchemes: {token: {type: oauth2, x-keyrelay-secret: 'secretsmanager:client', flows: {clientCredentials: {tokenUrl: '" + tokenURL + "', scopes: {}}}}}}\n"
	return keyed, retrieved
}

// TestBeforeTheFirstEvent has read the secrets and connected to the API when the first
// event is asked for, and has sent the API nothing and retrieved nothing. The first
// request waits for none of that. The program gives itself a second for it, which may not
// do on a busy machine, so that one start of some counts.
func TestBeforeTheFirstEvent(t *testing.T) {
	for name, program := range lambdaPrograms(t) {
		fault := "none"
		for try := 0; fault != "" && try < 10; try++ {
			fault = beforeTheFirstEvent(t, program)
		}
		if fault != "" {
			t.Errorf("%s: %s", name, fault)
		}
	}
}

// beforeTheFirstEvent starts a program and says what it has not done.
func beforeTheFirstEvent(t *testing.T, program string) (fault string) {
	t.Helper()
	secrets := fake.NewSecrets(map[string]string{"key": "the-key-of-the-api", "client": `{"client_id": "a", "client_secret": "b"}`})
	tokens := fake.NewAPI(fake.Tokens(60))
	connected := make(chan string, 10)
	api := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Header.Get("X-Key")[:7]+r.RemoteAddr)
	}))
	api.Config.ConnState = func(connection net.Conn, state http.ConnState) {
		connected <- state.String() + " " + connection.RemoteAddr().String()
	}
	api.Config.ErrorLog = log.New(io.Discard, "", 0) // a handshake that is given up is no fault
	api.StartTLS()
	defer api.Close()
	issuer := fake.Serve(t, tokens)
	keyed, retrieved := lambdaDocument(api.URL, issuer, issuer)
	run := startInLambda(t, program, nil, append(awsEnvironment(fake.Serve(t, secrets)), "SSL_CERT_FILE="+writeRoots(t, api), "KEYRELAY_DESTINATIONS="+writeDocuments(t, keyed, retrieved))...)
	defer run.stop()
	run.await(t)
	if tokens.Calls() != 0 || len(connected) > 1 {
		t.Errorf("%d tokens retrieved, and of the connection: %d changes", tokens.Calls(), len(connected))
	}
	if calls := secrets.TakeCalls(); calls != 2 || len(connected) == 0 {
		return fmt.Sprintf("%d secrets read, %d connections", calls, len(connected))
	}
	early := strings.TrimPrefix(<-connected, "new ")
	if status, body := run.invoke(t, api.URL); status != 200 || body != "the-key"+early {
		return fmt.Sprintf("%d %q, and not over the connection from %s", status, body, early)
	}
	if calls := secrets.TakeCalls(); calls != 0 {
		return fmt.Sprintf("the first request reads %d secrets", calls)
	}
	return ""
}

// TestLambdaEnds ends at the signal by which Lambda and containers end a program.
func TestLambdaEnds(t *testing.T) {
	keyed, _ := lambdaDocument("https://127.0.0.1:1", "https://127.0.0.1:1", "https://127.0.0.1:1")
	run := startInLambda(t, os.Args[0], nil, append(awsEnvironment("http://127.0.0.1:1"), "KEYRELAY_DESTINATIONS="+writeDocuments(t, keyed))...)
	run.await(t)
	if err := run.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-run.ended:
	case <-time.After(time.Minute):
		t.Error("the function waits for events after SIGTERM")
	}
}

// TestNothingStopsTheFirstEvent asks for the first event though nothing can be had
// before, whether it fails or never answers, and says nothing of it. The request then
// is told what is wrong.
func TestNothingStopsTheFirstEvent(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	connected := make(chan struct{})
	go func() {
		if connection, err := listener.Accept(); err == nil {
			defer connection.Close()
			close(connected)
			<-t.Context().Done() // until then a handshake with it does not end
		}
	}()
	for name, address := range map[string]string{"nobody listens": "127.0.0.1:1", "nobody answers": listener.Addr().String()} {
		keyed, _ := lambdaDocument("https://"+address, "https://"+address, "https://"+address)
		run := startInLambda(t, os.Args[0], nil, append(awsEnvironment("http://"+address), "KEYRELAY_DESTINATIONS="+writeDocuments(t, keyed))...)
		if address != "127.0.0.1:1" {
			select {
			case <-connected:
			case <-run.asked:
			}
		}
		select {
		case <-run.asked:
		case <-time.After(9 * time.Second): // a connection may take 10 s
			t.Fatalf("%s: no event is asked for", name)
		}
		if address == "127.0.0.1:1" {
			if status, body := run.invoke(t, "https://"+address); status != 503 || !strings.Contains(body, "secret-unavailable") {
				t.Errorf("%s: %d %s", name, status, body)
			}
		}
		run.stop()
		for line := range strings.Lines(run.log.String()) {
			if !strings.Contains(line, `"message":"serving"`) && !strings.Contains(line, `"message":"request"`) {
				t.Errorf("%s: the program says %s", name, line)
			}
		}
	}
}

// scheduled reads what the scheduler says, in milliseconds since it first did, until the
// program ends. said waits for what it says from then on.
func (r *lambdaRun) scheduled() (said func() string) {
	var from atomic.Int64
	from.Store(math.MaxInt64)
	found := make(chan string, 1)
	go func() {
		defer close(found)
		for lines := bufio.NewScanner(r.errors); lines.Scan(); {
			var at int64
			if _, err := fmt.Sscanf(lines.Text(), "SCHED %dms:", &at); err == nil && at > from.Load() {
				from.Store(math.MaxInt64)
				found <- lines.Text()
			}
		}
	}()
	return func() string {
		from.Store(time.Since(r.began).Milliseconds())
		return <-found
	}
}

// TestOneProcessor uses one processor where the memory gives less, and what there is
// where it does not, or where somebody said otherwise.
func TestOneProcessor(t *testing.T) {
	if runtime.NumCPU() < 2 {
		t.Skip("there is one processor")
	}
	for environment, one := range map[string]bool{
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=1768":              true,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=1769":              false,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128\nGOMAXPROCS=2": false,
		"": false,
	} {
		// The scheduler says every millisecond how many processors there are.
		run := startInLambda(t, os.Args[0], nil, append(strings.Split(environment, "\n"), "GODEBUG=schedtrace=1", "KEYRELAY_DESTINATIONS="+writeDocuments(t, openDocument("http://127.0.0.1:1")))...)
		said := run.scheduled()
		run.await(t)
		found := strings.Contains(said(), "gomaxprocs=1 ")
		if found != one {
			t.Errorf("%q: one processor: %v", environment, found)
		}
		run.stop()
	}
}

// TestCertificateFolder reads the bundle of the system's roots alone, and the folder
// where it is named. There is a pipe in the folder that nobody writes to.
func TestCertificateFolder(t *testing.T) {
	if exec.Command("unshare", "-m", "true").Run() != nil {
		t.Skip("no mount namespace can be made here")
	}
	for _, named := range []bool{false, true} {
		environment := []string{"PATH=" + os.Getenv("PATH"), "KEYRELAY_DESTINATIONS=" + writeDocuments(t, openDocument("http://127.0.0.1:1"))}
		if named {
			environment = append(environment, "SSL_CERT_DIR=/etc/ssl/certs")
		}
		run := startInLambda(t, os.Args[0], []string{"unshare", "-m", "/bin/sh", "-ec", `
			mount -t tmpfs none /etc/ssl/certs
			echo none >/etc/ssl/certs/ca-certificates.crt
			mkfifo /etc/ssl/certs/trap.pem
			exec "$0"`}, environment...)
		asked := false
		for caught := false; !asked && !caught; {
			select {
			case <-run.asked:
				asked = true
			case <-run.ended:
				t.Fatal("the program ended")
			default: // it cannot be opened for writing before somebody reads
				pipe, err := os.OpenFile(fmt.Sprintf("/proc/%d/root/etc/ssl/certs/trap.pem", run.command.Process.Pid), os.O_WRONLY|syscall.O_NONBLOCK, 0)
				if caught = err == nil; caught {
					defer pipe.Close() // until then the program waits for what is written
				}
			}
		}
		if asked == named {
			t.Errorf("the folder is named: %v; it is not read: %v", named, asked)
		}
		run.stop()
	}
}
