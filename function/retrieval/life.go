package retrieval

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"keyrelay/function/cache"
	"keyrelay/function/destination"
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

// lifetime says how long a retrieved credential lives: the shorter of what the
// document and the answer say. Where the answer says nothing, the exp of a JWT
// (RFC 7519 section 4.1.4) does.
func lifetime(scope Scope, document []byte, found content, asked time.Time) (cache.Life, error) {
	lives, given, err := expiresIn(scope, document)
	if err != nil {
		return cache.Life{}, err
	}
	if !given {
		lives, given = untilExp(found, asked)
	}
	if stated := scope.Scheme.Lifetime; stated != nil && (!given || *stated < lives) {
		lives, given = *stated, true
	}
	if !given {
		return cache.Life{}, nil
	}
	early := min(maxEarly, lives/earlyPart)
	return cache.Life{Refresh: asked.Add(lives - early), Expiry: asked.Add(lives)}, nil
}

// expiresIn reads the seconds that an answer gives, a number or the text of one.
// Zero and null are what some providers send for a token that does not expire.
func expiresIn(scope Scope, document []byte) (lives time.Duration, given bool, err error) {
	pointers := []rawjson.Pointer{scope.Scheme.ExpiresIn}
	if scope.Scheme.ExpiresIn == "" {
		pointers = []rawjson.Pointer{"/expires_in", "/expiresIn"}
	}
	for _, pointer := range pointers {
		found, ok := pointer.Find(document)
		if !ok || found[0] == 'n' {
			continue
		}
		text, _ := rawjson.Plain(found)
		seconds, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		invalid := err != nil || !(seconds >= 0)
		if invalid && scope.Scheme.Kind == destination.RetrievedKey && scope.Scheme.ExpiresIn == "" {
			continue // nobody said that the member has this meaning there
		}
		if invalid {
			return 0, false, failed(scope, "its endpoint's answer gives a life that is no number of seconds. Set x-keyrelay-expires-in to the member that is.")
		}
		return inSeconds(seconds), seconds > 0, nil
	}
	return 0, false, nil
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
		found, ok := rawjson.Pointer("/exp").Find(claims)
		if !ok {
			continue
		}
		seconds, err := strconv.ParseFloat(string(found), 64)
		if err != nil || !(seconds > 0) {
			continue
		}
		at := min(seconds, float64(asked.Add(maxLife).Unix()))
		return max(0, time.Unix(int64(at), 0).Sub(asked)), true
	}
	return 0, false
}
