package session

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"time"

	"keyrelay/function/cache"
	"keyrelay/function/destination"
	"keyrelay/function/secret"
)

// listInterval is the least time between two reads of a list, however many tokens a
// caller makes up.
const listInterval = time.Second

// A digestList holds the SHA-256 digests of the valid tokens.
type digestList struct {
	digests [][sha256.Size]byte
}

// newDigestLists returns the cache of digest lists. It is not the cache of the other
// secrets: a list is not served past cacheSeconds, even where it cannot be read again.
func newDigestLists(c *Checker) *cache.Cache[*destination.Destination, *digestList] {
	return &cache.Cache[*destination.Destination, *digestList]{
		Fetch:    c.readDigests,
		Timeout:  func(*destination.Destination) time.Duration { return secret.Timeout },
		OnCancel: cancelled,
	}
}

// lookUp looks for the token's digest in the list. All entries are compared, each
// in constant time.
func (c *Checker) lookUp(ctx context.Context, d *destination.Destination, token string) (verdict, error) {
	got, err := c.lists.Get(ctx, d)
	if err != nil {
		return verdict{}, err
	}
	digest, match := sha256.Sum256([]byte(token)), 0
	for i := range got.Value.digests {
		match |= subtle.ConstantTimeCompare(digest[:], got.Value.digests[i][:])
	}
	if match == 0 {
		return verdict{problem: invalidToken}, nil
	}
	return verdict{}, nil
}

func (c *Checker) readDigests(ctx context.Context, d *destination.Destination, _ *digestList) (*digestList, cache.Life, error) {
	until := cache.Now().Add(max(d.Session.CacheFor, listInterval))
	version, err := c.secrets.GetUncached(ctx, d.Session.Secret)
	if err != nil {
		return nil, cache.Life{}, uncheckedFor(d, err)
	}
	read, err := version.Select(d.Session.Secret)
	if err != nil {
		return nil, cache.Life{}, uncheckedFor(d, err)
	}
	list, problem := parseDigests(read.Bytes())
	if problem != "" {
		return nil, cache.Life{}, unchecked(d, "The secret "+d.Session.Secret.Public()+" "+problem)
	}
	return list, cache.Life{Refresh: until, Expiry: until}, nil
}

// parseDigests reads a JSON array of digests, each 64 hexadecimal digits of either
// case. One wrong entry spoils the list: left out, it would refuse a valid token
// without a word.
func parseDigests(content []byte) (list *digestList, problem string) {
	var texts []string
	if json.Unmarshal(content, &texts) != nil || texts == nil {
		return nil, "is not a JSON array of strings. Store the SHA-256 digests of the valid tokens, each as 64 hexadecimal digits; [] where no token is valid."
	}
	list = &digestList{digests: make([][sha256.Size]byte, len(texts))}
	for i, text := range texts {
		digest, err := hex.DecodeString(text)
		if err != nil || len(digest) != sha256.Size {
			return nil, "holds as entry number " + strconv.Itoa(i+1) + " something that is not a SHA-256 digest. Write it as 64 hexadecimal digits, as sha256sum prints it."
		}
		copy(list.digests[i][:], digest)
	}
	return list, ""
}
