package retrieval

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"keyrelay/function/destination"
	"keyrelay/function/rawjson"
	"keyrelay/function/secret"
	"keyrelay/function/upstream"
)

// An answer is what the credentials of a retrieval are taken from.
type answer struct {
	in  inputs
	got *upstream.Answer
	// document is the answer as JSON, nil if it is a mere text.
	document []byte
}

// content is the credential of a scheme, that of the call or one that shares it.
func (a *answer) content(scheme *destination.SecurityScheme) (content, error) {
	text, err := a.text(scheme)
	text = bare(text)
	found := content{text, []string{text}}
	switch {
	case scheme.Value != nil:
		found, err = a.filled(scheme, text, err)
	case err == nil && a.in.scope.Scheme == scheme && scheme.Kind != destination.RetrievedKey:
		text = destination.WithoutWord("Bearer ", text)
		found = content{"Bearer " + text, []string{text}}
	}
	switch {
	case err != nil:
		return content{}, err
	case found.text == "":
		has, sought := missing(scheme)
		return content{}, a.lacking("the answer of "+a.in.place()+" has "+has+". Check the document and the API's state.", sought)
	}
	if problem := Misfit(scheme, found.text); problem != "" {
		return content{}, failed(a.in.scope, "the answer of "+a.in.place()+" "+problem)
	}
	return found, nil
}

// redirectsWith reports whether the answer sends a browser on, as that to the form of a login
// does, and has the credential in a header or a cookie: it is not followed, but it is no failure.
func (a *answer) redirectsWith(scheme *destination.SecurityScheme) bool {
	if a.got.Status != http.StatusFound && a.got.Status != http.StatusSeeOther || scheme.ResponseHeader+scheme.ResponseCookie == "" {
		return false
	}
	text, _ := a.text(scheme)
	return text != ""
}

// bare takes off what no credential begins or ends with, and what some endpoints send:
// white space, and the byte order mark of a whole answer.
func bare(text string) string { return strings.TrimSpace(strings.TrimPrefix(text, byteOrderMark)) }

const byteOrderMark = "\ufeff"

// missing says what an answer without a value has in its place, and what was looked for.
func missing(scheme *destination.SecurityScheme) (has, sought string) {
	switch {
	case scheme.ResponseHeader != "":
		return "no header " + scheme.ResponseHeader + ", or an empty one", "the header " + scheme.ResponseHeader
	case scheme.ResponseCookie != "":
		return "no cookie " + scheme.ResponseCookie + ", or an empty one", "the cookie " + scheme.ResponseCookie
	}
	return "an empty text for the credential", "a text for the credential"
}

// text is the value that the answer gives without a template.
func (a *answer) text(scheme *destination.SecurityScheme) (string, error) {
	switch {
	case scheme.ResponseHeader != "":
		return a.got.Header.Get(scheme.ResponseHeader), nil
	case scheme.ResponseCookie != "":
		value := a.cookie(scheme.ResponseCookie).value
		if unquoted, ok := strings.CutPrefix(value, `"`); ok && scheme.In != "cookie" {
			value = strings.TrimSuffix(unquoted, `"`) // they are the cookie's (RFC 6265 section 4.1.1)
		}
		return value, nil
	case scheme.Retrieval != nil:
		return a.key(scheme.Retrieval.ResponsePointer)
	case scheme.Source != nil:
		return a.key("")
	}
	return a.accessToken()
}

// filled fills x-keyrelay-value: from the object that responsePointer names, or from
// the whole answer, and then from the secret. {{{.}}} is the value without a template, or
// a whole answer that is a text.
func (a *answer) filled(scheme *destination.SecurityScheme, whole string, noWhole error) (content, error) {
	of := a.document
	if noWhole != nil && scheme.Retrieval == nil {
		whole, noWhole = a.key("")
	}
	if scheme.Retrieval != nil && of != nil {
		found, ok := scheme.Retrieval.ResponsePointer.Find(of)
		if !ok {
			return content{}, a.lacking("the answer of "+a.in.place()+" has nothing at the responsePointer. Fix the document.", "the responsePointer "+string(scheme.Retrieval.ResponsePointer))
		}
		if found[0] == '{' {
			of = found
		}
	}
	members := destination.FindIn(of, a.in.members())
	text, taken, err := scheme.Value.Fill(func(part destination.TemplatePart) ([]byte, bool) {
		if part.Whole {
			return rawjson.Encode(bare(whole)), noWhole == nil
		}
		value, ok := members(part)
		if ok && value[0] == '"' {
			text, _ := rawjson.Plain(value)
			value = rawjson.Encode(bare(text))
		}
		return value, ok
	})
	switch {
	case err != nil && of == nil && scheme.ResponseHeader+scheme.ResponseCookie == "":
		return content{}, failed(a.in.scope, "the answer of "+a.in.place()+" is not JSON, but "+a.kind()+", so that x-keyrelay-value finds nothing in it. Check its URL in the document.")
	case err != nil:
		return content{}, a.lacking("the answer of "+a.in.place()+" lacks what x-keyrelay-value names, or holds no text there. Fix the template, or check the API's state.", "what x-keyrelay-value names, where "+err.Error())
	}
	if scheme.Field == "Authorization" && strings.HasPrefix(text, "bearer ") {
		text = "Bearer " + text[len("bearer "):] // as RFC 6750 section 2.1 writes it; some servers compare it so
	}
	return content{text, append(taken, text)}, nil
}

// key is the value at a pointer, or a whole answer that is a text.
func (a *answer) key(pointer rawjson.Pointer) (string, error) {
	if whole := bare(string(a.got.Body)); pointer == "" && !json.Valid(a.got.Body) && isKey(a.got.MediaType(), whole) {
		return whole, nil
	}
	found, ok := pointer.Find(a.document)
	switch {
	case !ok && a.document == nil:
		return "", a.lacking("the answer of "+a.in.place()+" is no JSON, but "+a.kind()+". Check its URL in the document, and responsePointer.", "the responsePointer "+string(pointer))
	case !ok:
		return "", a.lacking("the answer of "+a.in.place()+" has nothing at the responsePointer. Check it in the document.", "the responsePointer "+string(pointer))
	}
	text, ok := rawjson.Plain(found)
	if !ok || found[0] == 't' || found[0] == 'f' || pointer == "" && isMessage(text) {
		return "", a.lacking("the answer of "+a.in.place()+" has no text at the responsePointer. Make it point to the key itself.", "a text at the responsePointer "+string(pointer))
	}
	return text, nil
}

// isKey reports whether a whole answer that is no JSON can be a key. Under a media type that
// is not one of a key, a short word is a message rather, such as Forbidden; XML is none.
func isKey(mediaType, text string) bool {
	const least, leastOfPage = 16, 20
	switch {
	case isMessage(text):
		return false
	case mediaType == textType, mediaType == "":
		return true
	case strings.HasSuffix(mediaType, "/xml"), strings.HasSuffix(mediaType, "+xml"):
		return false
	case mediaType == "application/octet-stream", mediaType == "application/json":
		return isToken(text)
	case mediaType == "text/html":
		return len(text) >= leastOfPage && isToken(text)
	}
	return len(text) >= least && isToken(text)
}

// isMessage reports whether a text is a page, or a status of HTTP by its number, its words
// (RFC 9110 section 15) or both, such as Forbidden: some APIs answer so with 200.
func isMessage(text string) bool {
	text = strings.Trim(text, ".! \t\r\n")
	if strings.HasPrefix(text, "<") {
		return true
	}
	for status := 200; status < 600; status++ {
		number, phrase := strconv.Itoa(status), http.StatusText(status)
		if phrase != "" && (text == number || strings.EqualFold(strings.TrimPrefix(text, number+" "), phrase)) {
			return true
		}
	}
	return false
}

// isToken reports whether a text can be nothing but a key, whatever its media type says: no
// page, no document and no message.
func isToken(text string) bool {
	return !strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c >= 0x7f || strings.ContainsRune(`<>{}[]"`, c) })
}

// accessToken reads a token answer (RFC 6749 section 5.1). The names in another
// spelling are those of providers that write JSON their own way.
func (a *answer) accessToken() (string, error) {
	text, ok := textMember(a.document, "access_token", "accessToken")
	if !ok && a.document == nil {
		return "", failed(a.in.scope, a.in.oauthProblem("")+" The answer is no JSON, but "+a.kind()+".")
	}
	if code := errorMember(a.document); !ok && code != "" {
		return "", failed(a.in.scope, a.in.oauthProblem(code))
	}
	if !ok {
		return "", a.lacking(a.in.place()+` did not answer with a credential: its answer has no access_token. Where another member is the token, write x-keyrelay-value: "Bearer {{{/json/pointer}}}" into the document, or "Bearer {{{.}}}" where the whole answer is; else check the API's state.`, "/access_token")
	}
	kind, _ := textMember(a.document, "token_type", "tokenType")
	switch strings.ToLower(kind) {
	case "mac", "dpop", "pop", "n_a":
		return "", failed(a.in.scope, a.in.place()+" answers with a token that is no bearer token, and keyrelay can send no other. Ask the API's operator for bearer tokens.")
	}
	return text, nil
}

// asDocument is the answer as JSON. A form is read as an object of texts: some
// token endpoints answer with one, RFC 6749 or not. Nil where the answer is neither.
func asDocument(got *upstream.Answer) []byte {
	body := bytes.TrimPrefix(got.Body, []byte(byteOrderMark))
	if document, ok := rawjson.Pointer("").Find(body); ok {
		return document
	}
	switch got.MediaType() {
	case formType, textType, "text/html", "":
	default:
		return nil
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || len(form) == 0 || got.MediaType() == "text/html" && !form.Has("access_token") {
		return nil
	}
	members := map[string]string{}
	for name := range form {
		members[name] = form.Get(name)
	}
	return rawjson.Encode(members)
}

const textType = "text/plain"

// kind says what an answer is that is no JSON, and quotes nothing of it.
func (a *answer) kind() string {
	text := bytes.TrimSpace(a.got.Body)
	switch {
	case len(text) == 0:
		return "an empty body"
	case a.got.MediaType() == "text/html":
		return "a page for people (text/html)"
	case text[0] == '<':
		return "a page or XML"
	}
	return "another text"
}

// lacking refuses an answer without what the document looks for. What it has, names and
// no values, is for the log.
func (a *answer) lacking(problem, sought string) error {
	if a.in.scope.Scheme.Secret != (destination.Reference{}) {
		problem += " Check " + a.in.secret() + " too: some APIs refuse it in an answer with " + strconv.Itoa(a.got.Status) + "."
	}
	refusal := failed(a.in.scope, problem)
	refusal.Note = strings.TrimSpace(refusal.Note + " " + a.found(sought))
	return refusal
}

// found says what was looked for in an answer, and which usual names there are.
func (a *answer) found(sought string) string {
	var names []string
	for _, pointer := range rawjson.Outline(a.document) {
		if secret.HasUsualNames(pointer) {
			names = append(names, string(pointer))
		}
	}
	names = append(names, a.outside()...)
	sought = strings.TrimSuffix(sought, " ") // of a pointer to the whole
	if len(names) == 0 {
		return "Looked for was " + sought + "."
	}
	return "Looked for was " + sought + "; the answer has " + secret.Listed(names) + "."
}

// outside are the usual names in an answer's header that may hold a credential.
func (a *answer) outside() (names []string) {
	for _, name := range slices.Sorted(maps.Keys(a.got.Header)) {
		if own, extra := strings.CutPrefix(name, "X-"); (extra || name == "Authorization") && secret.HasUsualNames(rawjson.PointerTo(own)) {
			names = append(names, "the header "+name)
		}
	}
	for _, each := range cookiesOf(a.got) {
		if secret.HasUsualNames(rawjson.PointerTo(each.name)) {
			names = append(names, "the cookie "+each.name)
		}
	}
	return names
}

// textMember is the first of these members of an object that is a JSON string and not empty.
func textMember(document []byte, names ...string) (string, bool) {
	for _, name := range names {
		if text, ok := textAt(document, rawjson.Pointer("/"+name)); ok {
			return text, true
		}
	}
	return "", false
}

// textAt is what a pointer finds, where that is a JSON string and not empty.
func textAt(document []byte, pointer rawjson.Pointer) (string, bool) {
	found, ok := pointer.Find(document)
	if !ok || found[0] != '"' {
		return "", false
	}
	text, ok := rawjson.Plain(found)
	return text, ok && text != ""
}
