package speed_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The roles that this test binary plays in a process of its own, so that their
// CPU time is theirs alone.
const (
	roleVariable     = "KEYRELAY_SPEED_ROLE"
	downstreamOfRole = "KEYRELAY_SPEED_DOWNSTREAM"
)

// roles are what each of them does; more are added where the system has what they need.
var roles = map[string]func(){
	"handler": func() { bareHandler(os.Getenv(downstreamOfRole)) },
	"proxy":   func() { bareProxy(os.Getenv(downstreamOfRole)) },
}

func TestMain(m *testing.M) {
	if play := roles[os.Getenv(roleVariable)]; play != nil {
		play()
		return
	}
	os.Exit(m.Run())
}

// A process is a program under measurement.
type process struct {
	command *exec.Cmd
	output  *bufio.Reader
	ended   chan struct{}
}

func start(b *testing.B, program string, environment ...string) *process {
	b.Helper()
	command := exec.Command(program)
	command.Env = append(environment, "HOME="+b.TempDir())
	command.Stderr = os.Stderr
	output, err := command.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := command.Start(); err != nil {
		b.Fatal(err)
	}
	started := &process{command: command, output: bufio.NewReader(output), ended: make(chan struct{})}
	b.Cleanup(started.stop)
	return started
}

// drain throws away what the process prints, so that it never waits for a reader,
// until it ends.
func (p *process) drain() {
	go func() {
		_, _ = io.Copy(io.Discard, p.output)
		_ = p.command.Wait()
		close(p.ended)
	}()
}

// stop ends a process that is drained.
func (p *process) stop() {
	_ = p.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(5 * time.Second):
		_ = p.command.Process.Kill()
		<-p.ended
	}
}

// cpu is the processor time that the process has used so far.
func (p *process) cpu(b *testing.B) time.Duration {
	b.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.command.Process.Pid))
	if err != nil || len(tasks) == 0 {
		b.Skip("the CPU time of a process is read from /proc, which this system does not have")
	}
	var sum time.Duration
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		if err != nil {
			continue // the thread has ended
		}
		nanoseconds, _ := strconv.ParseInt(strings.Fields(string(text))[0], 10, 64)
		sum += time.Duration(nanoseconds)
	}
	return sum
}

// buildRelay builds the program as it is deployed, with more arguments of go build if any.
func buildRelay(b *testing.B, arguments ...string) string {
	return build(b, "lambda.norpc,nethttpomithttp2", "keyrelay/function", arguments...)
}

// buildLazy builds the function that one writes in an hour.
func buildLazy(b *testing.B) string { return build(b, "lambda.norpc", "./testdata/lazy") }

func build(b *testing.B, tags, source string, arguments ...string) string {
	b.Helper()
	program := filepath.Join(b.TempDir(), "program")
	arguments = append(append([]string{"build"}, arguments...), "-trimpath", "-tags", tags, "-ldflags", "-s -w", "-o", program, source) // -C goes first
	build := exec.Command("go", arguments...)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, text)
	}
	return program
}

// documents writes a document that allows the downstream with a static key.
func documents(b *testing.B, downstream string) string {
	b.Helper()
	folder := b.TempDir()
	document := `openapi: 3.1.0
info: {title: Downstream, version: "1"}
servers: [{url: "` + downstream + `"}]
x-keyrelay-network: loopback
security: [{key: []}]
paths: {/orders: {post: {}}}
components:
  securitySchemes:
    key: {type: apiKey, in: header, name: X-Downstream-Key, x-keyrelay-secret: "env:DOWNSTREAM_KEY"}
`
	if err := os.WriteFile(filepath.Join(folder, "downstream.yaml"), []byte(document), 0o600); err != nil {
		b.Fatal(err)
	}
	return folder
}
