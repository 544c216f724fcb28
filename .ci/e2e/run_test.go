package e2e

import (
	"bufio"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// TestRun does what README.md says first: `make run`, the command that it prints, a
// second one beside it, and Ctrl-C.
func TestRun(t *testing.T) {
	first := startRun(t)
	if answer := output(t, command(t, nil, "sh", "-c", first.try)); !strings.Contains(answer, `{\"amount\":19.90}`) {
		t.Errorf("the command that make run prints answers %s", answer)
	}
	second := startRun(t)
	if first.page == second.page || !strings.Contains(second.story, "is in use by another program, so the ") {
		t.Errorf("a second make run says %s", second.story)
	}
	for _, each := range []*runningRun{first, second} {
		// Ctrl-C reaches every process of the group.
		_ = syscall.Kill(-each.process.Process.Pid, syscall.SIGINT)
		_, _ = io.Copy(io.Discard, each.lines)
		_ = each.process.Wait()
		// Another program may have the port by now, to which this page's token says nothing.
		if answer, err := http.Get(each.page); err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				t.Errorf("something still serves %s", each.page)
			}
		}
	}
}

// A runningRun is a `make run`, with what it printed.
type runningRun struct {
	process          *exec.Cmd
	lines            *bufio.Reader
	story, try, page string
}

func startRun(t *testing.T) *runningRun {
	t.Helper()
	made := &runningRun{process: command(t, nil, "make", "run")}
	made.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	printed, err := made.process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var complaints strings.Builder
	made.process.Stderr = &complaints
	if err := made.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(-made.process.Process.Pid, syscall.SIGKILL) })
	made.lines = bufio.NewReader(printed)
	for made.page == "" {
		line, err := made.lines.ReadString('\n')
		if err != nil {
			_ = made.process.Wait()
			t.Fatalf("make run prints no address: %v\n%s", err, complaints.String())
		}
		made.story += line
		if strings.HasPrefix(line, "curl ") {
			made.try = line
		}
		if address, found := strings.CutPrefix(line, "Workbench: "); found {
			made.page = strings.TrimSpace(address)
		}
	}
	return made
}
