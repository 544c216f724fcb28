package secret

import (
	"encoding/json"

	"keyrelay/function/destination"
)

// ScalarText is a JSON string's text, or the literal of a number, true or false.
func ScalarText(value []byte) (string, bool) {
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

// IsObject reports whether a document is a JSON object.
func IsObject(document []byte) bool {
	found, ok := destination.Pointer("").Find(document)
	return ok && found[0] == '{'
}
