package credential

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
)

// A digestList holds the SHA-256 digests of the valid tokens.
type digestList struct {
	digests [][sha256.Size]byte
}

// newDigestLists returns the cache of digest lists. It is not that of the other
// secrets: a list is not served past cacheSeconds, however its source fares.
func newDigestLists(s *Store) *cache.Cache[*destination.Destination, *digestList] {
	return &cache.Cache[*destination.Destination, *digestList]{
		Fetch:    s.readDigests,
		Timeout:  func(*destination.Destination) time.Duration { return secretsManagerTimeout },
		OnCancel: leftSession,
	}
}

// listed looks for the token's digest in the list. All entries are compared, each
// in constant time.
func (s *Store) listed(ctx context.Context, d *destination.Destination, token string) (verdict, error) {
	read := s.sessions.lists.Get
	if d.Session.CacheFor == 0 {
		read = s.sessions.lists.GetUncached
	}
	got, err := read(ctx, d)
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

// readDigests reads the list from its source.
func (s *Store) readDigests(ctx context.Context, d *destination.Destination, _ *digestList) (*digestList, cache.Life, error) {
	until := cache.Now().Add(d.Session.CacheFor)
	version, _, err := s.readSecret(ctx, keyOf(d.Session.Secret), nil)
	if err != nil {
		return nil, cache.Life{}, uncheckedFor(d, err)
	}
	read, err := valueOf(d.Session.Secret, version)
	if err != nil {
		return nil, cache.Life{}, uncheckedFor(d, err)
	}
	list, problem := digestsOf(read.content)
	if problem != "" {
		return nil, cache.Life{}, uncheckedFor(d, unavailable(d.Session.Secret, problem, nil))
	}
	return list, cache.Life{Refresh: until, Expiry: until}, nil
}

// digestsOf reads a JSON array of digests, each 64 hexadecimal digits of either
// case. One wrong entry spoils the list: left out, it would refuse a valid token
// without a word.
func digestsOf(content []byte) (list *digestList, problem string) {
	var texts []string
	if json.Unmarshal(content, &texts) != nil || texts == nil {
		return nil, "is no JSON array of texts. Store the SHA-256 digests of the valid tokens, each as 64 hexadecimal digits; [] where no token is valid."
	}
	list = &digestList{digests: make([][sha256.Size]byte, len(texts))}
	for i, text := range texts {
		digest, err := hex.DecodeString(text)
		if err != nil || len(digest) != sha256.Size {
			return nil, "holds as entry number " + strconv.Itoa(i+1) + " what is no SHA-256 digest. Write it as 64 hexadecimal digits, such as sha256sum prints."
		}
		copy(list.digests[i][:], digest)
	}
	return list, ""
}
