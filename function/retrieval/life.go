package retrieval

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	"keyrelay/function/cache"
	"keyrelay/function/rawjson"
)

const (
	// maxEarly is how long before its expiry a credential is refreshed at most, and
	// earlyPart the part of its life where that is shorter.
	maxEarly  = 60 * time.Second
	earlyPart = 10
	// maxLife is what a longer life is taken for: it is never reached.
	maxLife = 10 * 365 * 24 * time.Hour
)

// lifetime says how long the credential of an answer lives: the shorter of what the
// document and the answer say. Where the answer says nothing, the cookie that it is does,
// or the exp of a JWT (RFC 7519 section 4.1.4).
func (a *answer) lifetime(found content) cache.Life {
	scope, asked := a.in.scope, a.got.Asked
	lives, given := expiresIn(scope, a.document, asked)
	if !given {
		from := a.cookie(scope.Scheme.ResponseCookie)
		lives, given = from.lives, from.limited
	}
	if !given {
		lives, given = untilExp(found, asked)
	}
	if stated := scope.Scheme.Lifetime; stated != nil && (!given || *stated < lives) {
		lives, given = *stated, true
	}
	if !given {
		return cache.Life{}
	}
	early := min(maxEarly, lives/earlyPart)
	return cache.Life{Refresh: asked.Add(lives - early), Expiry: asked.Add(lives)}
}

// expiresIn reads the life that an answer gives.
func expiresIn(scope Scope, document []byte, asked time.Time) (lives time.Duration, given bool) {
	pointers := []rawjson.Pointer{scope.Scheme.ExpiresIn}
	if scope.Scheme.ExpiresIn == "" {
		pointers = []rawjson.Pointer{"/expires_in", "/expiresIn"}
	}
	for _, pointer := range pointers {
		if found, ok := pointer.Find(document); ok {
			if text, ok := rawjson.Plain(found); ok {
				return parseExpiry(strings.TrimSpace(text), asked)
			}
		}
	}
	return 0, false
}

// unexpiring says that the document's x-keyrelay-expires-in finds no life in an answer;
// empty where it does, where there is none, and for the null or zero of a token that does not expire.
func (a *answer) unexpiring() string {
	pointer, document := a.in.scope.Scheme.ExpiresIn, a.document
	if pointer == "" {
		return ""
	}
	if value, ok := pointer.Find(document); ok {
		if text, plain := rawjson.Plain(value); value[0] == 'n' || plain && text == "0" {
			return ""
		}
	}
	if _, given := expiresIn(a.in.scope, document, a.got.Asked); given {
		return ""
	}
	return "Its life is unknown, and it is kept until it is refused. " + a.found("a number of seconds, or a time with its offset from UTC, at x-keyrelay-expires-in "+string(pointer))
}

// Numbers from unixSeconds on are a time and not a life, and from unixMilliseconds on in milliseconds.
const (
	unixSeconds      = 1_000_000_000
	unixMilliseconds = 100_000_000_000
)

// parseExpiry reads a life in seconds, a time in seconds or milliseconds since 1970, or
// one as parseTime reads it. Anything else, and zero, which some providers send for a token that
// does not expire, is none.
func parseExpiry(text string, asked time.Time) (lives time.Duration, given bool) {
	number, err := strconv.ParseFloat(text, 64)
	if err != nil {
		at, err := parseTime(text)
		return max(0, at.Sub(asked)), err == nil
	}
	if number >= unixMilliseconds {
		number /= 1000
	}
	switch {
	case number >= unixSeconds:
		return max(0, inSeconds(number-float64(asked.UnixMilli())/1000)), true
	case number > 0:
		return inSeconds(number), true
	}
	return 0, false
}

// parseTime reads a time of ISO 8601, of which RFC 3339 is the usual form, or a date as HTTP
// and mail write it (RFC 9110 section 5.6.7, RFC 5322 section 3.3). One without an offset
// from UTC could be off by a day, and is none.
func parseTime(text string) (at time.Time, err error) {
	if day, clock, spaced := strings.Cut(text, " "); spaced && !strings.Contains(day, ",") {
		text = day + "T" + strings.Replace(strings.Replace(clock, " ", "", 1), "UTC", "Z", 1)
	}
	for _, layout := range [...]string{time.RFC3339, "2006-01-02T15:04:05Z0700", http.TimeFormat, "Mon, 02-Jan-2006 15:04:05 GMT", time.RFC1123Z} {
		if at, err = time.Parse(layout, text); err == nil {
			break
		}
	}
	return at, err
}

func inSeconds(seconds float64) time.Duration {
	if seconds >= maxLife.Seconds() {
		return maxLife
	}
	return time.Duration(seconds * float64(time.Second))
}

// untilExp finds the expiry of a JWT, which is not verified: it only says when to
// ask for another.
func untilExp(found content, asked time.Time) (lives time.Duration, given bool) {
	for _, text := range found.secrets {
		parts := strings.Split(text, ".")
		if len(parts) != 3 {
			continue
		}
		claims, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
		if err != nil {
			continue
		}
		found, _ := rawjson.Pointer("/exp").Find(claims)
		if seconds, err := strconv.ParseFloat(string(found), 64); err == nil && seconds > 0 {
			at := min(seconds, float64(asked.Add(maxLife).Unix()))
			return max(0, time.Unix(int64(at), 0).Sub(asked)), true
		}
	}
	return 0, false
}
