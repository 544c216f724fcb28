package credential

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"net/http"
	"time"

	"keyrelay/function/destination"
	"keyrelay/function/mask"
	"keyrelay/function/retrieval"
	"keyrelay/function/secret"
)

// A part is one scheme's share of a Credential, in the shapes that requests and
// answers need. It is made once per version. What holds a secret is a func, so that
// nothing can show it.
type part struct {
	scope retrieval.Scope
	// version is what it was made of: a secret as it was read once, a token, the
	// credentials of a role. Pointers to it compare.
	version any
	// hash tells the version from others in a log, where it does no harm.
	hash string
	// fresh reports whether the version is still the one to use.
	fresh func(now time.Time) bool
	// text is what the scheme's own header would hold; nil if there is no such text.
	text func() string
	// apply puts the credential where the scheme puts it; nil if that is not in a field.
	apply func(*http.Request)
	// applyTo puts it into the path or the body of an operation's request; nil if it
	// is not there.
	applyTo func(request *http.Request, operation *destination.Operation)
	// sign signs the request, after everything else is in it; nil for all other kinds.
	sign func(*http.Request)
	// certificate is the client certificate; nil for all other kinds.
	certificate *tls.Certificate
	// masker finds what a request carries of it.
	masker *mask.Masker
}

// stats is how a part was had.
type stats struct {
	waited, stale bool
	// call is how long the retrieval's calls took that were waited for.
	call time.Duration
	// unshared and doubt are as of a retrieval.Token that was waited for.
	unshared, doubt string
	// failure says why the last try to have another gave nothing.
	failure error
}

// newPart brings a text into shape. secrets are what must not come back with an answer.
func newPart(scheme *destination.SecurityScheme, text string, secrets []string) *part {
	made := &part{text: func() string { return text }, masker: mask.New(withCarried(secrets, text)...)}
	made.attach(scheme, text)
	return made
}

// hashRounds slows down who would guess a secret by its hash: it may be a password
// that a person chose. A retrieved credential is chosen by chance.
const hashRounds = 1000

// shortHash returns eight characters that differ, most likely, where the credential does.
func (p *part) shortHash() string {
	identity := ""
	if signs, ok := p.version.(*role); ok {
		identity = signs.credentials().AccessKeyID
	} else if p.text != nil {
		identity = p.text()
	} else if p.certificate != nil {
		identity = string(p.certificate.Certificate[0])
	}
	rounds := 1
	if _, ok := p.version.(*secret.Version); ok {
		rounds = hashRounds
	}
	sum, err := pbkdf2.Key(sha256.New, identity, []byte(p.scope.Destination.Name+" "+p.scope.Scheme.Name), rounds, 4)
	if err != nil {
		return "" // only where a FIPS module forbids it
	}
	return hex.EncodeToString(sum)
}

// other is the part as a retrieval is made with it.
func (p *part) other() retrieval.Other {
	if p.text == nil {
		return retrieval.Other{Certificate: p.certificate}
	}
	return retrieval.Other{Text: p.text()}
}

// same reports whether both are the same credential for a downstream.
func (p *part) same(other *part) bool {
	if p.text == nil || other.text == nil {
		return p.version == other.version
	}
	return p.text() == other.text()
}
