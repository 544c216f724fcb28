package main

import (
	"bufio"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"

	"keyrelay/function/gateway"
)

// A callback waits for the one answer that a browser brings, or a person pastes.
type callback struct {
	// redirect is where the answer comes to. listener listens there; nil where it is not on this machine.
	redirect *url.URL
	listener net.Listener
	state    string
	answered atomic.Bool
	answers  chan url.Values
}

// await listens where a redirect URI leads to, and puts a port of 0 right in it. That
// is 127.0.0.1 for localhost too, so that nothing off this machine reaches it.
func await(redirect *url.URL) (*callback, error) {
	c := &callback{redirect: redirect, answers: make(chan url.Values, 1)}
	if redirect.Scheme == "https" {
		return c, nil
	}
	address := net.JoinHostPort(loopback, redirect.Port())
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s; stop what uses that port, or name another one with --redirect", address)
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	redirect.Host = net.JoinHostPort(redirect.Hostname(), port)
	c.listener = listener
	return c, nil
}

func (c *callback) close() {
	if c.listener != nil {
		_ = c.listener.Close()
	}
}

// instruction says what becomes of the answer.
func (c *callback) instruction() string {
	if c.listener == nil {
		return "The browser then comes to a page at " + c.redirect.String() + ". Paste the whole address of that page here:"
	}
	return "The answer is awaited at " + c.redirect.String() + ". From a browser on another machine, paste the whole address of its last page here, which does not load there:"
}

// answer waits until the answer to the request with this state has come.
func (c *callback) answer(stop context.Context, state string, in io.Reader, out io.Writer) (url.Values, error) {
	defer c.close()
	ctx, cancel := context.WithTimeout(stop, loginTime)
	defer cancel()
	c.state = state
	server := &http.Server{Handler: c, ReadTimeout: headerTime, WriteTimeout: headerTime, MaxHeaderBytes: gateway.MaxHeaderBytes,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	server.SetKeepAlivesEnabled(false)
	defer func() { _ = server.Close() }()
	if c.listener != nil {
		go func() { _ = server.Serve(c.listener) }()
	}
	go c.readPasted(in, out)
	select {
	case answer := <-c.answers:
		limit, cancel := context.WithTimeout(stop, pageTime)
		defer cancel()
		_ = server.Shutdown(limit)
		return answer, nil
	case <-ctx.Done():
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return nil, fmt.Errorf("no answer came to %s in time; log in again, and let the client have that redirect URI at the provider", c.redirect)
	}
	return nil, errors.New("the login was broken off; nothing has changed")
}

// readPasted takes the answer from the address that a person pastes. The code in it is
// worth nothing without the verifier, which never leaves this process.
func (c *callback) readPasted(in io.Reader, out io.Writer) {
	for lines := bufio.NewScanner(in); lines.Scan(); {
		text := strings.TrimSpace(lines.Text())
		if text == "" {
			continue
		}
		pasted, err := url.Parse(text)
		if err == nil && c.isAnswer(pasted.Query()) {
			c.take(pasted.Query())
			return
		}
		fmt.Fprintln(out, "That is no answer to this login. Paste the whole address of the page, with what stands behind the question mark:")
	}
}

// isAnswer knows the answer to this request by its state.
func (c *callback) isAnswer(query url.Values) bool {
	return len(query["state"]) == 1 && subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(c.state)) == 1
}

// take takes the first answer.
func (c *callback) take(answer url.Values) (first bool) {
	if c.answered.Swap(true) {
		return false
	}
	c.answers <- answer
	return true
}

// ServeHTTP takes the answer on the one path, by its state. What knows no state is no
// answer, and does not end the waiting: any page that is open may send requests here.
func (c *callback) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	query, err := url.ParseQuery(r.URL.RawQuery)
	status, says := http.StatusOK, "The answer has come. keyrelay says in its terminal what became of it; this page can be closed."
	switch {
	case r.Method != http.MethodGet || "/"+strings.TrimPrefix(c.redirect.EscapedPath(), "/") != r.URL.EscapedPath(),
		(&url.URL{Host: r.Host}).Hostname() != c.redirect.Hostname():
		status, says = http.StatusNotFound, "There is nothing here."
	case err != nil || !c.isAnswer(query):
		status, says = http.StatusBadRequest, "This is no answer to the login that is awaited: its state is another. Open the address that keyrelay printed."
	case !c.take(query):
		status, says = http.StatusGone, "The answer has come already."
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, says+"\n")
}

// authorizationCode is the code of an authorization answer, or what its error means
// (RFC 6749 sections 4.1.2 and 4.1.2.1). Its error_description is not shown: anything may stand there.
func authorizationCode(answer url.Values) (string, error) {
	remedy := "Look for that code in the provider's documentation"
	switch answer.Get("error") {
	case "":
		if codes := answer["code"]; len(codes) == 1 && codes[0] != "" {
			return codes[0], nil
		}
		return "", errors.New("the provider's answer has neither one code nor an error; check authorizationUrl in the document")
	case "access_denied":
		remedy = "Log in again and consent, as somebody who may"
	case "invalid_scope":
		remedy = "Fix the scopes in the document, or have them allowed to the client"
	case "unauthorized_client", "unsupported_response_type":
		remedy = "Have the authorization code flow allowed to the client"
	case "invalid_request":
		remedy = "Check authorizationUrl in the document, and the client's redirect URIs at the provider"
	case "server_error", "temporarily_unavailable":
		remedy = "Try again later"
	}
	return "", fmt.Errorf("the provider answered with the error %+.60q. %s", answer.Get("error"), remedy)
}

// isTerminal reports whether a person reads what is written.
func isTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// openBrowser opens an address in the person's own browser (RFC 8252 section 6), where
// this machine has one; the address is printed in any case.
func openBrowser(address *url.URL) {
	opener := browserOpener(runtime.GOOS, os.Getenv)
	if opener == nil {
		return
	}
	command := exec.Command(opener[0], append(opener[1:], address.String())...) // #nosec G204 -- a URL that begins with http, to the system's own opener
	if command.Start() == nil {
		go func() { _ = command.Wait() }()
	}
}

// browserOpener is the command of a system that opens an address; nil where there is no display.
func browserOpener(system string, environment func(string) string) []string {
	switch {
	case system == "darwin":
		return []string{"open"}
	case system == "windows":
		return []string{"rundll32", "url.dll,FileProtocolHandler"}
	case environment("DISPLAY") != "" || environment("WAYLAND_DISPLAY") != "":
		return []string{"xdg-open"}
	}
	return nil
}
