package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// TestBounded lets the oldest go, by number and by size, and none that is kept.
func TestBounded(t *testing.T) {
	var list exchanges
	for range 3 {
		list.add(&exchange{})
	}
	if !list.keep(2, true) {
		t.Fatal("the second is not kept")
	}
	for range 2 * maxExchanges {
		list.add(&exchange{})
	}
	if all, _ := list.since(0); len(all) != maxExchanges || all[0].ID != 2 {
		t.Errorf("%d are there, the first is %d", len(all), all[0].ID)
	}
	for range 10 {
		list.add(&exchange{Answer: make([]byte, 8<<20)})
	}
	all, _ := list.since(0)
	size := 0
	for i := range all {
		size += all[i].size()
	}
	if size > maxExchangeBytes || all[0].ID != 2 || len(all) < 4 {
		t.Errorf("%d bytes are kept of %d", size, len(all))
	}
	for id := all[len(all)-1].ID - 100; id < all[len(all)-1].ID; id++ {
		list.keep(id, true)
	}
	if _, found := list.find(1); found || list.keep(1, true) {
		t.Error("the first is still there")
	}
}

// TestKeptIsBounded keeps a number of them and refuses more.
func TestKeptIsBounded(t *testing.T) {
	var list exchanges
	for range maxKept + 1 {
		list.add(&exchange{})
	}
	for id := 1; id <= maxKept; id++ {
		if !list.keep(id, true) {
			t.Fatalf("%d is not kept", id)
		}
	}
	if list.keep(maxKept+1, true) || !list.keep(1, false) || !list.keep(maxKept+1, true) {
		t.Error("more are kept than may be, or one that was let go still counts")
	}
}

// TestKeptBytes keeps as many large ones as may be, and sees that all together stay
// within the bound, also with the largest that there can be beside them.
func TestKeptBytes(t *testing.T) {
	var list exchanges
	kept := 0
	for range 2 * maxKept {
		list.add(&exchange{Record: make([]byte, 1<<20), Answer: make([]byte, 1<<20)})
		if list.keep(list.last, true) {
			kept++
		}
	}
	if kept < 5 || kept*(2<<20+aboutExchange) > maxKeptBytes || !list.keep(1, false) || !list.keep(list.last, true) {
		t.Errorf("%d of 2 MB are kept", kept)
	}
	for range 3 {
		list.add(&exchange{Record: make([]byte, maxNotedBytes), Answer: make([]byte, maxNotedBytes)})
		if list.bytes > maxExchangeBytes {
			t.Errorf("%d bytes are kept in all", list.bytes)
		}
	}
	if list.keep(list.last, true) {
		t.Error("one that takes all there is is kept")
	}
}

// TestWatch wakes who waits and tells each change once.
func TestWatch(t *testing.T) {
	var list exchanges
	changed := list.nextChange()
	list.add(&exchange{})
	list.add(&exchange{})
	<-changed
	fresh, change := list.since(0)
	if len(fresh) != 2 {
		t.Errorf("%d are new", len(fresh))
	}
	changed = list.nextChange()
	list.setLog(list.list[0], []byte(`{}`))
	<-changed
	if fresh, _ = list.since(change); len(fresh) != 1 || fresh[0].ID != 1 {
		t.Errorf("%d are new", len(fresh))
	}
}

// TestRecorder passes requests on unchanged, and notes each with its own log entry, also
// where the entries of equal requests come late and in another order.
func TestRecorder(t *testing.T) {
	seen := make(chan *http.Request, 1)
	relay := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		seen <- r
		w.Header().Set("Set-Cookie", "sid=secret")
		w.Header().Set("X-Relay-Request-Id", "put")
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprintf(w, "%d bytes", len(body))
	}))
	defer relay.Close()
	recorded := &recorder{}
	recorded.passTo(strings.TrimPrefix(relay.URL, "http://"))
	front := httptest.NewServer(recorded)
	defer front.Close()
	request, _ := http.NewRequest(http.MethodPut, front.URL+"/x?y=z", strings.NewReader("record"))
	request.Header.Set("X-Api-Key", "secret")
	request.Header.Set("Authorization", "{{{key}}}")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(answer.Body)
	answer.Body.Close()
	passed := <-seen
	if string(body) != "6 bytes" || answer.StatusCode != http.StatusAccepted || answer.Header.Get("Set-Cookie") != "sid=secret" {
		t.Errorf("the caller gets %d %q %v", answer.StatusCode, body, answer.Header)
	}
	if passed.Method != http.MethodPut || passed.URL.String() != "/x?y=z" || passed.Header.Get("X-Api-Key") != "secret" || passed.Header.Get("X-Forwarded-For") != "" {
		t.Errorf("the relay gets %s %s %v", passed.Method, passed.URL, passed.Header)
	}
	noted, _ := recorded.noted.find(1)
	if noted.Status != http.StatusAccepted || string(noted.Record) != "record" || string(noted.Answer) != "6 bytes" ||
		noted.Header.Get("X-Api-Key") != "***" || noted.Header.Get("Authorization") != "{{{key}}}" || noted.AnswerHeader.Get("Set-Cookie") != "***" {
		t.Errorf("noted is %+v", noted)
	}
	line := func(id string) []byte { return fmt.Appendf(nil, `{"message":"request","requestId":%q}`, id) }
	recorded.log([]byte(`no JSON`))
	recorded.log(line("post"))
	recorded.log(line("put"))
	if noted, _ = recorded.noted.find(1); string(noted.Log) != string(line("put")) {
		t.Errorf("its log entry is %s", noted.Log)
	}
}

// TestLogByID finds an entry by the answer's id, whatever else is equal.
func TestLogByID(t *testing.T) {
	recorded := &recorder{}
	for _, id := range []string{"a", "b"} {
		noted := &exchange{Method: "GET", Status: 200, AnswerHeader: http.Header{"X-Relay-Request-Id": {id}}}
		recorded.noted.add(noted)
		recorded.match(noted)
	}
	for _, id := range []string{"b", "c", "a"} {
		recorded.log(fmt.Appendf(nil, `{"requestId":%q,"message":"request","method":"GET","status":200}`, id))
	}
	for number, id := range map[int]string{1: `"a"`, 2: `"b"`} {
		if found := recorded.noted.withLog(t.Context(), number); !strings.Contains(string(found.Log), id) {
			t.Errorf("%d has the entry %s", number, found.Log)
		}
	}
}

// TestHide keeps secrets off the page that the relay does not mask.
func TestHide(t *testing.T) {
	attach := func(text string) attachment {
		return attachment{secret: func() []byte { return []byte(text) }}
	}
	bench := workbench{secrets: secretsOf([]document{{Attachments: []attachment{
		attach("short-key"), attach("short-key-2"), attach(`{"username":"ann","password":"p\u0061ss","n":12345,"deep":{"x":"stays"}}`), attach("bob:hunter2"), attach("abc"), {},
	}}}, nil)}
	if hidden := bench.hide("short-key-2 short-key pass 12345 hunter2 abc ann stays"); hidden != "*** *** *** *** *** abc ann stays" {
		t.Error(hidden)
	}
}

// TestFacts says what the answer of the relay alone does not say: which call for a
// credential failed and what it found, and what the API refuses.
func TestFacts(t *testing.T) {
	login := attachment{Scheme: "login", Method: "POST", Call: "https://api.example/login"}
	key := attachment{Scheme: "key", What: "header X-Api-Key", Secret: "env:KEY"}
	const call, nothing = "The credential of login was asked for by POST https://api.example/login, ", "Nothing was sent to the API."
	for log, expected := range map[string][]string{
		`{"problem":"retrieval-failed","scheme":"login","retrievalStatus":403}`: {call + "which answered 403 Forbidden.", nothing},
		`{"problem":"retrieval-timeout","scheme":"login"}`:                      {call + "without an answer that counts.", nothing},
		`{"problem":"retrieval-failed","scheme":"other","retrievalStatus":403}`: {nothing},
		`{"problem":"secret-unavailable","scheme":"login"}`:                     {nothing},
		`{"problem":"retrieval-failed","scheme":"login","retrievalStatus":200,"detail":"It failed. Looked for was /key; the answer has /token."}`: {
			call + "which answered 200 OK.", "Looked for was /key; the answer has /token.", nothing},
		`{"problem":"field-missing","blame":"caller","detail":"The field \"...\" is missing."}`: {nothing},
		`{"status":401,"downstreamMs":1,"blame":"credential","scheme":"key","detail":"The API answered 401."}`: {
			"The credential was fetched: 0.00 ms.", "The API answered 401.", "Check key: header X-Api-Key, from env:KEY."},
		`{"status":403,"downstreamMs":1,"credentialCached":true,"blame":"caller","scheme":"key","detail":"The API answered 403. It means this."}`: {
			"The credential was in memory.", "The API answered 403. It means this."},
		`{"status":302,"downstreamMs":1,"credentialCached":true,"blame":"caller","scheme":"key","detail":"The API answered 302. It is a redirect."}`: {
			"The credential was in memory.", "The API answered 302. It is a redirect."},
		`{"status":200,"downstreamMs":1,"credentialCached":true,"scheme":"key"}`: {
			"The credential was in memory.", "The answer is a page for people (text/html). If data was asked for, the URL is that of a website, or of its login."},
	} {
		read := readEntry([]byte(log))
		attached := login
		if read.Scheme == "key" {
			attached = key
		}
		if facts := read.facts([]attachment{attached}, "It failed.", "text/html; charset=utf-8"); !slices.Equal(facts, expected) {
			t.Errorf("%s: %q", log, facts)
		}
	}
}
