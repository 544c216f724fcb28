package main

import (
	"bufio"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

//go:embed destinations
var documents embed.FS

// A relayProgram is a running keyrelay.
type relayProgram struct {
	command *exec.Cmd
	folder  string
	lines   chan string
	ended   chan struct{}
}

// startRelay starts the program with the sample documents and waits until it serves.
func startRelay(program string) (*relayProgram, error) {
	absolute, err := filepath.Abs(program)
	if err != nil {
		return nil, err
	}
	// The relay would say that its port is taken too, but not in this program's terms.
	probe, err := open(relayAddress)
	if err != nil {
		return nil, err
	}
	_ = probe.Close()
	folder, err := writeDocuments()
	if err != nil {
		return nil, err
	}
	var complaint strings.Builder
	command := exec.Command(absolute) // #nosec G204 -- the program that was built for it
	command.Env = relayEnvironment(folder)
	command.Stderr = &complaint
	output, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	started := &relayProgram{command: command, folder: folder, lines: make(chan string), ended: make(chan struct{})}
	if err := command.Start(); err != nil {
		_ = os.RemoveAll(folder)
		return nil, fmt.Errorf("%s cannot be started; build it with make build", program)
	}
	go started.read(output)
	if _, serves := <-started.lines; !serves {
		started.stop()
		return nil, errors.New(strings.TrimSpace(complaint.String()))
	}
	return started, nil
}

// writeDocuments puts the sample documents into the folder destinations of a new
// folder, since the relay reads a folder.
func writeDocuments() (string, error) {
	folder, err := os.MkdirTemp("", "keyrelay-local-")
	if err != nil {
		return "", err
	}
	return folder, os.CopyFS(folder, documents)
}

// relayEnvironment is the whole environment of the relay: nothing of this
// machine's AWS settings, keys or proxies gets into it.
func relayEnvironment(folder string) []string {
	return []string{
		"KEYRELAY_DESTINATIONS=" + filepath.Join(folder, "destinations"),
		"AWS_ENDPOINT_URL_SECRETS_MANAGER=http://" + secretsAddress,
		"AWS_REGION=us-east-1",
		"AWS_ACCESS_KEY_ID=local",
		"AWS_SECRET_ACCESS_KEY=local",
		"AWS_EC2_METADATA_DISABLED=true",
		"HOME=" + folder,
	}
}

// read hands on what the relay logs, line by line, until the relay ends.
func (p *relayProgram) read(output io.Reader) {
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		p.lines <- lines.Text()
	}
	close(p.lines)
	_ = p.command.Wait()
	close(p.ended)
}

// serveUntil prints what the relay logs until stop ends or the relay does.
func (p *relayProgram) serveUntil(stop context.Context, out io.Writer) error {
	for {
		select {
		case <-stop.Done():
			return nil
		case line, running := <-p.lines:
			if !running {
				return endedBy(stop)
			}
			fmt.Fprintln(out, line)
		}
	}
}

// endedBy says why the relay ended. Ctrl-C at a terminal reaches the relay as soon
// as this program, so the relay may be the first to notice.
func endedBy(stop context.Context) error {
	select {
	case <-stop.Done():
		return nil
	case <-time.After(time.Second):
		return errors.New("the relay ended by itself")
	}
}

// stop ends the relay, lets it finish what is under way, and removes its documents.
func (p *relayProgram) stop() {
	_ = p.command.Process.Signal(syscall.SIGTERM)
	for range p.lines {
		continue
	}
	<-p.ended
	_ = os.RemoveAll(p.folder)
}
