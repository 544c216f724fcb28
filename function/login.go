package main

import (
	"context"
	"crypto/subtle"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"keyrelay/function/credential"
	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/retrieval"
	"keyrelay/function/secret"
	"keyrelay/function/upstream"
)

const (
	// loginTime is how long a person has to consent.
	loginTime = 5 * time.Minute
	// pageTime is how long the browser has to take the last page.
	pageTime = 2 * time.Second

	loginUsage = "usage: keyrelay login [--redirect http://127.0.0.1:PORT/PATH] [--member MEMBER] FOLDER DOCUMENT SCHEME"
)

// A loginRequest is what the arguments of login say.
type loginRequest struct {
	folder, document, scheme, member string
	redirect                         *url.URL
}

// login has a person consent in the browser of this machine and puts the refresh token
// that this gives into the secret of a scheme: an authorization code (RFC 6749 section
// 4.1) with PKCE (RFC 7636) that comes to a loopback address (RFC 8252 section 7.3).
func login(stop context.Context, arguments []string, out io.Writer) error {
	asked, err := readLogin(arguments)
	if err != nil {
		return err
	}
	scope, err := asked.scope()
	if err != nil {
		return err
	}
	listener, err := listenAt(asked.redirect)
	if err != nil {
		return err
	}
	defer listener.Close()
	secrets := secret.New(secret.Config{SecretsManager: secretsManager})
	client := upstream.New(secrets)
	defer client.Close()
	retriever := credential.New(secrets, client.Call).Retriever()
	consent, err := retriever.AskConsent(stop, scope, asked.redirect.String())
	if err != nil {
		return explained(err)
	}
	fmt.Fprintf(out, "Open this address in a browser on this machine, and consent within %s. The answer is awaited at %s\n\n%s\n\n", loginTime, asked.redirect, consent.URL)
	answer, err := awaitAnswer(stop, listener, asked.redirect, consent.State)
	if err != nil {
		return err
	}
	code, err := authorizationCode(answer)
	if err != nil {
		return err
	}
	if err := retriever.Redeem(stop, consent, code); err != nil {
		return explained(err)
	}
	fmt.Fprintf(out, "The refresh token is in %s, member refresh_token\n", scope.Secret())
	return nil
}

// readLogin reads the arguments.
func readLogin(arguments []string) (loginRequest, error) {
	flags := flag.NewFlagSet("login", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	redirect := flags.String("redirect", "http://"+loopback+":0/callback", "")
	member := flags.String("member", "", "")
	if flags.Parse(arguments) != nil || flags.NArg() != 3 {
		return loginRequest{}, errors.New(loginUsage)
	}
	parsed, err := url.Parse(*redirect)
	if err != nil || parsed.Scheme != "http" || parsed.Hostname() != loopback && parsed.Hostname() != "localhost" || parsed.Port() == "" ||
		parsed.User != nil || parsed.RawQuery != "" || parsed.ForceQuery || parsed.Fragment != "" {
		return loginRequest{}, errors.New("--redirect must be an address of this machine as the provider knows it: http://127.0.0.1:PORT/PATH or http://localhost:PORT/PATH; port 0 is any free one")
	}
	return loginRequest{flags.Arg(0), flags.Arg(1), flags.Arg(2), *member, parsed}, nil
}

// scope finds the scheme in the documents, and sees that its secret can take a token.
func (l loginRequest) scope() (scope retrieval.Scope, err error) {
	networks, err := networksSetting(os.Getenv("KEYRELAY_NETWORKS"), false)
	if err != nil {
		return scope, err
	}
	set, err := destination.Load(l.folder, destination.Config{Widest: &networks, SecretPrefix: os.Getenv("KEYRELAY_SECRET_PREFIX")})
	if err != nil {
		return scope, err
	}
	var names []string
	for _, each := range set.Destinations() {
		if names = append(names, each.Name); each.Name == l.document {
			scope.Destination = each
		}
	}
	if scope.Destination == nil {
		return scope, fmt.Errorf("%s has no document %q; write one of %s", l.folder, l.document, strings.Join(names, ", "))
	}
	scheme := scope.Destination.Schemes[l.scheme]
	switch {
	case scheme == nil:
		return scope, fmt.Errorf("%s has no security scheme %q; write the name of one under components.securitySchemes", l.document, l.scheme)
	case scheme.Kind != destination.OAuth2 && scheme.Kind != destination.OpenIDConnect:
		return scope, fmt.Errorf("the security scheme %s needs no login; only oauth2 and openIdConnect do", l.scheme)
	case scheme.Flow != nil && scheme.Flow.GrantType != "authorization_code":
		return scope, fmt.Errorf("the security scheme %s has a flow that needs no login, %s; leave authorizationCode alone in its flows where a person is to consent", l.scheme, scheme.Flow.GrantType)
	case scheme.SecretField == "" != (l.member == ""):
		return scope, fmt.Errorf("--member is for a secret whose member a field of the record chooses, and only for one: that of %s is %s", l.scheme, scheme.Secret)
	case scheme.Secret.Provider == "env":
		return scope, fmt.Errorf("the secret %s is a variable of the environment, which cannot keep a refresh token: put what it holds into Secrets Manager or a file, "+
			"name that with x-keyrelay-secret on %s of %s, and log in again", scheme.Secret, l.scheme, l.document)
	}
	scope.Scheme, scope.Certificate = scheme, scheme.Beside
	return scope.Choosing(map[string]string{scheme.SecretField: l.member}), nil
}

// listenAt listens where a redirect URI leads to, and puts a port of 0 right in it. That
// is 127.0.0.1 for localhost too, so that nothing off this machine reaches it.
func listenAt(redirect *url.URL) (net.Listener, error) {
	address := net.JoinHostPort(loopback, redirect.Port())
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s; stop what uses that port, or name another one with --redirect", address)
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	redirect.Host = net.JoinHostPort(redirect.Hostname(), port)
	return listener, nil
}

// explained adds to a refusal what its log entry would say.
func explained(err error) error {
	var refusal *gateway.Refusal
	if errors.As(err, &refusal) && refusal.Note != "" {
		return fmt.Errorf("%w %s", err, refusal.Note)
	}
	return err
}

// A callback waits for the one answer that a browser brings.
type callback struct {
	redirect *url.URL
	state    string
	answered atomic.Bool
	answers  chan url.Values
}

// awaitAnswer serves the redirect URI until the answer to this request has come.
func awaitAnswer(stop context.Context, listener net.Listener, redirect *url.URL, state string) (url.Values, error) {
	defer listener.Close()
	ctx, cancel := context.WithTimeout(stop, loginTime)
	defer cancel()
	awaited := &callback{redirect: redirect, state: state, answers: make(chan url.Values, 1)}
	server := &http.Server{Handler: awaited, ReadTimeout: headerTime, WriteTimeout: headerTime, MaxHeaderBytes: gateway.MaxHeaderBytes,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	server.SetKeepAlivesEnabled(false)
	defer func() { _ = server.Close() }()
	go func() { _ = server.Serve(listener) }()
	select {
	case answer := <-awaited.answers:
		limit, cancel := context.WithTimeout(stop, pageTime)
		defer cancel()
		_ = server.Shutdown(limit)
		return answer, nil
	case <-ctx.Done():
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return nil, fmt.Errorf("no answer came to %s in time; log in again, and let the client have that redirect URI at the provider", redirect)
	}
	return nil, errors.New("the login was broken off; nothing has changed")
}

// ServeHTTP takes the answer on the one path, by its state. What knows no state is no
// answer, and does not end the waiting: any page that is open may send requests here.
func (c *callback) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	query, err := url.ParseQuery(r.URL.RawQuery)
	switch {
	case r.Method != http.MethodGet || "/"+strings.TrimPrefix(c.redirect.EscapedPath(), "/") != r.URL.EscapedPath(),
		(&url.URL{Host: r.Host}).Hostname() != c.redirect.Hostname():
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, "There is nothing here.\n")
	case err != nil || len(query["state"]) != 1 || subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(c.state)) == 0:
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, "This is no answer to the login that is awaited: its state is another. Open the address that keyrelay printed.\n")
	case c.answered.Swap(true):
		w.WriteHeader(http.StatusGone)
		_, _ = io.WriteString(w, "The answer has come already.\n")
	default:
		_, _ = io.WriteString(w, "The answer has come. keyrelay says in its terminal what became of it; this page can be closed.\n")
		c.answers <- query
	}
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
		remedy = "Mend the scopes in the document, or have them allowed to the client"
	case "unauthorized_client", "unsupported_response_type":
		remedy = "Have the authorization code flow allowed to the client"
	case "invalid_request":
		remedy = "Check authorizationUrl in the document, and the client's redirect URIs at the provider"
	case "server_error", "temporarily_unavailable":
		remedy = "Try again later"
	}
	return "", fmt.Errorf("the provider answered with the error %+.60q. %s", answer.Get("error"), remedy)
}
