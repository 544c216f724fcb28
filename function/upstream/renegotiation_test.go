package upstream_test

import (
	"bufio"
	"context"
	"crypto/x509"
	"encoding/pem"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keyrelay/function/upstream"
)

// TestRenegotiation sees that a server that asks for a client certificate after the
// request, as only OpenSSL's tool can be told to here, is said to do so.
func TestRenegotiation(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("skipped: openssl is not installed")
	}
	server := issue(t, "127.0.0.1", time.Now().Add(-time.Minute))
	folder := t.TempDir()
	key, err := x509.MarshalPKCS8PrivateKey(server.certificate.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(folder, "cert.pem"), server.roots)
	write(t, filepath.Join(folder, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))
	command := exec.Command(openssl, "s_server", "-accept", "127.0.0.1:0", "-tls1_2", "-cert", filepath.Join(folder, "cert.pem"), "-key", filepath.Join(folder, "key.pem"))
	commands, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = command.Process.Kill(); _ = command.Wait() }()
	lines, address, listens := bufio.NewScanner(output), "", false
	for !listens {
		if !lines.Scan() {
			t.Fatal("openssl does not listen")
		}
		address, listens = strings.CutPrefix(lines.Text(), "ACCEPT ")
	}
	go func() {
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), "POST /") {
				_, _ = io.WriteString(commands, "R\n") // renegotiate, and ask for a certificate
			}
		}
	}()
	client, d := withRoots(t, server.roots)
	_, err = client.Send(context.Background(), newPlan(t, d, "POST", "https://"+address+"/x", "{}"), nil, nil, nil)
	refusal := mustRefuse(t, err, upstream.ErrTLS)
	if mustBeSafe(t, refusal); !strings.Contains(refusal.Detail, "renegotiation") {
		t.Errorf("%s does not say what it is", refusal.Detail)
	}
}
