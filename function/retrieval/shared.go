package retrieval

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"time"

	"keyrelay/function/cache"
	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/rawjson"
	"keyrelay/function/secret"
)

// timeout bounds a retrieval with all that belongs to it: the reading of its secret,
// two calls, as for discovery or with a secret that was read again, the retrievals of
// the credentials that it is made with, and the turns of other instances.
func (r *Retriever) timeout(scope Scope) time.Duration {
	lasts := secret.Timeout + 2*scope.Destination.AuxiliaryTimeout
	turns := 1
	if scope.Scheme.Kind != destination.RetrievedKey || len(scope.Scheme.WriteBack) > 0 {
		lasts += secret.Timeout // for a refresh token that is written back
		turns++
	}
	if scope.Certificate != nil {
		lasts += secret.Timeout
	}
	if r.table != nil {
		lasts += time.Duration(turns) * cache.TurnTime
	}
	for _, other := range needed(scope.Scheme) {
		lasts += r.timeout(Scope{Destination: scope.Destination, Scheme: other})
	}
	return lasts
}

// fetch has a token retrieved by whichever instance is the first to ask, where they
// share them.
func (r *Retriever) fetch(ctx context.Context, scope Scope, previous *Token) (*Token, cache.Life, error) {
	if r.table == nil || perRequest(scope.Scheme) {
		return r.retrieve(ctx, scope, previous)
	}
	var token *Token
	var life cache.Life
	unshared, err := r.table.Share(ctx, cache.Turn{
		ID: id(scope),
		Use: func(value []byte) (will bool) {
			token, life, will = usable(scope, value, previous)
			return will
		},
		Make: func(ctx context.Context) ([]byte, time.Time, error) {
			var err error
			token, life, err = r.retrieve(ctx, scope, previous)
			if err != nil {
				return nil, time.Time{}, err
			}
			return encode(token, life, previous != nil && previous.refused.Load()), life.Expiry, nil
		},
		Concerns: func(err error) bool { return errors.Is(err, ErrFailed) || errors.Is(err, ErrTimeout) },
	})
	if err != nil {
		return nil, cache.Life{}, ended(ctx, scope, err)
	}
	if token != previous {
		token.Unshared = unshared
	}
	return token, life, nil
}

// errNotShared says that the table has no token that will do.
var errNotShared = errors.New("no token is shared")

// Fill reads the token that another instance has shared, before anyone needs it, and
// reports whether there is one. It retrieves none.
func (r *Retriever) Fill(ctx context.Context, scope Scope) bool {
	scope = scope.call()
	if r.table == nil || perRequest(scope.Scheme) {
		return false
	}
	return r.tokens.Fill(ctx, scope, func(ctx context.Context, scope Scope, _ *Token) (token *Token, life cache.Life, err error) {
		found := r.table.Look(ctx, id(scope), func(value []byte) (will bool) {
			token, life, will = usable(scope, value, nil)
			return will
		})
		if !found {
			err = errNotShared
		}
		return token, life, err
	})
}

// ended makes the refusal of a turn that was not had.
func ended(ctx context.Context, scope Scope, err error) error {
	switch refusal, isRefusal := errors.AsType[*gateway.Refusal](err); {
	case isRefusal && errors.Is(refusal.Reason, cache.ErrFailedElsewhere):
		told := failed(scope, "another instance of keyrelay has just tried, whose log says why. It is tried again by itself.")
		told.RetryAfter = refusal.RetryAfter
		return told
	case err != nil && !isRefusal && ctx.Err() != nil:
		return cancelled(scope, err)
	}
	return err
}

// id names what a scope asks for, so that no two instances take one credential for
// another: by the document, the scheme and what it says, the endpoint, the secrets, the
// scopes, and what a record chose.
func id(scope Scope) string {
	names := []any{"token", scope.Destination.Name, scope.Scopes, scope.Chosen, scope.Secret().String(), scope.Destination.Variables.String(), describe(scope.Scheme)}
	for _, sharing := range scope.Scheme.Sharing {
		names = append(names, describe(sharing))
	}
	if scope.Certificate != nil {
		names = append(names, scope.of(scope.Certificate).Secret().String())
	}
	return hashed(names...)
}

// describe tells a scheme from others, those that its retrieval is made with included.
func describe(scheme *destination.SecurityScheme) []any {
	described := []any{scheme.Name, scheme.Fingerprint, scheme.Secret.String(), scheme.RequestContentType}
	var endpoints []*url.URL
	if scheme.Retrieval != nil {
		described = append(described, scheme.Retrieval.Method, scheme.Retrieval.ResponsePointer)
		endpoints = append(endpoints, scheme.Retrieval.URL)
	}
	if scheme.Flow != nil {
		described = append(described, scheme.Flow.GrantType)
		endpoints = append(endpoints, scheme.Flow.TokenURL, scheme.Flow.RefreshURL)
	}
	for _, endpoint := range append(endpoints, scheme.DiscoveryURL) {
		if endpoint != nil {
			described = append(described, endpoint.String())
		}
	}
	for _, other := range needed(scheme) {
		described = append(described, describe(other))
	}
	return described
}

// hashed is a hash of values that JSON tells apart.
func hashed(values ...any) string {
	text, _ := json.Marshal(values) // of texts, numbers and lists of them
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// A sharedToken is a token as it is sealed. Times are in milliseconds, zero for none.
type sharedToken struct {
	Made    int64                    `json:"made"`
	Renewal bool                     `json:"renewal,omitempty"`
	Refresh int64                    `json:"refresh,omitempty"`
	Expiry  int64                    `json:"expiry,omitempty"`
	Schemes map[string]sharedContent `json:"schemes"`
}

type sharedContent struct {
	Text    string   `json:"text"`
	Secrets []string `json:"secrets"`
}

// encode makes what is sealed of a token. renewal says that it takes the place of one
// that was refused.
func encode(token *Token, life cache.Life, renewal bool) []byte {
	shared := sharedToken{
		Made: cache.Now().UnixMilli(), Renewal: renewal, Refresh: inMilliseconds(life.Refresh), Expiry: inMilliseconds(life.Expiry),
		Schemes: map[string]sharedContent{},
	}
	for scheme, content := range token.contents() {
		shared.Schemes[scheme.Name] = sharedContent{content.text, content.secrets}
	}
	return rawjson.Encode(shared)
}

func inMilliseconds(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.UnixMilli()
}

func fromMilliseconds(at int64) time.Time {
	if at == 0 {
		return time.Time{}
	}
	return time.UnixMilli(at)
}

// decode reads what encode made; false for what is none of this scope's.
func decode(scope Scope, value []byte) (shared sharedToken, token *Token, ok bool) {
	if json.Unmarshal(value, &shared) != nil {
		return shared, nil, false
	}
	contents := map[*destination.SecurityScheme]content{}
	for _, scheme := range append([]*destination.SecurityScheme{scope.Scheme}, scope.Scheme.Sharing...) {
		found, given := shared.Schemes[scheme.Name]
		if !given || found.Text == "" || Misfit(scheme, found.Text) != "" {
			return shared, nil, false
		}
		contents[scheme] = content{found.Text, found.Secrets}
	}
	return shared, newToken(contents, time.UnixMilli(shared.Made)), true
}

// usable reads a token of the table, and says whether it will do in the place of
// previous. One that was refused will not, nor one that is older; but where the one
// refused took the place of another less than renewInterval ago, it stays.
func usable(scope Scope, value []byte, previous *Token) (token *Token, life cache.Life, will bool) {
	shared, token, ok := decode(scope, value)
	if !ok {
		return nil, life, false
	}
	now := cache.Now()
	life = cache.Life{Refresh: fromMilliseconds(shared.Refresh), Expiry: fromMilliseconds(shared.Expiry)}
	refused := previous != nil && previous.refused.Load()
	same := previous != nil && maps.EqualFunc(previous.contents(), token.contents(), content.equal)
	if shared.Renewal {
		life.Renew = token.made.Add(renewInterval)
	}
	if same {
		token = previous
	}
	switch {
	case refused && same:
		good := life.Expiry.IsZero() || now.Before(life.Expiry)
		return token, life, good && now.Before(life.Renew)
	case refused && token.made.Before(previous.made):
		return nil, life, false
	}
	return token, life, life.Refresh.IsZero() || now.Before(life.Refresh)
}
