package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"keyrelay/function/fake"
	"keyrelay/function/gateway"
)

// maxCrowdGrowth leaves the collector some room beside maxGrowth.
const maxCrowdGrowth = maxGrowth + 8<<20

// maxHeaderGrowth is how much header fields may take, however many there are, beside the
// garbage that the ballast leaves.
const maxHeaderGrowth = 16<<20 + serverBallast

// A crowd is many callers at once, and how much they may make the program grow.
type crowd struct {
	callers int
	// text is what each of them sends, as bytes.
	text func(downstream string) string
	// answers are the statuses that they may get, "closed" where there may be none, and
	// "" alone where the caller gives up.
	answers []string
	most    int
}

// posting is a request with a key and header lines, and a body.
func posting(key, lines string, body []byte) func(string) string {
	return func(downstream string) string {
		return fmt.Sprintf("POST / HTTP/1.1\r\nHost: relay\r\nX-Osmos-Outbound-Url: %s/\r\nX-Api-Key: %s\r\n%sContent-Length: %d\r\n\r\n%s", downstream, key, lines, len(body), body)
	}
}

// gzipBomb is 200 MB in gzip, in members of 1 MB each.
func gzipBomb() []byte {
	var member bytes.Buffer
	writer := gzip.NewWriter(&member)
	_, _ = writer.Write(bytes.Repeat([]byte("x"), 1<<20))
	_ = writer.Close()
	return bytes.Repeat(member.Bytes(), 200)
}

// manyFields is a header of fields as short as can be, no two of the same name.
func manyFields(length int) string {
	var text []byte
	for i := 0; len(text) < length; i++ {
		text = append(strconv.AppendInt(text, int64(i), 36), ":\r\n"...)
	}
	return string(text)
}

// fieldsAlone is a request that does not come further than its fields.
func fieldsAlone(length int) func(string) string {
	return func(string) string { return "POST / HTTP/1.1\r\nHost: relay\r\n" + manyFields(length) }
}

// TestManyCallers sees that what callers make the program hold is bounded for all of
// them together, and costs nothing before the key.
func TestManyCallers(t *testing.T) {
	program := built(t)
	downstream := httptest.NewServer(http.HandlerFunc(largeDownstream))
	defer downstream.Close()
	large := append(append([]byte(`{"moved":1,"text":"`), bytes.Repeat([]byte("x"), 9<<20)...), `"}`...)
	for name, each := range map[string]crowd{
		"without a key":             {40, posting("", "", large), []string{"401"}, 16 << 20},
		"with a wrong key, in gzip": {40, posting("wrong", "Content-Encoding: gzip\r\n", gzipBomb()), []string{"401"}, 16 << 20},
		"with a key, in gzip":       {40, posting(callerKey, "Content-Encoding: gzip\r\n", gzipBomb()), []string{"413", "503"}, maxCrowdGrowth},
		"with a key":                {40, posting(callerKey, "X-Osmos-Query-Param-Fields: moved\r\n", large), []string{"200", "503"}, maxCrowdGrowth},
		"with a header that does not end": {500, func(string) string {
			return "POST / HTTP/1.1\r\nHost: relay\r\nX-Large: " + strings.Repeat("x", 50<<10)
		}, []string{""}, maxHeaderGrowth},
		"with fields without end":               {1, fieldsAlone(1 << 20), []string{"431"}, maxHeaderGrowth},
		"with fields without end, many callers": {40, fieldsAlone(1 << 20), []string{"431", "closed"}, maxHeaderGrowth},
		"with fields, and no end of the header": {500, fieldsAlone(60 << 10), []string{""}, maxHeaderGrowth},
		"with many fields":                      {250, posting("", manyFields(60<<10), nil), []string{"401", "431", "closed"}, maxHeaderGrowth},
		"with a key, and many fields":           {250, posting(callerKey, manyFields(24<<10), nil), []string{"431", "closed"}, maxHeaderGrowth},
		"with as many fields as may be, and a body that does not come": {500, func(downstream string) string {
			return strings.Replace(posting(callerKey, manyFields(2400), nil)(downstream), "Content-Length: 0", "Content-Length: 100", 1) + "{"
		}, []string{""}, maxCrowdGrowth},
		"with a body that does not come": {500, func(downstream string) string {
			return strings.Replace(posting(callerKey, "", nil)(downstream), "Content-Length: 0", fmt.Sprint("Content-Length: ", gateway.MaxRecordBytes), 1) + "{"
		}, []string{"", "503"}, maxCrowdGrowth},
	} {
		t.Run(name, func(t *testing.T) {
			grown := each.growth(t, program, downstream.URL)
			for again := 0; grown >= each.most && again < 2; again++ { // a collector that came late is no fault
				grown = min(grown, each.growth(t, program, downstream.URL))
			}
			t.Logf("%.1f MB", float64(grown)/(1<<20))
			if grown >= each.most {
				t.Errorf("the program grew by %d bytes", grown)
			}
		})
	}
}

// growth is how much the program grows while all callers come.
func (c crowd) growth(t *testing.T, program, downstream string) int {
	t.Helper()
	command := exec.Command(program)
	port := serveOpen(t, command, downstream)
	relayed(port, downstream, callerKey)
	return growth(t, command.Process.Pid, func() { c.come(t, port, downstream) })
}

// come has all callers send what they send, and looks at what they get.
func (c crowd) come(t *testing.T, port, downstream string) {
	text := c.text(downstream)
	gaveUp := len(c.answers) > 0 && c.answers[0] == ""
	var all sync.WaitGroup
	for range c.callers {
		connection, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		send := func() {
			go func() { _, _ = io.WriteString(connection, text) }()
			status := make([]byte, len("HTTP/1.1 200"))
			if _, err := io.ReadFull(connection, status); err != nil && !slices.Contains(c.answers, "closed") {
				t.Error(err)
			} else if err != nil {
				return
			} else if got := string(status[9:]); !strings.Contains(strings.Join(c.answers, " "), got) {
				t.Errorf("got %s, not one of %s", got, c.answers)
			}
		}
		if gaveUp {
			_, _ = io.WriteString(connection, text)
			continue
		}
		all.Go(send)
	}
	all.Wait()
}

// TestServedBesideFloods floods the program with headers in every manner, those of wrong
// keys, whose answers are kept back, included. Others are served all the same.
func TestServedBesideFloods(t *testing.T) {
	downstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, arrived) }))
	defer downstream.Close()
	port := serveOpen(t, program(nil), downstream.URL)
	for i := range 300 {
		text := []string{
			posting("wrong", manyFields(24<<10), nil)(downstream.URL), posting("wrong", manyFields(2400), nil)(downstream.URL),
			fieldsAlone(24 << 10)(""), "POST / HTTP/1.1\r\nHost: relay\r\nX-Large: " + strings.Repeat("x", 24<<10),
		}[i/75]
		elsewhere := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(i%3+1))}}
		connection, err := elsewhere.Dial("tcp", "127.0.0.1:"+port)
		if err != nil {
			t.Skip("skipped: this machine has one address of its own only: ", err)
		}
		t.Cleanup(func() { _ = connection.Close() })
		go func() { _, _ = io.WriteString(connection, text) }()
		if i%20 == 19 {
			if got := relayed(port, downstream.URL, callerKey); got != "200 "+arrived {
				t.Fatalf("beside %d others: %q", i+1, got)
			}
		}
	}
}

// TestCallersWhoStay opens more connections than are kept, each with a request that
// was answered. A newcomer is served all the same.
func TestCallersWhoStay(t *testing.T) {
	port, downstream := servingProgram(t)
	for range 400 {
		staying := dial(t, port)
		_, _ = io.WriteString(staying, "GET / HTTP/1.1\r\nHost: relay\r\n\r\n")
		if _, err := io.ReadFull(staying, make([]byte, 12)); err != nil {
			t.Fatal(err)
		}
	}
	if got := relayed(port, downstream, ""); got != "200 "+arrived {
		t.Errorf("got %q", got)
	}
}

// TestForeignHosts sees that a program that serves its own machine only answers to no
// other name, by which a web page could reach it, and one that serves others to any.
func TestForeignHosts(t *testing.T) {
	downstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, arrived) }))
	defer downstream.Close()
	for _, address := range []string{"127.0.0.1:", ""} {
		port := fake.FreePort(t)
		command := program(nil, "PORT="+address+port, "KEYRELAY_CALLER_KEYS=none", "KEYRELAY_DESTINATIONS="+writeDocuments(t, openDocument(downstream.URL)))
		awaitServing(t, command)
		for host, isOwn := range map[string]bool{
			"127.0.0.1:" + port: true, "localhost:" + port: true, "LOCALHOST": true, "127.0.0.2": true, "[::1]:" + port: true, "app.localhost:" + port: true,
			"rebound.example.com": false, "rebound.example.com:" + port: false, "localhost.example.com": false, "127.0.0.1.example.com": false, "10.0.0.1": false, "": false,
		} {
			got := exchange(t, dial(t, port), "GET / HTTP/1.1\r\nHost: "+host+"\r\nX-Osmos-Outbound-Url: "+downstream.URL+"/\r\n\r\n")
			if refused := strings.Contains(got, "header-invalid") && strings.Contains(got, "PORT"); refused == (isOwn || address == "") {
				t.Errorf("PORT=%s, Host %q: got %s", address, host, got)
			}
		}
	}
}

// TestBurst has more callers at once than there may be connections, whom the API lets wait
// until as many as may be have come: each of them is served, none is closed for another.
func TestBurst(t *testing.T) {
	const callers, connections = 300, 128
	var arrivals atomic.Int32
	crowded := make(chan struct{})
	downstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if arrivals.Add(1) == connections {
			close(crowded)
		}
		<-crowded
		_, _ = io.WriteString(w, arrived)
	}))
	defer downstream.Close()
	port := serveOpen(t, program(nil), downstream.URL)
	answers := make(chan string)
	for range callers { // each asks at once, before another connects, however busy this machine is
		made := dial(t, port)
		_, _ = io.WriteString(made, posting(callerKey, "", []byte("{}"))(downstream.URL))
		go func() { answers <- exchange(t, made, "") }()
	}
	for range callers {
		if got := <-answers; got != "HTTP/1.1 200 OK "+arrived {
			t.Errorf("got %s", got)
		}
	}
}

// TestConnectionsAreBounded has callers connect and say nothing, more than there may be
// connections: those that are too many are closed, and a caller who asks is served.
func TestConnectionsAreBounded(t *testing.T) {
	const callers, connections = 300, 128
	downstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, arrived) }))
	defer downstream.Close()
	port := serveOpen(t, program(nil), downstream.URL)
	var silent [callers]net.Conn
	for i := range silent {
		silent[i] = dial(t, port)
	}
	if got := relayed(port, downstream.URL, callerKey); got != "200 "+arrived {
		t.Errorf("got %s", got)
	}
	closed := 0
	for _, each := range silent {
		looked, err := each.(*net.TCPConn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		_ = looked.Read(func(descriptor uintptr) bool {
			if _, err := syscall.Read(int(descriptor), make([]byte, 1)); !errors.Is(err, syscall.EAGAIN) {
				closed++
			}
			return true
		})
	}
	if closed < callers-connections {
		t.Errorf("%d of %d silent connections were closed", closed, callers)
	}
}
