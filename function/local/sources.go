package main

import (
	"bytes"
	"cmp"
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"

	"keyrelay/function/credential"
	"keyrelay/function/destination"
	"keyrelay/function/rawjson"
	"keyrelay/function/secret"
)

// A document is one destination as the page lists it.
type document struct {
	Name, Title string
	Attachments []attachment
}

// An attachment is one credential that a document attaches.
type attachment struct {
	Scheme, What string
	// Call is the URL that is asked for the credential, Secret the reference of what it is
	// made of; each empty for none.
	Call, Secret string
	// Read says that its secret could be read, Problem why it could not.
	Read    bool
	Problem string
	// Method is that of Call.
	Method string
	secret secret.Secret
}

// describeDocuments says for each document which credentials it attaches, from where,
// and whether their secrets can be read and are what those are made of. Their values serve to
// keep them off the page.
func (s *surroundings) describeDocuments(ctx context.Context, set *destination.Set) []document {
	secrets := secret.New(secret.Config{SecretsManager: s.connect})
	described := make([]document, len(set.Destinations()))
	var all sync.WaitGroup
	for i, declared := range set.Destinations() {
		made := &described[i]
		made.Name, made.Title = declared.Name, declared.Title
		made.Attachments = make([]attachment, len(declared.Attached))
		for j, name := range declared.Attached {
			all.Go(func() { made.Attachments[j] = s.newAttachment(ctx, declared, declared.Schemes[name], secrets) })
		}
	}
	all.Wait()
	return described
}

// newAttachment reads the secret of one scheme, and makes of it what can be made without a call.
func (s *surroundings) newAttachment(ctx context.Context, d *destination.Destination, scheme *destination.SecurityScheme, secrets *secret.Store) attachment {
	made := describe(scheme)
	if len(scheme.Choosers()) > 0 {
		return made
	}
	if reference := secretOf(scheme); reference != (destination.Reference{}) {
		value, err := secrets.Value(ctx, reference)
		if err != nil {
			made.Problem = s.problem(reference, err)
			return made
		}
		made.Read, made.secret, made.Problem = true, value.Bytes, doubt(value.Bytes())
		oauth := scheme.Kind == destination.OAuth2 || scheme.Kind == destination.OpenIDConnect
		if oauth && !bytes.HasPrefix(value.Bytes(), []byte("{")) {
			made.Method, made.Call = "", "" // a text is the token itself
		}
	}
	for _, each := range scheme.MadeWith() {
		if fault, found := credential.CheckScheme(ctx, d, each, secrets); found {
			made.Problem = strings.Replace(sentences(fault.Problem, fault.Remedy), "keyrelay login FOLDER", s.loginCommand(), 1)
			break
		}
	}
	return made
}

// secretOf is the secret that a credential is made of: the scheme's own, or that of another
// one whose credential buys it.
func secretOf(scheme *destination.SecurityScheme) destination.Reference {
	for _, each := range scheme.MadeWith() {
		if each.Secret != (destination.Reference{}) {
			return each.Secret
		}
	}
	return destination.Reference{}
}

// describe says what a scheme attaches and what that is made of.
func describe(scheme *destination.SecurityScheme) attachment {
	made := attachment{Scheme: scheme.Name}
	if reference := secretOf(scheme); reference != (destination.Reference{}) {
		made.Secret = reference.String()
	}
	signature := "AWS signature in Authorization"
	if made.Secret == "" {
		signature += ", by this process's own AWS credentials"
	}
	token := "bearer token"
	if scheme.Word != "" && scheme.Word != "Bearer" {
		token = scheme.Word + " and a token"
	}
	made.What = cmp.Or(map[destination.Kind]string{
		destination.Basic:          "HTTP Basic in Authorization",
		destination.Bearer:         token + " in Authorization",
		destination.OAuth2:         "access token in Authorization",
		destination.OpenIDConnect:  "access token in Authorization",
		destination.MutualTLS:      "client certificate",
		destination.SignedOAuth1:   "OAuth 1.0 signature in Authorization",
		destination.AWSSignatureV4: signature,
		destination.Unsupported:    "nothing, since this kind of scheme cannot be filled",
	}[scheme.Kind], scheme.In+" "+scheme.Field)
	switch {
	case scheme.Source != nil:
		source := describe(scheme.Source)
		made.Method, made.Call = source.Method, source.Call
	case scheme.Retrieval != nil:
		made.Method, made.Call = scheme.Retrieval.Method, scheme.Retrieval.URL.String()
	case scheme.Flow != nil && scheme.Flow.TokenURL != nil:
		made.Method, made.Call = http.MethodPost, scheme.Flow.TokenURL.String()
	case scheme.DiscoveryURL != nil:
		made.Method, made.Call = http.MethodGet, scheme.DiscoveryURL.String()
	}
	return made
}

// From says in words what the credential is made of; empty where there is nothing to say.
func (a attachment) From() string {
	switch {
	case a.Call == "":
		return a.Secret
	case a.Secret == "":
		return "a call to " + a.Call
	}
	return "a call to " + a.Call + " with " + a.Secret
}

// problem says why a secret cannot be read.
func (s *surroundings) problem(reference destination.Reference, err error) string {
	told, whole := "The secret cannot be read.", reference
	whole.Pointer = ""
	for _, read := range []destination.Reference{whole, reference} {
		if problem, remedy, known := secret.Problem(read, err); known {
			told = sentences("the secret "+read.String()+" "+problem, remedy)
		}
	}
	if s.secrets == "" && reference.Provider == "secretsmanager" {
		told += " To try it without AWS give SECRETS=file.json, a JSON object of secrets by name."
	}
	return told
}

// loginCommand begins a command that logs in with the secrets that this relay has.
func (s *surroundings) loginCommand() string {
	command := "dist/keyrelay login " + s.folder
	if s.secrets == "" {
		return command
	}
	return "(while this runs, in another terminal) " + strings.Join(awsVariables(s.secrets), " ") + " " + command
}

// sentences are a problem and its remedy as sentences of their own.
func sentences(problem, remedy string) string {
	told := strings.ToUpper(problem[:1]) + problem[1:] + "."
	if remedy != "" {
		told += " " + strings.ToUpper(remedy[:1]) + remedy[1:] + "."
	}
	return told
}

// shortestHidden is the shortest secret that is kept off the page: a shorter one would
// take half of every text with it.
const shortestHidden = 4

// hide returns a text of an API without the secrets of the documents, as they were read
// at any start. The relay masks long ones only, since *** tells a caller that a guess
// was right; who sees this page may read the secrets anyway, and they still stay off it.
func (w *workbench) hide(text string) string {
	var parts []string
	for _, each := range w.secrets {
		parts = append(parts, textsIn(each())...)
	}
	parts = slices.DeleteFunc(parts, func(text string) bool { return len(text) < shortestHidden })
	slices.SortFunc(parts, func(a, b string) int { return len(b) - len(a) }) // one may begin with another
	for _, part := range parts {
		text = strings.ReplaceAll(text, part, "***")
	}
	return text
}

// secretsOf are the secrets of documents beside those of earlier ones, each once.
func secretsOf(documents []document, earlier []secret.Secret) []secret.Secret {
	all := slices.Clip(earlier)
	for _, each := range documents {
		for _, attached := range each.Attachments {
			if read := attached.secret; read != nil && !slices.ContainsFunc(all, func(one secret.Secret) bool { return bytes.Equal(one(), read()) }) {
				all = append(all, read)
			}
		}
	}
	return all
}

// textsIn are the texts in a secret: it as a whole, or the members of a JSON object.
func textsIn(content []byte) (texts []string) {
	var object rawjson.Object
	if object.Read(content) != nil {
		_, password, _ := strings.Cut(string(content), ":")
		return []string{string(content), password}
	}
	for i := range object.Len() {
		if value := object.Value(i).Of(content); !rawjson.IsContainer(value) {
			text, _ := rawjson.ScalarText(nil, value)
			texts = append(texts, string(text))
		}
	}
	return texts
}

// A placeholder is what examples have in the place of a secret.
var placeholder = regexp.MustCompile(`(?i)^(<.*>|\$?\{+[a-z_ -]*\}+|\$[a-z_]+|…|\.\.\.|x{3,}|\*{3,}|change[-_ ]?me|(your|my|insert|replace|enter)[-_ ].*)$`)

// quotedText is a text that was quoted once more.
var quotedText = regexp.MustCompile(`^(".*"|'.*')$`)

// doubt says what in a secret that can be sent is most likely a mistake; empty for nothing.
func doubt(content []byte) string {
	for _, text := range textsIn(content) {
		invisible := strings.IndexFunc(text, func(c rune) bool { return c == '\u00a0' || unicode.Is(unicode.Cf, c) })
		switch {
		case placeholder.MatchString(text):
			return "It was read, and a text in it is a placeholder. Store the real one in its place."
		case invisible >= 0 && !strings.HasPrefix(text, "-----BEGIN"):
			return "It was read, and a text in it has a character that nobody sees, as texts copied from a page have. Write it anew."
		case strings.TrimSpace(text) != text && !strings.HasPrefix(text, "-----BEGIN"):
			return "It was read, and a text in it begins or ends with white space or a line break, which is sent with it. Store it without."
		case quotedText.MatchString(text):
			return "It was read, and a text in it stands in quotation marks, which are sent with it. Store it without."
		}
	}
	return ""
}
