package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The downstream stands on a test host in a network namespace of its own, at an
// address that the dial guard lets through because the documents say private.
const (
	namespace       = "keyrelay-e2e"
	testHostLink    = "keyrelay-e2e0"
	downstreamHost  = "10.213.0.2:8090"
	downstreamBase  = "http://" + downstreamHost
	downstreamStart = "KEYRELAY_E2E_DOWNSTREAM"
)

// TestMain runs the tests or, started again inside the namespace, the downstream.
func TestMain(m *testing.M) {
	key, inside := os.LookupEnv(downstreamStart)
	if !inside {
		os.Exit(m.Run())
	}
	apis := http.NewServeMux()
	apis.Handle("/", &downstream{key: key})
	apis.Handle("/sessions/", &sessions{life: time.Hour})
	apis.Handle("/ledgers/", &ledgers{named: make(map[string]*ledger)})
	server := &http.Server{Addr: downstreamHost, Handler: apis, ReadHeaderTimeout: 10 * time.Second}
	fmt.Fprintln(os.Stderr, server.ListenAndServe())
	os.Exit(1)
}

// A downstream lets in whoever has its current key and answers with the body that
// it received; X-Received-* fields say what else came.
type downstream struct {
	mutex sync.Mutex
	key   string
}

// ServeHTTP answers one request. PUT /key changes the key.
func (d *downstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, "the body broke off", http.StatusBadRequest)
		return
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	switch {
	case r.Method == http.MethodPut && r.URL.Path == "/key":
		d.key = string(body)
		return
	case r.Header.Get("X-Api-Key") != d.key:
		http.Error(w, "the key is wrong", http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
	w.Header().Set("X-Received-Method", r.Method)
	w.Header().Set("X-Received-Query", r.URL.RawQuery)
	w.Header().Set("X-Received-Tenant", r.Header.Get("X-Tenant"))
	_, _ = w.Write(body) // #nosec G705 -- it echoes on purpose, to the test alone
}

// startTestHost makes the namespace and starts the downstream in it with a first key.
func startTestHost(t *testing.T, key string) {
	t.Helper()
	waitForTestHost(t)
	_ = command(t, nil, "ip", "link", "del", testHostLink).Run()
	_ = command(t, nil, "ip", "netns", "del", namespace).Run() // one that a run which was cut off left behind
	t.Cleanup(func() {
		// Deleting the namespace alone takes the link away a little later.
		output(t, command(t, nil, "ip", "link", "del", testHostLink))
		output(t, command(t, nil, "ip", "netns", "del", namespace))
	})
	for _, step := range []string{
		"netns add " + namespace,
		"link add " + testHostLink + " type veth peer name eth0 netns " + namespace,
		"address add 10.213.0.1/24 dev " + testHostLink,
		"link set " + testHostLink + " up",
		"-n " + namespace + " address add 10.213.0.2/24 dev eth0",
		"-n " + namespace + " link set eth0 up",
		"-n " + namespace + " link set lo up",
	} {
		output(t, command(t, nil, "ip", strings.Fields(step)...))
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	start(t, command(t, []string{downstreamStart + "=" + key}, "ip", "netns", "exec", namespace, program))
	eventually(t, "the downstream answers", answers(downstreamBase))
}

// waitForTestHost waits until no other run of these tests on this machine has the
// address, and keeps it until the test ends.
func waitForTestHost(t *testing.T) {
	t.Helper()
	lock, err := os.Create(filepath.Join(os.TempDir(), namespace+".lock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = lock.Close() })
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
}

// changeKey makes the downstream accept another key, and only that.
func changeKey(t *testing.T, key string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, downstreamBase+"/key", strings.NewReader(key))
	if err != nil {
		t.Fatal(err)
	}
	if status, _, body := send(t, request); status != http.StatusOK {
		t.Fatalf("the key is not changed: %d %s", status, body)
	}
}
