package retrieval

import (
	"strings"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
)

// Misfit says why a request cannot carry a credential where its scheme puts it;
// empty if it can.
func Misfit(scheme *destination.SecurityScheme, text string) (problem string) {
	switch scheme.In {
	case "header":
		return HeaderProblem(text)
	case "cookie":
		if scheme.ResponseCookie != "" && !strings.Contains(text, ";") {
			return HeaderProblem(text) // it goes back as it came
		}
		return cookieProblem(text)
	}
	return ""
}

// HeaderProblem says why a header field cannot carry a value (RFC 9110 section 5.5); empty if it can.
func HeaderProblem(text string) string {
	if gateway.ValidHeaderValue(text) {
		return ""
	}
	return "holds a line break or another control character, or has white space at an end, which a header cannot carry. Use a value without."
}

// cookieProblem says why a cookie cannot carry a value (RFC 6265 section 4.1.1).
func cookieProblem(text string) string {
	if strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c >= 0x7f || strings.ContainsRune(`",;\`, c) }) {
		return "holds a character that a cookie cannot carry: white space, a control character, one beyond ASCII, or one of \" , ; \\. Use a key without."
	}
	return ""
}
