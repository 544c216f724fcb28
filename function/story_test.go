package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"keyrelay/function/fake"
	"keyrelay/function/gateway"
)

// update rewrites what the stories expect by what happened: go test ./function -run TestStories -update
var update = flag.Bool("update", false, "rewrite the stories' expectations")

// TestStories tells each story of testdata/stories with the real program between
// a caller and a loopback downstream. A story is a txtar archive whose sections
// happen in their order:
//
//	environment             NAME=VALUE lines: the program's settings
//	destinations/NAME.yaml  a document, before the first request
//	secrets/NAME            a secret file; again later: its rotation
//	secretsmanager/NAME     a secret of Secrets Manager; again later: its rotation
//	caller sends: WHAT      a request to the relay, and what it is about
//	downstream receives     what must arrive, once for each request
//	downstream answers      what it answers; 200 {} where there is no such section
//	caller receives         what must come back
//	queue delivers: WHAT    what waits in the queue is delivered, pauses over
//	dead letter             why something could not be
//
// $DOWNSTREAM stands for the downstream's host and port, $SECRETS for the folder of
// secrets, $QUEUES for where the queues called queue and dead are, $ID for the ID of a message.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/stories/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("there are no stories", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { tellStory(t, file) })
	}
}

func tellStory(t *testing.T, file string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	told := newTeller(t)
	told.prepare(archive)
	for i, section := range archive.Files {
		if sends(section) {
			told.exchange(archive, i)
		}
		told.rotate(section)
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(archive), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func sends(section txtar.File) bool {
	what, _, _ := strings.Cut(section.Name, ":")
	return what == "caller sends" || what == "queue delivers"
}

// A teller runs one story.
type teller struct {
	t          *testing.T
	folder     string
	downstream *fake.API
	// host is the downstream's.
	host    string
	managed *fake.Secrets
	queues  *storyQueues
	relay   *httptest.Server
	deliver gateway.DeliverFunc
}

func newTeller(t *testing.T) *teller {
	downstream := fake.NewAPI(nil)
	folder := t.TempDir()
	for _, name := range []string{"destinations", "secrets"} {
		if err := os.Mkdir(filepath.Join(folder, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return &teller{t: t, folder: folder, downstream: downstream, host: strings.TrimPrefix(fake.Serve(t, downstream), "http://"), managed: startManagedSecrets(t), queues: startQueues(t)}
}

// prepare writes the documents and the first version of each secret, and starts the relay.
func (s *teller) prepare(archive *txtar.Archive) {
	s.t.Helper()
	pairs := map[string]string{}
	written := make(map[string]bool)
	for _, section := range archive.Files {
		switch kind, name, _ := strings.Cut(section.Name, "/"); {
		case kind == "destinations", kind == "secrets":
			if !written[section.Name] {
				written[section.Name] = true
				s.writeFile(kind, name, section.Data)
			}
		case kind == "secretsmanager":
		case kind == "environment":
			for line := range strings.Lines(s.concrete(string(section.Data))) {
				name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
				pairs[name] = value
			}
		case !sends(section) && !slices.Contains([]string{"downstream receives", "downstream answers", "caller receives", "dead letter"}, section.Name):
			s.t.Fatalf("no story has a section %q", section.Name)
		}
	}
	s.start(pairs)
}

// start starts the relay with these settings.
func (s *teller) start(pairs map[string]string) {
	s.t.Helper()
	made := wired(s.t, filepath.Join(s.folder, "destinations"), pairs)
	s.deliver = made.Deliver
	s.relay = httptest.NewServer(gateway.HTTP(made))
	s.t.Cleanup(s.relay.Close)
}

// rotate writes another version of a secret.
func (s *teller) rotate(section txtar.File) {
	s.t.Helper()
	switch kind, name, _ := strings.Cut(section.Name, "/"); kind {
	case "secrets":
		s.writeFile(kind, name, section.Data)
	case "secretsmanager":
		s.managed.Put(name, string(section.Data))
	}
}

func (s *teller) writeFile(kind, name string, data []byte) {
	s.t.Helper()
	writeFile(s.t, filepath.Join(s.folder, kind), name, s.concrete(string(data)))
}

// concrete puts this run's addresses and folders in.
func (s *teller) concrete(text string) string {
	text = strings.ReplaceAll(text, "$DOWNSTREAM", s.host)
	text = strings.ReplaceAll(text, "$QUEUES", s.queues.url)
	return strings.ReplaceAll(text, "$SECRETS", filepath.Join(s.folder, "secrets"))
}

// exchange sends the request of a section and compares what arrives and comes
// back with the sections that follow it.
func (s *teller) exchange(archive *txtar.Archive, at int) {
	s.t.Helper()
	var expected []*txtar.File
	answers := make(chan string, len(archive.Files))
	last := at + 1
	for ; last < len(archive.Files) && !sends(archive.Files[last]); last++ {
		section := &archive.Files[last]
		switch section.Name {
		case "downstream answers":
			answers <- s.concrete(string(section.Data))
		case "downstream receives", "caller receives", "dead letter":
			expected = append(expected, section)
		}
	}
	s.downstream.Answer(func(_ int, w http.ResponseWriter, _ *http.Request) {
		select {
		case answer := <-answers:
			writeAnswer(w, answer)
		default:
			writeAnswer(w, "200\nContent-Type: application/json\n\n{}")
		}
	})
	var ended []string
	if strings.HasPrefix(archive.Files[at].Name, "queue delivers") {
		ended = s.queues.deliver(s.t, s.deliver)
	} else {
		ended = []string{s.send(s.concrete(string(archive.Files[at].Data)))}
	}
	var happened []string
	for _, each := range s.downstream.Take() {
		happened = append(happened, s.stable(each.Method+" "+each.URI+"\n"+headerText(each.Header), each.Body))
	}
	happened = append(happened, ended...)
	for i := range happened {
		happened[i] = messageID().ReplaceAllString(happened[i], "$$ID")
	}
	s.compare(archive.Files[at], expected, happened)
}

func (s *teller) compare(sent txtar.File, expected []*txtar.File, happened []string) {
	s.t.Helper()
	if len(expected) != len(happened) {
		s.t.Errorf("after %s\n%s\n%d things were to happen, %d did:\n%s", sent.Name, sent.Data, len(expected), len(happened), strings.Join(happened, "\n---\n"))
		return
	}
	for i, section := range expected {
		if difference := cmp.Diff(string(section.Data), happened[i]); difference != "" && !*update {
			s.t.Errorf("after\n%s\n%s (-want +got):\n%s", sent.Data, section.Name, difference)
		}
		section.Data = []byte(happened[i])
	}
}

// send makes the request that a text describes and returns the answer as a text.
func (s *teller) send(text string) string {
	s.t.Helper()
	head, body, _ := strings.Cut(text, "\n\n")
	request, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.ReplaceAll(head, "\n", "\r\n") + "\r\nHost: relay\r\n\r\n")))
	if err != nil {
		s.t.Fatalf("%v in\n%s", err, text)
	}
	outgoing, err := http.NewRequest(request.Method, s.relay.URL+request.URL.String(), strings.NewReader(strings.TrimSuffix(body, "\n")))
	if err != nil {
		s.t.Fatal(err)
	}
	outgoing.Header = request.Header
	if outgoing.Header["User-Agent"] == nil {
		outgoing.Header["User-Agent"] = []string{"osmos"}
	}
	answer, err := (&http.Transport{DisableCompression: true, DisableKeepAlives: true}).RoundTrip(outgoing)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	received, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	// Every answer has this, so no story tells it.
	if vary := answer.Header["Vary"]; len(vary) != 1 || vary[0] != "*" {
		s.t.Errorf("Vary is %q", vary)
	}
	answer.Header.Del("Vary")
	if answer.Header.Get("X-Relay-Request-Id") == "" {
		s.t.Error("the answer has no request id")
	}
	answer.Header.Del("X-Relay-Request-Id") // it is made anew each time
	happened := s.stable(fmt.Sprintf("%d\n%s", answer.StatusCode, headerText(answer.Header)), received)
	return strings.ReplaceAll(happened, filepath.Join(s.folder, "secrets"), "$SECRETS")
}

// stable is a message as a story writes it.
func (s *teller) stable(head string, body []byte) string {
	text := strings.ReplaceAll(head, s.host, "$DOWNSTREAM")
	if len(body) > 0 {
		text += "\n" + strings.ReplaceAll(string(bytes.TrimSuffix(body, []byte("\n"))), s.host, "$DOWNSTREAM") + "\n"
	}
	return text
}

// headerText writes header fields in a stable order, without those that differ from run to run.
func headerText(header http.Header) string {
	var lines []string
	for name, values := range header {
		if name == "Date" || name == "Content-Length" {
			continue
		}
		for _, value := range values {
			lines = append(lines, name+": "+value+"\n")
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func writeAnswer(w http.ResponseWriter, answer string) {
	head, body, _ := strings.Cut(answer, "\n\n")
	status, lines, _ := strings.Cut(head, "\n")
	for line := range strings.Lines(lines) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		w.Header().Add(name, value)
	}
	code := 0
	_, _ = fmt.Sscan(status, &code)
	w.WriteHeader(code)
	_, _ = io.WriteString(w, strings.TrimSuffix(body, "\n"))
}
