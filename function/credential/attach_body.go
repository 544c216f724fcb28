package credential

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"keyrelay/function/rawjson"
)

// setInBody puts a credential into a form's field of the name, or into a JSON object
// as the member that name is, or that a JSON Pointer points to. It replaces what is there.
// A body that is neither stays as it is.
func setInBody(request *http.Request, name, text string) {
	body := bodyOf(request)
	mediaType, _, _ := mime.ParseMediaType(request.Header.Get("Content-Type"))
	if mediaType == "application/x-www-form-urlencoded" {
		kept := without(string(body), "&", func(sent string) bool { return sameParameter(queryName(sent), name) })
		setBody(request, []byte(appended(kept, "&", url.QueryEscape(name)+"="+url.QueryEscape(text))))
		return
	}
	pointer := rawjson.Pointer(name)
	if !strings.HasPrefix(name, "/") {
		pointer = rawjson.PointerTo(name)
	}
	if len(body) == 0 {
		body = []byte("{}")
		request.Header.Set("Content-Type", "application/json")
	}
	value, _ := json.Marshal(text)
	setBody(request, rawjson.WithMember(body, pointer.Tokens(), value))
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
	body, _ := io.ReadAll(from) // from memory: it cannot fail
	return body
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
