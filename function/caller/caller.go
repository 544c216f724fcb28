// Package caller says who calls the relay: by the key that the caller sends, or by the
// API key or IAM principal that the gateway in front of the relay let in.
//
//	callers := caller.New(caller.Config{Secrets: secrets, Keys: reference})
//	name, err := callers.Identify(ctx, request)
package caller

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/rawjson"
	"keyrelay/function/secret"
)

// ErrKey says that the caller's key is missing or wrong.
var ErrKey = errors.New("the caller's key is invalid")

// Config says how callers are known.
type Config struct {
	// Secrets reads Keys.
	Secrets *secret.Store
	// Keys names the secret with the callers' keys: one key, a JSON array of keys, or a
	// JSON object from a caller's name to a key or an array of keys. Zero where the relay
	// checks no keys.
	Keys destination.Reference
	// Names maps the ids of API keys and the ARNs of IAM principals, as a gateway
	// tells them, to callers' names.
	Names map[string]string
}

// Callers identifies the relay's callers. It is safe for concurrent use.
type Callers struct {
	config Config
	// read has the keys of the version of the secret that was read last.
	read   atomic.Pointer[keys]
	misses misses
}

// keys are those of one version of a secret.
type keys struct {
	version *secret.Version
	list    []key
}

// A key is known by its digest, so that none is kept.
type key struct {
	digest [sha256.Size]byte
	// name is its caller's; empty where the secret gives none.
	name string
	// short says that it may be guessed.
	short bool
}

// New returns the Callers that a Config describes.
func New(config Config) *Callers { return &Callers{config: config} }

// Identify returns the name of the caller, empty where it has none, and refuses a
// request whose X-Api-Key is not one of the keys. Keys are compared in constant time;
// wrong ones from one address are answered later and later. A key that nobody guesses is
// admitted meanwhile: behind a load balancer, all callers have one address. The error is a
// *gateway.Refusal with the reason ErrKey or secret.ErrUnavailable.
func (c *Callers) Identify(ctx context.Context, request *gateway.Request) (name string, err error) {
	if c.config.Keys == (destination.Reference{}) {
		return c.named(request.Principal), nil
	}
	sent := request.Header["X-Api-Key"]
	if len(sent) != 1 || sent[0] == "" {
		return "", errNoKey(request.Header)
	}
	known, err := c.keys(ctx)
	if err != nil {
		return "", err
	}
	found := known.find(sent[0])
	switch {
	case found != nil && !found.short:
		return found.name, nil
	case !c.misses.admits(request.Address):
		return "", &gateway.Refusal{Reason: ErrKey, Detail: "Too many wrong keys come from your address. Send the right one, later.", RetryAfter: int(maxPause.Seconds())}
	case found == nil:
		c.misses.slow(ctx, request.Address)
		return "", &gateway.Refusal{Reason: ErrKey, Detail: "The key in X-Api-Key is not one of this relay's. Ask its operator for a valid one." + misshapen(sent[0])}
	}
	return found.name, nil
}

// errNoKey says what came in place of one key.
func errNoKey(header http.Header) error {
	detail := "Send one X-Api-Key header with the key that the operator of this relay gave you."
	if came := len(header["X-Api-Key"]); came > 1 {
		detail += " It came " + strconv.Itoa(came) + " times."
	} else if header["Authorization"] != nil {
		detail += " Authorization is not read."
	}
	const longest = len("X__Api__Key")
	for _, name := range slices.Sorted(maps.Keys(header)) {
		if len(name) > longest || name == "X-Api-Key" {
			continue
		}
		if letters := destination.Letters(name); letters == "xapikey" || letters == "apikey" {
			detail += " " + name + " is another header."
			break
		}
	}
	return &gateway.Refusal{Reason: ErrKey, Detail: detail}
}

// misshapen says what a key has around it that hardly belongs to it, whether or not it is a right one.
func misshapen(sent string) string {
	switch {
	case strings.HasPrefix(sent, "{{") || strings.HasPrefix(sent, "${"):
		return " It looks like a template that the sender has not filled."
	case strings.ContainsAny(sent, `"'`):
		return " Send it without quotes."
	case strings.Contains(sent, ","):
		return " Send the header once, with one key."
	case strings.Contains(sent, " "):
		return " Send it without a word before it."
	}
	return ""
}

// minKey is the length from which on nobody guesses a key: 16 random letters and digits
// are 95 bits.
const minKey = 16

// Check reads the keys now, and reports whether one of them is so short that it may be
// guessed. The error is as from Identify where they cannot be read, or there are none.
func (c *Callers) Check(ctx context.Context) (short bool, err error) {
	known, err := c.keys(ctx)
	return err == nil && slices.ContainsFunc(known.list, func(k key) bool { return k.short }), err
}

// named returns the name of a principal. A session of a role has the role's name:
// arn:aws:sts::ACCOUNT:assumed-role/NAME/SESSION that of arn:aws:iam::ACCOUNT:role/NAME.
func (c *Callers) named(principal string) string {
	if name, found := c.config.Names[principal]; found || principal == "" {
		return name
	}
	account, session, found := strings.Cut(principal, ":assumed-role/")
	role, _, _ := strings.Cut(session, "/")
	if !found {
		return ""
	}
	return c.config.Names[strings.Replace(account, ":sts:", ":iam:", 1)+":role/"+role]
}

// find returns the key that was sent; nil if it is none of these.
func (k *keys) find(sent string) *key {
	digest, at := sha256.Sum256([]byte(sent)), -1
	for i := range k.list {
		at = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(digest[:], k.list[i].digest[:]), i, at)
	}
	if at < 0 {
		return nil
	}
	return &k.list[at]
}

func (c *Callers) keys(ctx context.Context) (*keys, error) {
	got, err := c.config.Secrets.Get(ctx, c.config.Keys)
	if err != nil {
		return nil, err
	}
	if known := c.read.Load(); known != nil && known.version == got.Value {
		return known, nil
	}
	value, err := got.Value.Select(c.config.Keys)
	if err != nil {
		return nil, err
	}
	if problem := value.MalformedKey(); problem != "" {
		return nil, secret.Unusable(c.config.Keys, problem)
	}
	known := &keys{version: got.Value}
	named := parse(value.Bytes())
	for _, name := range slices.Sorted(maps.Keys(named)) {
		for _, text := range named[name] {
			if text != "" {
				known.list = append(known.list, key{sha256.Sum256([]byte(text)), name, len(text) < minKey})
			}
		}
	}
	if len(known.list) == 0 {
		return nil, secret.Unusable(c.config.Keys, `holds no keys of callers. Store the key itself, a JSON array of keys such as ["first", "second"], or a JSON object from each caller's name to its key, or keys.`)
	}
	c.read.Store(known)
	return known, nil
}

// parse returns the keys that a secret holds, by the names of callers; none where it
// holds anything else.
func parse(content []byte) map[string][]string {
	document, ok := rawjson.Pointer("").Find(content)
	if !ok || document[0] != '[' && document[0] != '{' {
		return map[string][]string{"": {string(content)}}
	}
	var list []string
	if json.Unmarshal(document, &list) == nil {
		return map[string][]string{"": list}
	}
	var named map[string]json.RawMessage
	if json.Unmarshal(document, &named) != nil {
		return nil
	}
	keys := make(map[string][]string)
	for name, value := range named {
		var one string
		var several []string
		if json.Unmarshal(value, &one) != nil && json.Unmarshal(value, &several) != nil {
			return nil
		}
		keys[name] = append(several, one)
	}
	return keys
}
