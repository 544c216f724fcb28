package retrieval

import (
	"context"
	"slices"
	"time"

	"keyrelay/function/cache"
	"keyrelay/function/destination"
	"keyrelay/function/secret"
)

// The members of a secret that a person's consent gives.
const (
	refreshTokenMember = "refresh_token"
	accessTokenMember  = "access_token"
)

// GivesAccessToken reports whether a secret holds an access token that is used as it is:
// one that does not expire, beside no refresh token.
func GivesAccessToken(value secret.Value) bool {
	if !value.IsJSON {
		return value.Malformed() == ""
	}
	access, _ := value.Member(accessTokenMember)
	refresh, _ := value.Member(refreshTokenMember)
	return access != "" && refresh == ""
}

// refreshToken is the refresh token in a secret (RFC 6749 section 6); empty for none.
func (in *inputs) refreshToken() string {
	if in.scope.Scheme.Kind == destination.RetrievedKey || in.code != nil {
		return ""
	}
	token, _ := in.member(refreshTokenMember)
	return token
}

// replaces are the members of the secret that an answer replaces: those that the document
// names, and a refresh token that is used.
func (in *inputs) replaces() []destination.WriteBack {
	list := in.scope.Scheme.WriteBack
	if in.refreshToken() != "" {
		list = append(slices.Clip(list), refreshTokens()...)
	}
	return list
}

// refreshTokens are the places of a refresh token in an answer. The second is the
// spelling of providers that write JSON their own way.
func refreshTokens() []destination.WriteBack {
	return []destination.WriteBack{{Member: refreshTokenMember, Pointer: "/refresh_token"}, {Member: refreshTokenMember, Pointer: "/refreshToken"}}
}

// locked runs one use of what an answer replaces in a secret at a time: an endpoint that
// rotates refresh tokens takes a second use for theft (RFC 9700 section 4.14.2). Behind the lock
// the secret is read anew: another use, or another instance, may have rotated it.
// Where there is a table, it is one use of all instances, and what changes is written back
// before the next begins.
func (r *Retriever) locked(ctx context.Context, in inputs, use func(inputs) error) error {
	if len(in.replaces()) == 0 {
		return use(in)
	}
	found, _ := r.refreshing.LoadOrStore(in.scope.Secret(), make(chan struct{}, 1))
	turn, _ := found.(chan struct{})
	select {
	case turn <- struct{}{}:
		defer func() { <-turn }()
	case <-ctx.Done():
		return cancelled(in.scope, context.Cause(ctx))
	}
	if r.table == nil {
		return r.refresh(ctx, in.scope, use)
	}
	_, err := r.table.Share(ctx, cache.Turn{ID: hashed("refresh", in.scope.Secret().String()), Make: func(ctx context.Context) ([]byte, time.Time, error) {
		return nil, time.Time{}, r.refresh(ctx, in.scope, use)
	}})
	return ended(ctx, in.scope, err)
}

// refresh uses the refresh token that the secret holds now.
func (r *Retriever) refresh(ctx context.Context, scope Scope, use func(inputs) error) error {
	if err := r.secrets.Reload(ctx, scope.Secret()); err != nil {
		return err
	}
	again, err := r.readInputs(ctx, scope)
	if err != nil {
		return err
	}
	return use(again)
}

// writeBack keeps a rotated refresh token, and what else an answer replaces, before the
// credential that came with it is used: the old one may be worth nothing any more.
func (r *Retriever) writeBack(ctx context.Context, in inputs, document []byte) error {
	replaced := map[string]bool{}
	for _, each := range in.replaces() {
		rotated, found := textAt(document, each.Pointer)
		if !found || replaced[each.Member] {
			continue
		}
		replaced[each.Member] = true
		if used, _ := in.member(each.Member); used == rotated {
			continue
		}
		if err := r.secrets.WriteMember(ctx, in.scope.Secret(), in.written(each.Member), rotated); err != nil {
			return err
		}
	}
	return nil
}

// written is the name by which a secret has a member: beside another spelling of it, a new
// token would take no notice of one that is stored by hand.
func (in *inputs) written(member string) string {
	if member != refreshTokenMember && member != accessTokenMember {
		return member
	}
	if name, _, ok := in.findOwn(member); ok {
		return name
	}
	return member
}

// login is the command by which a person consents, and a refresh token comes into a secret.
func login(scope Scope) string {
	member := ""
	if scope.Scheme.SecretField != "" {
		member = "--member MEMBER "
	}
	return "keyrelay login " + member + "FOLDER " + scope.Destination.Name + " " + scope.Scheme.Name
}
