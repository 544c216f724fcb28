// Package e2e runs keyrelay as it is deployed: by sam local in a container, in an
// emulated AWS, and as a Docker image. The scripts beside it, .ci/sam, .ci/deploy
// and .ci/image, install what each needs and run its part.
package e2e

import (
	"bytes"
	"flag"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// update rewrites the expected answers: go test ./.ci/e2e -run TestInvoke -update
var update = flag.Bool("update", false, "rewrite the expected answers in testdata")

// patience is how long something that was started may take until it is there.
const patience = 90 * time.Second

// root is the project's folder, where every program runs.
func root(t *testing.T) string {
	t.Helper()
	folder, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

// command prepares a program, with the tools of .tools first in its PATH and with
// nothing of this machine's AWS settings but what is given.
func command(t *testing.T, environment []string, name string, arguments ...string) *exec.Cmd {
	t.Helper()
	tools := filepath.Join(root(t), ".tools")
	path := tools + "/sam/bin:" + tools + "/aws/bin:" + os.Getenv("PATH")
	prepared := exec.Command("env", append([]string{name}, arguments...)...)
	prepared.Dir = root(t)
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "AWS_") && !strings.HasPrefix(variable, "PATH=") {
			prepared.Env = append(prepared.Env, variable)
		}
	}
	prepared.Env = append(prepared.Env, "PATH="+path, "SAM_CLI_TELEMETRY=0", "SAM_SKIP_PULL_IMAGE=1", "SAM_CLI_POLL_DELAY=0.3")
	prepared.Env = append(prepared.Env, environment...)
	return prepared
}

// output runs a program and returns its standard output. When it fails, so does
// the test, with all that it printed.
func output(t *testing.T, prepared *exec.Cmd) string {
	t.Helper()
	var printed, complaints bytes.Buffer
	prepared.Stdout, prepared.Stderr = &printed, &complaints
	if err := prepared.Run(); err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(prepared.Args, " "), err, printed.String(), complaints.String())
	}
	return printed.String()
}

// start runs a program and what it starts until the test ends.
func start(t *testing.T, prepared *exec.Cmd) {
	t.Helper()
	var printed bytes.Buffer
	prepared.Stdout, prepared.Stderr = &printed, &printed
	prepared.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	prepared.WaitDelay = time.Second
	if err := prepared.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = prepared.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = syscall.Kill(-prepared.Process.Pid, syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			_ = syscall.Kill(-prepared.Process.Pid, syscall.SIGKILL)
			t.Errorf("%s did not stop", strings.Join(prepared.Args, " "))
			<-ended
		}
		if t.Failed() {
			t.Logf("%s printed:\n%s", strings.Join(prepared.Args, " "), printed.String())
		}
	})
}

// eventually waits until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for limit := time.Now().Add(patience); time.Now().Before(limit); time.Sleep(100 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("after %s still not so: %s", patience, what)
}

// answers says that something answers HTTP at an address, whatever it says.
func answers(address string) func() bool {
	return func() bool {
		answer, err := http.Get(address)
		if err != nil {
			return false
		}
		_ = answer.Body.Close()
		return true
	}
}
