package main

import (
	"cmp"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"keyrelay/function/gateway"
)

// A proposal is what a curl command becomes: a trial without any secret, and a document
// for an API that has none.
type proposal struct {
	Trial trial
	// Notes say what was done with the command, and what cannot be done.
	Notes []string
	// File and Document are the proposed document; empty where the API is declared.
	File     string
	Document string
	// Secret is a command that stores the secret, SecretFile a file for here, with a gap in its place.
	Secret     string
	SecretFile string

	schemes []proposedScheme
	form    bool
	// keyInPath says that the path has {key} in the place of a secret.
	keyInPath bool
}

// A proposedScheme is a security scheme for a secret that the command holds.
type proposedScheme struct {
	name string
	// lines are the scheme in YAML.
	lines []string
	// secret is the shape of its secret in JSON, with gaps.
	secret string
}

const secretGap = "…"

// propose turns a command into a proposal. No value that may be a secret is in it.
func propose(command *curlCommand) *proposal {
	made := &proposal{Notes: command.notes, File: fileName(command.url)}
	made.Trial.Method = command.method
	if strings.Contains(command.body, "grant_type") {
		made.Notes = append(made.Notes, "This asks a token endpoint for a token, which the relay does by itself: for the API that takes the token, name this URL as tokenUrl of an oauth2 scheme.")
	}
	if isLogin(command) {
		made.Notes = append(made.Notes, "This looks like a login, which the relay does by itself: write it into the document of the API that takes what it answers with, as docs/credentials.md#a-login-with-json shows.")
	}
	made.credentials(command)
	made.path(command)
	made.headers(command)
	made.query(command, made.body(command))
	made.Document = made.document(command)
	made.setSecret()
	return made
}

// isLogin reports whether a command logs in: its path says so, and its body has a
// member for what only the client knows.
func isLogin(command *curlCommand) bool {
	says := func(text string, words ...string) bool {
		return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(strings.ToLower(text), word) })
	}
	return !strings.Contains(command.body, "grant_type") && says(command.url.Path, "login", "logon", "signin", "token", "auth", "session") &&
		says(command.body, "pass", "pwd", "secret", "api_key", "apikey")
}

// fileName is a document's name after its host: api.example.com is example. One by its
// address or of this machine is named after the first part of its path.
func fileName(target *url.URL) string {
	host := target.Hostname()
	if _, err := netip.ParseAddr(host); err == nil || host == "localhost" {
		host, _, _ = strings.Cut(strings.TrimPrefix(target.Path, "/"), "/")
	}
	labels := strings.Split(strings.ToLower(host), ".")
	labels = slices.DeleteFunc(labels, func(label string) bool { return label == "api" || label == "www" || label == "" })
	if len(labels) > 1 {
		labels = labels[:len(labels)-1]
	}
	name := strings.Map(func(c rune) rune {
		if isAlphanumeric(c) || c == '-' {
			return c
		}
		return -1
	}, strings.Join(labels, "-"))
	return cmp.Or(name, "my-api")
}

// isAlphanumeric reports whether a character is a letter or a digit of ASCII.
func isAlphanumeric(c rune) bool {
	return c <= unicode.MaxASCII && (unicode.IsLetter(c) || unicode.IsDigit(c))
}

// credentials takes what -u, -E and --aws-sigv4 say.
func (p *proposal) credentials(command *curlCommand) {
	if command.signature != "" {
		signed := "x-amazon-apigateway-authtype: awsSigv4"
		if parts := strings.Split(command.signature, ":"); len(parts) == 4 { // aws:amz:REGION:SERVICE
			signed = "x-keyrelay-sigv4: {service: " + quoteYAML(parts[3]) + ", region: " + quoteYAML(parts[2]) + "}"
		}
		p.add("aws", `{"access_key_id":"`+secretGap+`","secret_access_key":"`+secretGap+`"}`, "type: apiKey", "in: header", "name: Authorization", signed)
	} else if command.user != "" {
		p.basic()
	}
	if command.certificate {
		p.add("certificate", `{"certificate":"`+secretGap+`","private_key":"`+secretGap+`"}`, "type: mutualTLS")
	}
}

// basic proposes a scheme for a name and a password.
func (p *proposal) basic() {
	p.add("basic", `{"username":"`+secretGap+`","password":"`+secretGap+`"}`, "type: http", "scheme: basic")
}

// key proposes a scheme for a key in a field; more says how it stands there.
func (p *proposal) key(name, in, field string, more ...string) {
	p.add(name, quoteJSON(secretGap), append([]string{"type: apiKey", "in: " + in, "name: " + quoteYAML(field)}, more...)...)
}

// add proposes a scheme for a secret; one of the same name is the same.
func (p *proposal) add(name, secret string, lines ...string) {
	name = schemeName(name)
	if slices.ContainsFunc(p.schemes, func(s proposedScheme) bool { return s.name == name }) {
		return
	}
	p.schemes = append(p.schemes, proposedScheme{name: name, secret: secret, lines: lines})
}

// schemeName keeps of a header's or a parameter's name what OpenAPI lets a component be named.
func schemeName(name string) string {
	name = strings.Map(func(c rune) rune {
		if isAlphanumeric(c) || c == '-' || c == '_' {
			return c
		}
		return '-'
	}, name)
	return cmp.Or(name, "key")
}

// path takes a key out of the path, which an id may look like too: where the rest of the URL
// does not tell one from the other, it stays.
func (p *proposal) path(command *curlCommand) {
	segments := strings.Split(command.url.Path, "/")
	for i, segment := range segments {
		key := segment[strings.IndexByte(segment, ':')+1:]
		before := strings.TrimRight(segment[:len(segment)-len(key)], ":0123456789") // Telegram's bot is before its id
		switch {
		case !looksLikeKey(key):
		case key != segment || strings.HasPrefix(command.url.Host, "hooks.") || strings.Contains(strings.ToLower(command.url.Path), "webhook"):
			segments[i], p.keyInPath = before+"{key}", true
			p.key("key", "header", "key", "x-keyrelay-in: path")
			command.url.Path, command.url.RawPath = strings.Join(segments, "/"), ""
			return
		default:
			p.Notes = append(p.Notes, "The path has a part that looks like a key. If it is one, keep it out of the document, as docs/credentials.md#in-the-body-or-the-path shows.")
			return
		}
	}
}

// looksLikeKey reports whether a text is long, and as mixed as no word and no UUID is.
func looksLikeKey(text string) bool {
	const least = 20
	has := func(from, to rune) bool {
		return strings.ContainsFunc(text, func(c rune) bool { return c >= from && c <= to })
	}
	return len(text) >= least && has('a', 'z') && has('A', 'Z') && has('0', '9') && !strings.ContainsAny(text, "%{} .")
}

// withKey writes {key}, which a path's other braces are not.
func (p *proposal) withKey(path string) string {
	path = strings.NewReplacer("{", "%7B", "}", "%7D").Replace(path)
	if p.keyInPath {
		path = strings.Replace(path, "%7Bkey%7D", "{key}", 1)
	}
	return path
}

// headers takes the header fields: credentials become schemes, what a browser or curl
// adds by itself is left out, the rest stays.
func (p *proposal) headers(command *curlCommand) {
	var kept strings.Builder
	var names []string
	for _, line := range command.headers {
		switch name := strings.ToLower(line.Name); {
		case name == "authorization" || name == "proxy-authorization":
			p.authorization(line)
		case name == "cookie":
			p.cookies(line.Value)
		case mayBeSecret(line.Name):
			p.key(line.Name, "header", line.Name)
		case name == "content-type" && strings.HasPrefix(line.Value, "application/x-www-form-urlencoded"):
			p.form = true
		case name == "content-type" && strings.HasPrefix(line.Value, "application/json"), isBrowserHeader(name):
		default:
			fmt.Fprintf(&kept, "%s: %s\n", line.Name, line.Value)
			names = append(names, line.Name)
		}
	}
	p.Trial.Headers = kept.String()
	if names != nil {
		p.Notes = append(p.Notes, "Headers that every request has as they are: "+strings.Join(names, ", ")+". One that is another for each record is a field of the record instead, by X-Relay-Header-Fields.")
	}
}

// authorization takes a scheme of HTTP authentication, https://www.iana.org/assignments/http-authschemes/.
func (p *proposal) authorization(line headerLine) {
	scheme, rest, found := strings.Cut(line.Value, " ")
	switch lower := strings.ToLower(scheme); {
	case !found || strings.TrimSpace(rest) == "":
		p.key("key", "header", line.Name)
	case lower == "basic":
		p.basic()
	case lower == "bearer":
		p.add("bearer", quoteJSON(secretGap), "type: http", "scheme: bearer")
	case strings.HasPrefix(lower, "aws4-"):
		p.add("aws", "", "type: apiKey", "in: header", "name: Authorization", "x-amazon-apigateway-authtype: awsSigv4")
	case isToken(scheme):
		p.key("key", "header", "Authorization", "x-keyrelay-value: "+quoteYAML(scheme+" {{{.}}}"))
	}
}

// cookies takes each cookie as a credential.
func (p *proposal) cookies(value string) {
	for pair := range strings.SplitSeq(value, ";") {
		name, _, found := strings.Cut(strings.TrimSpace(pair), "=")
		if found && isToken(name) {
			p.key(name, "cookie", name)
		}
	}
}

// isToken reports whether a text is a token of HTTP, as names of header fields are (RFC 9110 section 5.6.2).
func isToken(text string) bool {
	return len(text) < 100 && gateway.ValidHeaderName(text)
}

// mayBeSecret reports whether a name is one that keys and tokens have. It says yes too often
// rather than let a secret through.
func mayBeSecret(name string) bool {
	lower := notSecret.Replace(strings.ToLower(name))
	if slices.Contains([]string{"idempotency-key", "x-idempotency-key", "page_token", "pagetoken", "nextpagetoken", "continuation-token", "continuationtoken", "www-authenticate"}, lower) {
		return false
	}
	return slices.ContainsFunc([]string{"key", "token", "secret", "auth", "password", "passwd", "pwd", "session", "credential", "signature", "jwt", "bearer", "access_code"},
		func(part string) bool { return strings.Contains(lower, part) }) || lower == "sig" || lower == "code"
}

// notSecret takes out words that only look like those of a secret, such as the max_tokens of a model.
var notSecret = strings.NewReplacer("authoriz", "auth", "authority", "", "author", "", "tokens", "", "token_type", "", "tokentype", "", "keyword", "", "keyboard", "", "monkey", "", "passenger", "")

// isBrowserHeader reports whether a header field is one that a browser's "copy as cURL" adds,
// or that describes the connection.
func isBrowserHeader(name string) bool {
	return strings.HasPrefix(name, "sec-") || slices.Contains(strings.Fields("accept-encoding accept-language connection content-length dnt host origin priority referer te upgrade-insecure-requests pragma cache-control user-agent"), name)
}

// query makes fields of the query's parameters where the record can take them.
func (p *proposal) query(command *curlCommand, fields []string) {
	bare := *command.url
	bare.RawQuery = ""
	p.Trial.URL = p.withKey(bare.String())
	if command.url.RawQuery == "" {
		return
	}
	names, members, ok := pairs(command.url.RawQuery, func(name string) { p.key(name, "query", name) })
	if !ok {
		p.Notes = append(p.Notes, "The URL's query is no list of name=value, so it was left out.")
		return
	}
	if fields == nil {
		query := slices.DeleteFunc(strings.Split(command.url.RawQuery, "&"), func(pair string) bool {
			name, _, _ := strings.Cut(pair, "=")
			decoded, _ := url.QueryUnescape(name)
			return !slices.Contains(names, decoded)
		})
		p.Trial.URL += "?" + strings.Join(query, "&")
		p.Notes = append(p.Notes, "The query stays in the URL, since the body is no object that could hold its fields.")
		return
	}
	for i, name := range names {
		if slices.Contains(fields, name) {
			p.Notes = append(p.Notes, "The parameter "+cut(name, 40)+" was left out, since the body has a field of that name.")
			continue
		}
		p.Trial.Record = withMember(p.Trial.Record, members[i])
		p.Trial.Moves = append(p.Trial.Moves, fieldMove{Field: name, To: "query"})
	}
}

// withMember adds a member to an object at its end.
func withMember(object, member string) string {
	open := strings.TrimRight(strings.TrimSuffix(strings.TrimRight(object, " \t\r\n"), "}"), " \t\r\n")
	if strings.HasSuffix(open, "{") {
		return open + member + "}"
	}
	return open + ", " + member + "}"
}
