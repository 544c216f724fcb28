//go:build unix

package upstream_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

const frozenTarget = "KEYRELAY_TEST_FROZEN_TARGET"

// TestFrozenProcess stops a process as AWS Lambda freezes one, closes its kept
// connection meanwhile and lets it go on: the POST that follows must arrive. With one
// processor the process mostly writes before it gets to know of the close, so some
// rounds see for certain what the connection looks at.
func TestFrozenProcess(t *testing.T) {
	if target := os.Getenv(frozenTarget); target != "" {
		sendAroundAFreeze(t, target)
		return
	}
	for range 4 {
		freeze(t)
	}
}

func freeze(t *testing.T) {
	closeNow := make(chan struct{})
	closed := make(chan struct{}, 2)
	target := listen(t, func(connection net.Conn) {
		if readRequest(bufio.NewReader(connection)) == nil {
			io.WriteString(connection, emptyAnswer)
			<-closeNow
			connection.Close()
			closed <- struct{}{}
		}
	})
	child := exec.Command(os.Args[0], "-test.run=^TestFrozenProcess$")
	child.Env = append(os.Environ(), frozenTarget+"="+target, "GOMAXPROCS=1")
	var output bytes.Buffer
	child.Stdout, child.Stderr = &output, &output
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(child.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("the process did not stop: %v, %v\n%s", status, err, output.String())
	}
	close(closeNow)
	<-closed
	<-time.After(150 * time.Millisecond) // a freeze is as long as it is; shorter ones are not looked at
	child.Process.Signal(syscall.SIGCONT)
	if err := child.Wait(); err != nil {
		t.Errorf("%v\n%s", err, output.String())
	}
}

func sendAroundAFreeze(t *testing.T, target string) {
	client, d := newClient(t, nil), onLoopback()
	if _, err := client.Send(context.Background(), newPlan(t, d, "POST", target, "{}"), nil, nil, nil); err != nil {
		t.Fatal(err)
	}
	next := newPlan(t, d, "POST", target, "{}")
	last := time.Now()
	if err := syscall.Kill(os.Getpid(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	// The signal stops all threads, but not at once: go on only after the clock has leapt.
	for now := time.Now(); now.Sub(last) < 100*time.Millisecond; {
		last, now = now, time.Now()
	}
	if _, err := client.Send(context.Background(), next, nil, nil, nil); err != nil {
		t.Fatalf("%v (%v)", err, refusalOf(err).Cause)
	}
}
