package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// A relayProgram is a running keyrelay.
type relayProgram struct {
	command *exec.Cmd
	// address is where it serves: a free port of loopback.
	address string
	// ended is closed when it has.
	ended chan struct{}
}

// startRelay starts the program and waits until it serves. Each line of its log goes to
// log, which must not block.
func startRelay(program string, environment []string, log func(line []byte)) (*relayProgram, error) {
	absolute, err := filepath.Abs(program)
	if err != nil {
		return nil, err
	}
	var complaint strings.Builder
	command := exec.Command(absolute) // #nosec G204 -- the program that was built for it
	command.Env = append(environment, "PORT="+loopback+":0")
	command.Stderr = &complaint
	output, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("%s cannot be started; build it with make build", program)
	}
	started := &relayProgram{command: command, ended: make(chan struct{})}
	serving := make(chan string, 1)
	go started.read(output, serving, log)
	address, serves := <-serving
	if !serves {
		<-started.ended
		return nil, errors.New(strings.TrimSpace(complaint.String()))
	}
	started.address = address
	return started, nil
}

// read reads the log until the relay ends; its record "serving" tells the address.
func (p *relayProgram) read(output io.Reader, serving chan<- string, log func(line []byte)) {
	lines := bufio.NewScanner(output)
	lines.Buffer(nil, 1<<20)
	waits := true
	for lines.Scan() {
		log(lines.Bytes())
		var entry struct{ Message, Address string }
		if waits && json.Unmarshal(lines.Bytes(), &entry) == nil && entry.Message == "serving" {
			waits = false
			serving <- entry.Address
		}
	}
	if waits {
		close(serving)
	}
	_ = p.command.Wait()
	close(p.ended)
}

// stop ends the relay and lets it finish what is under way.
func (p *relayProgram) stop() {
	_ = p.command.Process.Signal(syscall.SIGTERM)
	<-p.ended
}
