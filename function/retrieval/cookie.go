package retrieval

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"keyrelay/function/upstream"
)

// A cookie is what an answer sets under one name, as browsers take it (RFC 6265 section
// 5.2): the value stays as it is, whatever characters it has.
type cookie struct {
	name, value string
	// lives is how long a browser keeps it, if it is limited.
	lives   time.Duration
	limited bool
}

// cookiesOf are the cookies that an answer leaves a browser with: the last of a name counts,
// and one whose time is over deletes those before it.
func cookiesOf(got *upstream.Answer) []cookie {
	var kept []cookie
	seen := map[string]bool{}
	for _, line := range slices.Backward(got.Header["Set-Cookie"]) {
		read, ok := readCookie(line, got.Asked)
		if !ok || seen[read.name] {
			continue
		}
		seen[read.name] = true
		if !read.limited || read.lives > 0 {
			kept = append(kept, read)
		}
	}
	slices.Reverse(kept)
	return kept
}

// cookie is what the answer sets under a name; a zero one if it sets nothing.
func (a *answer) cookie(name string) cookie {
	for _, each := range cookiesOf(a.got) {
		if each.name == name {
			return each
		}
	}
	return cookie{}
}

// readCookie reads a Set-Cookie field. Max-Age takes precedence over Expires.
func readCookie(line string, asked time.Time) (read cookie, ok bool) {
	pair, attributes, _ := strings.Cut(line, ";")
	if read.name, read.value, ok = strings.Cut(pair, "="); !ok {
		return read, false
	}
	read.name, read.value = strings.TrimSpace(read.name), strings.TrimSpace(read.value)
	byAge := false
	for attribute := range strings.SplitSeq(attributes, ";") {
		name, value, _ := strings.Cut(attribute, "=")
		value = strings.TrimSpace(value)
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "max-age":
			if seconds, err := strconv.ParseFloat(value, 64); err == nil && strings.Trim(value, "-.0123456789") == "" { // else NaN is a number
				read.lives, read.limited, byAge = inSeconds(max(0, seconds)), true, true
			}
		case "expires":
			if at, err := parseTime(value); err == nil && !byAge {
				read.lives, read.limited = max(0, at.Sub(asked)), true
			}
		}
	}
	return read, read.name != ""
}
