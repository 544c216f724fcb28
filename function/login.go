package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

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

	loginUsage = "usage: keyrelay login [--redirect URI] [--member MEMBER] FOLDER DOCUMENT SCHEME"
)

// A loginRequest is what the arguments of login say.
type loginRequest struct {
	folder, document, scheme, member string
	redirect                         *url.URL
}

// login has a person consent in a browser and puts the refresh token that this gives into
// the secret of a scheme: an authorization code (RFC 6749 section 4.1) with PKCE (RFC
// 7636) that comes to a loopback address (RFC 8252 section 7.3), or is pasted into in.
func login(stop context.Context, arguments []string, in io.Reader, out io.Writer) error {
	asked, err := readLogin(arguments)
	if err != nil {
		return err
	}
	scope, err := asked.scope()
	if err != nil {
		return err
	}
	awaited, err := await(asked.redirect)
	if err != nil {
		return err
	}
	defer awaited.close()
	secrets := secret.New(secret.Config{SecretsManager: connect("SECRETS_MANAGER", secretsmanager.NewFromConfig)})
	client := upstream.New(secrets)
	defer client.Close()
	retriever := credential.New(secrets, client.Call, nil).Retriever()
	consent, err := retriever.AskConsent(stop, scope, asked.redirect.String())
	if err != nil {
		return explained(err)
	}
	fmt.Fprintf(out, "Open this address in a browser, and consent within %s.\n\n%s\n\n%s\n", loginTime, consent.URL, awaited.instruction())
	if isTerminal(out) {
		openBrowser(consent.URL)
	}
	answer, err := awaited.answer(stop, consent.State, in, out)
	if err != nil {
		return err
	}
	code, err := authorizationCode(answer)
	if err != nil {
		return err
	}
	member, err := retriever.Redeem(stop, consent, code)
	if err != nil {
		return explained(err)
	}
	fmt.Fprintf(out, "What the consent gave is in %s, member %s\n", scope.Secret(), member)
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
	if err != nil || !isRedirect(parsed) {
		return loginRequest{}, errors.New("--redirect must be an address as the provider knows it: http://127.0.0.1:PORT/PATH or http://localhost:PORT/PATH of this machine, where port 0 is any free one, or https://HOST/PATH, from which you paste the answer")
	}
	return loginRequest{flags.Arg(0), flags.Arg(1), flags.Arg(2), *member, parsed}, nil
}

// isRedirect reports whether a URI is one to which the answer may come: an address of this
// machine, or one of https, where nobody on the network sees the code.
func isRedirect(uri *url.URL) bool {
	own := uri.Scheme == "http" && (uri.Hostname() == loopback || uri.Hostname() == "localhost") && uri.Port() != ""
	bare := uri.User == nil && uri.RawQuery == "" && !uri.ForceQuery && uri.Fragment == ""
	return bare && (own || uri.Scheme == "https" && uri.Hostname() != "")
}

// scope finds the scheme in the documents, and sees that its secret can take a token.
func (l loginRequest) scope() (scope retrieval.Scope, err error) {
	config, err := documentConfig(false)
	if err != nil {
		return scope, err
	}
	set, err := destination.Load(l.folder, config)
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

// explained adds to a refusal what its log entry would say.
func explained(err error) error {
	if refusal, ok := errors.AsType[*gateway.Refusal](err); ok && refusal.Note != "" {
		return fmt.Errorf("%w %s", err, refusal.Note)
	}
	return err
}
