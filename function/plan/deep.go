package plan

import (
	"strconv"

	"keyrelay/function/rawjson"
)

// maxDeepObject is how deep a value in the style deepObject may nest: each level looks at all below it.
const maxDeepObject = 32

// nests reports whether a value nests no deeper than so many levels.
func nests(value []byte, levels int) bool {
	if !rawjson.IsContainer(value) {
		return true
	}
	for element := range rawjson.Elements(value) {
		if levels == 1 && rawjson.IsContainer(element) || !nests(element, levels-1) {
			return false
		}
	}
	return true
}

// appendStep appends to a name in the style deepObject the member or, of a list, the index
// that follows it. OpenAPI says nothing of lists; servers that read such names know indexes.
// ok is false where the member's name holds half a surrogate pair.
func appendStep(name, member []byte, index int64) (_ []byte, ok bool) {
	name, ok = append(name, '['), true
	if member == nil {
		name = strconv.AppendInt(name, index, 10)
	} else {
		var text []byte
		text, ok = rawjson.ScalarText(nil, member)
		name = append(name, text...)
	}
	return append(name, ']'), ok
}

// appendDeep appends each scalar that a value holds, under a name of its own. Of what gets
// longer than maxFilledURL it leaves out the rest. ok is false where a text holds half a
// surrogate pair.
func (s style) appendDeep(out, name, value []byte) (_ []byte, ok bool) {
	if !rawjson.IsContainer(value) {
		if isNull(value) {
			return out, true
		}
		text, ok := rawjson.ScalarText(nil, value)
		return s.appendText(append(appendPercentEncoded(appendSeparator(out), name), '='), text), ok
	}
	before, index := len(name), int64(0)
	for member, element := range rawjson.Members(value) {
		if isNull(element) {
			continue
		}
		if name, ok = appendStep(name[:before], member, index); !ok {
			return out, false
		}
		if out, ok = s.appendDeep(out, name, element); !ok || len(out) > maxFilledURL {
			return out, ok
		}
		index++
	}
	return out, true
}
