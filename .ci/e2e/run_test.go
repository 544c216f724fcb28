package e2e

import (
	"bufio"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
)

// TestRun does what README.md says first: `make run`, the command that it prints,
// and Ctrl-C.
func TestRun(t *testing.T) {
	run := command(t, nil, "make", "run")
	run.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	printed, err := run.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var complaints strings.Builder
	run.Stderr = &complaints
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Kill(-run.Process.Pid, syscall.SIGKILL) }()

	lines := bufio.NewReader(printed)
	try := ""
	for !strings.HasPrefix(try, "curl ") {
		if try, err = lines.ReadString('\n'); err != nil {
			_ = run.Wait()
			t.Fatalf("make run prints no command to try: %v\n%s", err, complaints.String())
		}
	}
	if answer := output(t, command(t, nil, "sh", "-c", try)); !strings.Contains(answer, `{\"amount\":19.90}`) {
		t.Errorf("the command that make run prints answers %s", answer)
	}
	if second, err := command(t, nil, "make", "run").CombinedOutput(); err == nil || !strings.Contains(string(second), "in use by another program") {
		t.Errorf("a second make run says %s", second)
	}

	// Ctrl-C reaches every process of the group.
	_ = syscall.Kill(-run.Process.Pid, syscall.SIGINT)
	_, _ = io.Copy(io.Discard, lines)
	_ = run.Wait()
	for _, port := range []string{"8080", "8081", "8082"} {
		if left, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			_ = left.Close()
			t.Errorf("something still listens on port %s", port)
		}
	}
}
