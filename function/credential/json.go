package credential

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"keyrelay/function/destination"
)

// find returns the value that a JSON Pointer (RFC 6901) names in a JSON document.
func find(document []byte, pointer destination.Pointer) (json.RawMessage, bool) {
	found := json.RawMessage(bytes.TrimSpace(document))
	if !json.Valid(found) {
		return nil, false
	}
	if pointer == "" {
		return found, true
	}
	for token := range strings.SplitSeq(string(pointer[1:]), "/") {
		var ok bool
		if found, ok = step(found, unescape(token)); !ok {
			return nil, false
		}
	}
	return found, true
}

// unescape reads a reference token (RFC 6901 section 4).
func unescape(token string) string {
	return strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
}

// step goes one level down, by a member's name or an element's number.
func step(document json.RawMessage, token string) (json.RawMessage, bool) {
	switch document[0] {
	case '{':
		var members map[string]json.RawMessage
		if json.Unmarshal(document, &members) != nil {
			return nil, false
		}
		member, ok := members[token]
		return member, ok
	case '[':
		var elements []json.RawMessage
		position, err := strconv.Atoi(token)
		if err != nil || strconv.Itoa(position) != token || json.Unmarshal(document, &elements) != nil || position < 0 || position >= len(elements) {
			return nil, false
		}
		return elements[position], true
	}
	return nil, false
}

// scalarText is a JSON string's text, or the literal of a number, true or false.
func scalarText(value json.RawMessage) (string, bool) {
	switch value[0] {
	case '"':
		var text string
		err := json.Unmarshal(value, &text)
		return text, err == nil
	case '{', '[', 'n':
		return "", false
	}
	return string(value), true
}

// isObject reports whether a document is a JSON object.
func isObject(document []byte) bool {
	found, ok := find(document, "")
	return ok && found[0] == '{'
}
