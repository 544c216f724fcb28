package later

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"keyrelay/function/gateway"
	"keyrelay/function/rawjson"
)

// version is the version of a message's form.
const version = 1

const idempotencyKey = "Idempotency-Key"

// A Message is a request that is delivered later. The session token has left its body,
// and Header holds what a plan needs and nothing else.
type Message struct {
	// ID is made by NewID. It stays the same in the dead-letter queue and when the message
	// is sent again from there, unlike the queue's own.
	ID string
	// Accepted is when the request was accepted.
	Accepted time.Time
	// Caller is the caller's name; empty for none.
	Caller string
	// RequestID is the ID of the request.
	RequestID string
	// Method is the caller's.
	Method string
	// Header holds what directs the relay and what it forwards, under canonical names.
	Header http.Header
	// Key is the Idempotency-Key; empty for Header's, or ID where that has none.
	Key string
	// Body is the record without its session token; nil for none.
	Body []byte
}

// document is a message as JSON. A character of Header is a byte of a field, as in
// ISO-8859-1, which is what fields hold by tradition (RFC 9110 section 5.5).
type document struct {
	Version   int                 `json:"version"`
	ID        string              `json:"id"`
	Accepted  time.Time           `json:"accepted"`
	Caller    string              `json:"caller,omitempty"`
	RequestID string              `json:"requestId"`
	Method    string              `json:"method"`
	Header    map[string][]string `json:"header"`
	// Text is the body, or Base64 where that is not UTF-8.
	Text   string `json:"text,omitempty"`
	Base64 []byte `json:"base64,omitempty"`
}

// NewID returns a random UUID (RFC 9562 section 5.4).
func NewID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

// Encode returns the text that is put into the queue. The error is a *gateway.Refusal with the
// reason ErrTooLarge.
func (m *Message) Encode() (string, error) {
	written := document{Version: version, ID: m.ID, Accepted: m.Accepted, Caller: m.Caller, RequestID: m.RequestID, Method: m.Method, Header: map[string][]string{}}
	for name, values := range m.Header {
		for _, value := range values {
			written.Header[name] = append(written.Header[name], latin1(value))
		}
	}
	if m.Key != "" {
		written.Header[idempotencyKey] = []string{latin1(m.Key)}
	}
	if utf8.Valid(m.Body) {
		written.Text = string(m.Body)
	} else {
		written.Base64 = m.Body
	}
	// These two are the only characters of a JSON text that SQS does not take.
	text := strings.NewReplacer("\ufffe", `\ufffe`, "\uffff", `\uffff`).Replace(string(rawjson.Encode(written)))
	if len(text) > MaxMessageBytes {
		return "", &gateway.Refusal{
			Reason: ErrTooLarge,
			Detail: fmt.Sprintf("The record makes a message of %d bytes, and what is delivered later may make one of %d at most (Amazon SQS takes 1,048,576). Send it in parts, or without Prefer: respond-async.",
				len(text), MaxMessageBytes),
		}
	}
	return text, nil
}

// Read reads a message. The error is a *gateway.Refusal with the reason ErrMessage.
func Read(text string) (*Message, error) {
	var read document
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&read); err != nil {
		return nil, errForeign("it is not the JSON that keyrelay writes")
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errForeign("something follows its JSON")
	}
	made := &Message{ID: read.ID, Accepted: read.Accepted, Caller: read.Caller, RequestID: read.RequestID, Method: read.Method, Header: http.Header{}, Body: read.Base64}
	switch {
	case read.Version != version:
		return nil, errMessage(fmt.Sprintf("The message has the form of version %d, and this program reads version %d. Move it back to the queue once the program of that version runs.", read.Version, version))
	case !isUUID(read.ID):
		return nil, errForeign("its id is not a UUID")
	case read.Text != "" && read.Base64 != nil:
		return nil, errForeign("it has two bodies")
	case read.Text != "":
		made.Body = []byte(read.Text)
	}
	for name, values := range read.Header {
		for _, value := range values {
			bytes, err := charmap.ISO8859_1.NewEncoder().String(value)
			if err != nil || name != textproto.CanonicalMIMEHeaderKey(name) || !gateway.ValidHeaderName(name) || !gateway.ValidHeaderValue(bytes) {
				return nil, errForeign("its header holds what HTTP cannot carry")
			}
			made.Header[name] = append(made.Header[name], bytes)
		}
	}
	return made, nil
}

// Request returns the request that the caller made.
func (m *Message) Request() *gateway.Request {
	return &gateway.Request{Method: m.Method, Path: "/", Header: m.Header.Clone(), Body: m.Body, ID: m.RequestID, Caller: m.Caller, SessionChecked: true}
}

func isUUID(id string) bool {
	return regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(id)
}

func errForeign(why string) error {
	return errMessage("keyrelay did not write this message: " + why + ". See who else sends to the queue, and let only keyrelay send.")
}

func errMessage(detail string) error {
	return &gateway.Refusal{Reason: ErrMessage, Detail: detail}
}

// latin1 makes a character of each byte.
func latin1(value string) string {
	text, _ := charmap.ISO8859_1.NewDecoder().String(value) // each byte is a character
	return text
}
