package mask

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// minMasked is the length of the shortest secret that is masked: a shorter one is
// found in ordinary text by chance.
const minMasked = 8

// patternsOf returns the texts that give a secret away: as it is, percent-encoded,
// in base64 and in JSON, in each of the ways that common encoders write it.
func patternsOf(secrets []string) []string {
	var patterns []string
	for _, secret := range secrets {
		if len(secret) < minMasked {
			continue
		}
		patterns = append(patterns, secret)
		patterns = append(patterns, percentPatterns(secret)...)
		patterns = append(patterns, base64Patterns(secret)...)
		patterns = append(patterns, jsonPatterns(secret)...)
	}
	slices.Sort(patterns)
	return slices.Compact(patterns)
}

// percentPatterns differ in what is left as it is, beside letters and digits, in
// the case of the hex digits and in how a space is written.
func percentPatterns(secret string) []string {
	var patterns []string
	for _, plain := range [...]string{
		"-_.~",                   // RFC 3986 section 2.3, Go's QueryEscape
		"-_.~!'()*",              // encodeURIComponent of ECMAScript
		"-_.*",                   // application/x-www-form-urlencoded of the URL standard
		"-_.~$&+=:@",             // Go's PathEscape
		"-_.~!$&'()*+,;=:@",      // RFC 3986 section 3.3, a path segment
		"-_.~!$&'()*+,;=:@/?#",   // encodeURI of ECMAScript
		"-_.~!$&'()*+,;=:@/?[]|", // what browsers leave in a query
	} {
		for _, format := range [...]string{"%%%02X", "%%%02x"} {
			encoded := percentEncode(secret, plain, format)
			patterns = append(patterns, encoded, strings.ReplaceAll(encoded, "%20", "+"))
		}
	}
	return patterns
}

func percentEncode(text, plain, format string) string {
	var encoded strings.Builder
	for _, c := range []byte(text) {
		if isLetterOrDigit(c) || strings.IndexByte(plain, c) >= 0 {
			encoded.WriteByte(c)
		} else {
			fmt.Fprintf(&encoded, format, c)
		}
	}
	return encoded.String()
}

func isLetterOrDigit(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}

// base64Patterns are what every base64 text contains that encodes the secret with
// anything before and behind it, and the whole of one that encodes nothing else.
func base64Patterns(secret string) []string {
	var patterns []string
	for _, encoding := range [...]*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before := range 3 {
			encoded := encoding.EncodeToString([]byte("\x00\x00"[:before] + secret))
			first, last := (before*8+5)/6, (before+len(secret))*8/6
			patterns = append(patterns, encoded[first:last])
		}
		whole := encoding.WithPadding(base64.StdPadding).EncodeToString([]byte(secret))
		patterns = append(patterns, whole, strings.TrimRight(whole, "="))
	}
	return patterns
}

// jsonPatterns differ in what is escaped beside what must be (RFC 8259 section 7).
func jsonPatterns(secret string) []string {
	var patterns []string
	for _, format := range [...]string{`\u%04x`, `\u%04X`} {
		for _, escaped := range [...]string{
			"",       // ECMAScript
			"<>&",    // Go
			"<>&'=",  // Gson
			"<>&'+`", // .NET, which writes a quotation mark as \u0022 too
		} {
			for _, short := range [...]string{`"\`, `\`} {
				for _, last := range [...]rune{utf8.MaxRune, '~'} {
					encoded := jsonEncode(secret, short, escaped, last, format)
					patterns = append(patterns, encoded, strings.ReplaceAll(encoded, "/", `\/`))
				}
			}
		}
	}
	return patterns
}

// jsonEncode writes the characters of short with a backslash, and those of
// escaped, control characters and what comes after last as \u escapes.
func jsonEncode(text, short, escaped string, last rune, format string) string {
	var encoded strings.Builder
	for _, r := range text {
		switch named := strings.IndexRune("\b\f\n\r\t", r); {
		case named >= 0:
			encoded.WriteString(`\` + "bfnrt"[named:named+1])
		case strings.ContainsRune(short, r):
			encoded.WriteString(`\` + string(r))
		case r < ' ' || r == '"' || r > last || strings.ContainsRune(escaped, r):
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&encoded, format, unit)
			}
		default:
			encoded.WriteRune(r)
		}
	}
	return encoded.String()
}
