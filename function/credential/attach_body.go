package credential

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"io"
	"mime"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"

	"keyrelay/function/destination"
	"keyrelay/function/rawjson"
)

// The media types of bodies.
const (
	jsonType      = "application/json"
	formType      = "application/x-www-form-urlencoded"
	multipartType = "multipart/form-data"
)

// setInBody puts a credential into a form's field of the name, or into a JSON object
// as the member that name is, or that a JSON Pointer points to. It replaces what is there.
// plan has refused a body that is neither. An absent one becomes a form where formOffered,
// the operation's media type, says so, and an object where that is empty.
func setInBody(request *http.Request, formOffered, name, text string) {
	body := bodyOf(request)
	if len(body) == 0 && formOffered != "" {
		request.Header.Set("Content-Type", formOffered)
	}
	mediaType, parameters := request.Header.Get("Content-Type"), map[string]string(nil)
	if mediaType != jsonType {
		mediaType, parameters, _ = mime.ParseMediaType(mediaType)
	}
	switch mediaType {
	case formType:
		kept := without(string(body), "&;", func(sent string) bool { return sameParameter(destination.ParameterName(sent), name) })
		setBody(request, []byte(appended(kept, "&", url.QueryEscape(name)+"="+url.QueryEscape(text))))
		return
	case multipartType:
		boundary := parameters["boundary"]
		if boundary == "" {
			boundary = "keyrelay-" + rand.Text()
			request.Header.Set("Content-Type", multipartType+"; boundary="+boundary)
		}
		setBody(request, withPart(body, boundary, name, text))
		return
	}
	if len(body) == 0 {
		body = []byte("{}")
		request.Header.Set("Content-Type", jsonType)
	}
	setBody(request, rawjson.WithMember(body, destination.BodyPath(name), rawjson.Encode(text)))
}

// bodyOf is the body that a request is going to send; nil for none.
func bodyOf(request *http.Request) []byte {
	if request.GetBody == nil {
		return nil
	}
	from, err := request.GetBody()
	if err != nil {
		return nil
	}
	defer from.Close()
	body := bytes.NewBuffer(make([]byte, 0, max(0, request.ContentLength)+bytes.MinRead))
	_, _ = body.ReadFrom(from) // from memory: it cannot fail
	return body.Bytes()
}

func setBody(request *http.Request, body []byte) {
	request.Body = io.NopCloser(bytes.NewReader(body))
	request.ContentLength = int64(len(body))
	request.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
}

// setInPath puts a credential in the place of a path variable, whatever the caller
// wrote there. The template's segments are the last ones of the path.
func setInPath(target *url.URL, template, name, text string) {
	places, segments := strings.Split(template, "/"), strings.Split(target.EscapedPath(), "/")
	for i := 1; i <= min(len(places), len(segments)); i++ {
		before, after, found := strings.Cut(places[len(places)-i], "{"+name+"}")
		if found {
			segments[len(segments)-i] = before + url.PathEscape(text) + after
		}
	}
	escaped := strings.Join(segments, "/")
	if path, err := url.PathUnescape(escaped); err == nil {
		target.Path, target.RawPath = path, escaped
	}
}

// withPart returns a body of multipart/form-data (RFC 7578) with a field, in front of
// all others, since the last of a name counts for some servers and the first for others:
// any that could be taken for it are removed. The others stay byte for byte.
func withPart(body []byte, boundary, name, text string) []byte {
	delimiter := "\r\n--" + boundary
	quoted := strings.NewReplacer(`"`, "%22", "\r", "%0D", "\n", "%0A").Replace(name) // as browsers do
	made := []byte(delimiter + "\r\nContent-Disposition: form-data; name=\"" + quoted + "\"\r\n\r\n" + text)
	sections := bytes.Split(append([]byte("\r\n"), body...), []byte(delimiter))
	closed := false
	for _, section := range sections[1:] { // what stands before the first delimiter is no part
		if closed = bytes.HasPrefix(section, []byte("--")); closed {
			break
		}
		if !sameParameter(partName(section), name) {
			made = append(append(made, delimiter...), section...)
		}
	}
	return append(made[len("\r\n"):], delimiter+"--\r\n"...)
}

// partName is the name of the field that a part is, without the escapes that browsers
// write; empty if it says none.
func partName(section []byte) string {
	_, head, _ := bytes.Cut(section, []byte("\n"))
	header, _ := textproto.NewReader(bufio.NewReader(bytes.NewReader(head))).ReadMIMEHeader()
	_, parameters, _ := mime.ParseMediaType(header.Get("Content-Disposition"))
	return destination.Unescape(parameters["name"])
}
