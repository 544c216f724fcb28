package main

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// skipUnlessFree skips where something else, a `make run` for example, has the ports.
func skipUnlessFree(t *testing.T) {
	t.Helper()
	for _, address := range []string{relayAddress, downstreamAddress, secretsAddress} {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			t.Skipf("%s is in use, so that nothing can be run there", address)
		}
		_ = listener.Close()
	}
}

// built returns this program and the relay, both as `make run` builds them.
func built(t *testing.T) (local, relay string) {
	t.Helper()
	folder := t.TempDir()
	local, relay = filepath.Join(folder, "local"), filepath.Join(folder, "keyrelay")
	for program, of := range map[string]string{local: ".", relay: ".."} {
		if text, err := exec.Command("go", "build", "-o", program, of).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
	}
	return local, relay
}

// A running is a program whose output is read up to the command to try.
type running struct {
	command *exec.Cmd
	lines   *bufio.Reader
	// story is what it printed before the command, and try the command.
	story, try string
}

func tellStory(t *testing.T, command *exec.Cmd) *running {
	t.Helper()
	command.Stderr = os.Stderr
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Process.Kill() })
	told := &running{command: command, lines: bufio.NewReader(output)}
	for {
		line, err := told.lines.ReadString('\n')
		line = strings.ReplaceAll(line, "\r\n", "\n") // a terminal's line breaks
		if err != nil {
			t.Fatalf("it prints no command to try: %v\n%s", err, told.story)
		}
		if strings.HasPrefix(line, "curl ") {
			told.try = line
			return told
		}
		told.story += line
	}
}

// mustBeOver wants the exit to be clean and everything that was started to be gone.
func (r *running) mustBeOver(t *testing.T) {
	t.Helper()
	rest, _ := io.ReadAll(r.lines)
	if err := r.command.Wait(); err != nil {
		t.Errorf("the exit is not clean: %v\n%s", err, rest)
	}
	for _, address := range []string{relayAddress, downstreamAddress, secretsAddress} {
		if left, err := net.Dial("tcp", address); err == nil {
			_ = left.Close()
			t.Errorf("something still listens on %s", address)
		}
	}
}

// TestStory runs everything, and holds the story to its chapters, the command to
// what it does, a second run to one clear line, and the end to leaving nothing.
func TestStory(t *testing.T) {
	skipUnlessFree(t)
	local, relay := built(t)
	arguments := []string{"-program", relay, "-events", filepath.Join("..", "..", "events")}
	told := tellStory(t, exec.Command(local, arguments...))
	mustHold(t, told.story,
		"== A record's fields become query parameters, and the key is attached ==",
		"X-Osmos-Query-Param-Fields: customer, region",
		"POST /post?source=osmos&customer=c-42&region=emea&region=apac",
		"X-Api-Key: ***",
		`{"order":12345678901234567890,"amount":19.90,"note":"two \u20ac sheets"}`,
		"200 OK",
		"== An API with short-lived keys: one is retrieved first ==",
		"-- what arrived downstream --\nPOST /shop/keys, and gets key 1: 200 OK\nPOST /shop/orders?",
		"with key 1: 201 Created\n\n-- the answer --\n201 Created\n{\"order\":1}",
		"== The key is kept: no retrieval ==",
		"-- what arrived downstream --\nPOST /shop/orders?",
		"with key 1: 201 Created\n\n-- the answer --\n201 Created\n{\"order\":2}",
		"== The API takes its key back: a 401, another key, and the request once more ==",
		"-- what arrived downstream --\nPOST /shop/orders?",
		", 72 bytes, with key 1: 401 Unauthorized\nPOST /shop/keys, and gets key 2: 200 OK\nPOST /shop/orders?",
		", 72 bytes, with key 2: 201 Created\n\n-- the answer --\n201 Created\n{\"order\":3}",
		"== The document says where fields go, and shapes the body ==",
		`POST /depot/zh%2F1/shipments?customer=c-42&region=emea {"reference":12345678901234567890,"to":{"city":"Bern"},"label":"1.50 kg to Bern"}`,
		"201 Created\n{\"shipment\":1}",
		"== A batch is split into one request each, and the answer tells what became of them ==",
		`POST /depot/zh%2F1/shipments?customer=c-43&region=apac {"reference":2,"to":{"city":"Atlantis"},"label":"3 kg to Atlantis"}`,
		`"results":[{"status":201,"body":{"shipment":2}},{"status":422,"body":{"error":"no such city"}}]`,
		"keyrelay serves on http://127.0.0.1:8080 until Ctrl-C",
	)
	for _, secret := range []string{sampleKey, shopPassword, "sample-session-key"} {
		if strings.Contains(told.story, secret) {
			t.Errorf("the story shows %s", secret)
		}
	}
	mustAnswer(t, told.try)
	text, err := exec.Command(local, arguments...).CombinedOutput()
	if err == nil || string(text) != "local: "+downstreamAddress+" is in use by another program; stop that one and try again\n" {
		t.Errorf("a second one says, with %v:\n%s", err, text)
	}
	if err := told.command.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	told.mustBeOver(t)
}

// mustHold wants texts in their order.
func mustHold(t *testing.T, story string, texts ...string) {
	t.Helper()
	rest := story
	for _, text := range texts {
		_, after, found := strings.Cut(rest, text)
		if !found {
			t.Fatalf("after what was found so far, the story does not say %q:\n%s", text, story)
		}
		rest = after
	}
}

// mustAnswer pastes the command into a shell.
func mustAnswer(t *testing.T, try string) {
	t.Helper()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Log("there is no curl here, so the command was not tried")
		return
	}
	text, err := exec.Command("sh", "-c", try).CombinedOutput()
	if err != nil || !bytes.Contains(text, []byte(`{\"amount\":19.90}`)) {
		t.Errorf("%s%v\n%s", try, err, text)
	}
}

// TestRelayPortInUse says in one line which port is in the way.
func TestRelayPortInUse(t *testing.T) {
	skipUnlessFree(t)
	taken, err := net.Listen("tcp", relayAddress)
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	local, relay := built(t)
	text, err := exec.Command(local, "-program", relay, "-events", "../../events").CombinedOutput()
	if err == nil || string(text) != "local: "+relayAddress+" is in use by another program; stop that one and try again\n" {
		t.Errorf("it says, with %v:\n%s", err, text)
	}
}

// TestMakeRun runs `make run` at a terminal and presses Ctrl-C: make exits cleanly too.
func TestMakeRun(t *testing.T) {
	skipUnlessFree(t)
	if _, err := exec.LookPath("script"); err != nil || runtime.GOOS != "linux" {
		t.Skip("a terminal is made with script of util-linux, which is not here")
	}
	command := exec.Command("script", "--quiet", "--return", "--command", "make -C ../.. run", os.DevNull)
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	keyboard, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	told := tellStory(t, command)
	if _, err := io.WriteString(keyboard, "\x03"); err != nil {
		t.Fatal(err)
	}
	told.mustBeOver(t)
}
