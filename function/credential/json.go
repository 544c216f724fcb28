package credential

import (
	"encoding/json"

	"keyrelay/function/destination"
)

// scalarText is a JSON string's text, or the literal of a number, true or false.
func scalarText(value []byte) (string, bool) {
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
	found, ok := destination.Pointer("").Find(document)
	return ok && found[0] == '{'
}
