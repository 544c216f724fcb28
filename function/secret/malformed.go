package secret

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"strings"

	"keyrelay/function/rawjson"
)

// Malformed says what is wrong with a text that was meant to be a JSON object: one that
// begins as JSON does; it is empty if nothing is. It quotes nothing of the text. No
// credential of HTTP begins so (RFC 9110 section 11.4), and neither does a pair or PEM.
func (v Value) Malformed() string {
	content := v.Bytes()
	if v.IsJSON || !begins(content, "{[") {
		return ""
	}
	if problem := notJSON(content); problem != "" {
		return problem
	}
	if rawjson.IsObject(content) {
		return "is a text that holds a JSON object, and no object. Store the object itself, without quotes around it."
	}
	return "is no JSON object. Store one whose members are what the credential is made of."
}

// MalformedKey is Malformed for what may be any text, as the key of an apiKey scheme may:
// only what begins as a JSON object with a member or a list of texts, and is no JSON, was meant to be one.
func (v Value) MalformedKey() string {
	content := withoutSpace(v.Bytes())
	if !begins(content, "{[") || !begins(content[1:], `"`) {
		return ""
	}
	return notJSON(v.Bytes())
}

// notJSON says where a text is no JSON; empty if it is.
func notJSON(content []byte) string {
	wrong := rawjson.FaultOf(content)
	if wrong == nil || !errors.Is(wrong, rawjson.ErrSyntax) {
		return ""
	}
	line, column := rawjson.Position(content, wrong.At)
	remedy := cmp.Or(rawjson.Mistake(content, wrong.At), "names and texts in double quotes, a comma between two members, none behind the last")
	return fmt.Sprintf("is no valid JSON (line %d, column %d). Fix it there: %s.", line, column, remedy)
}

// begins reports whether a text begins with one of these characters, after white space.
func begins(content []byte, marks string) bool {
	content = withoutSpace(content)
	return len(content) > 0 && strings.IndexByte(marks, content[0]) >= 0
}

// withoutSpace takes off white space and the byte order mark that some editors write.
func withoutSpace(content []byte) []byte { return bytes.TrimLeft(content, " \t\r\n\ufeff") }
