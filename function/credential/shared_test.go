package credential_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"keyrelay/function/cache"
	"keyrelay/function/credential"
	"keyrelay/function/destination"
	"keyrelay/function/fake"
	"keyrelay/function/plan"
	"keyrelay/function/retrieval"
	"keyrelay/function/secret"
)

// A fleet is instances that share a table, with what they talk to.
type fleet struct {
	*world
	table     *fake.Table
	instances []*credential.Store
}

func tableOn(table http.Handler, key string) *cache.Table {
	return cache.NewTable(cache.TableConfig{
		Name: "tokens", Connect: fake.ConnectTable("http://table.test", fake.Direct{Handler: table}),
		Key: func(context.Context, []byte) ([]byte, error) { return []byte(key), nil },
	})
}

const tableKey = "a key that seals, of 32 bytes or more"

func newFleet(size int, secrets map[string]string, answer fake.Handler) *fleet {
	f := &fleet{world: newBubble(secrets, answer), table: fake.NewTable()}
	for range size {
		f.instances = append(f.instances, f.instance(tableKey))
	}
	return f
}

// instance is one more, with a key of its own.
func (f *fleet) instance(key string) *credential.Store {
	secrets := secret.New(secret.Config{SecretsManager: f.secrets.Client, MaxAge: time.Hour})
	return credential.New(secrets, fake.Direct{Handler: f.provider}.Call, tableOn(f.table, key))
}

// call is one caller's request at one instance, as world.call.
func (f *fleet) call(ctx context.Context, instance *credential.Store, a *api, outbound *plan.Plan) bool {
	one := &world{store: instance}
	return one.call(ctx, a, outbound)
}

// all makes the calls of 1,000 callers at once, spread over the instances; each is to be served.
func (f *fleet) all(t *testing.T, a *api, outbound *plan.Plan) {
	t.Helper()
	const callers = 1000
	var group sync.WaitGroup
	for i := range callers {
		group.Go(func() {
			if !f.call(t.Context(), f.instances[i%len(f.instances)], a, outbound) {
				t.Error("a caller failed")
			}
		})
	}
	group.Wait()
}

// TestFleet has eight instances retrieve one token for each expiry and each revocation,
// of an API that ends the old session at each login, and serves every caller.
func TestFleet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{}
		f := newFleet(8, map[string]string{"client": client}, a.handOut(2*time.Second))
		outbound := f.plan(f.oauth())
		f.all(t, a, outbound)
		f.mustHaveRetrieved(t, 1)
		for expiry := range 3 {
			time.Sleep(time.Hour)
			f.all(t, a, outbound)
			f.mustHaveRetrieved(t, expiry+2)
		}
		for revocation := range 3 {
			time.Sleep(time.Minute)
			a.accept("")
			f.all(t, a, outbound)
			f.mustHaveRetrieved(t, revocation+5)
		}
		fresh := f.instance(tableKey)
		if !f.call(t.Context(), fresh, a, outbound) {
			t.Error("a new instance failed")
		}
		f.mustHaveRetrieved(t, 7)
	})
}

// TestWarmWithoutTable asks the table for nothing while an instance's own copy is good.
func TestWarmWithoutTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(1, map[string]string{"client": client}, fake.Tokens(3600))
		outbound := f.plan(f.oauth())
		mustGet(t, f.instances[0], outbound)
		if f.table.TakeCalls() == 0 {
			t.Error("the first token is not shared")
		}
		for range 1000 {
			time.Sleep(3 * time.Second)
			mustGet(t, f.instances[0], outbound)
		}
		if calls := f.table.TakeCalls(); calls != 0 {
			t.Errorf("%d calls to the table for warm requests", calls)
		}
	})
}

// TestFleetRefusal makes at most one renewal in 10 s of a token that is refused whatever
// it is, however many instances there are, and takes the next one as soon as there is one.
func TestFleetRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(8, map[string]string{"client": client}, fake.Tokens(3600))
		outbound := f.plan(f.oauth())
		for range 600 { // a minute
			for _, each := range f.instances {
				renewal(t, each, mustGet(t, each, outbound))
			}
			time.Sleep(100 * time.Millisecond)
		}
		if calls := f.provider.Calls(); calls < 6 || calls > 8 {
			t.Errorf("%d retrievals in a minute", calls)
		}
	})
}

// TestLateRenewal takes the token that another instance renewed, though this one was
// refused just now for the sake of the 10 s.
func TestLateRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{}
		f := newFleet(2, map[string]string{"client": client}, a.handOut(0))
		outbound := f.plan(f.oauth())
		f.all(t, a, outbound)
		a.accept("")
		f.all(t, a, outbound)
		f.mustHaveRetrieved(t, 2)
		time.Sleep(9 * time.Second)
		a.accept("")
		if f.call(t.Context(), f.instances[0], a, outbound) {
			t.Error("renewed twice in 10 s")
		}
		time.Sleep(time.Second)
		for _, each := range f.instances {
			if !f.call(t.Context(), each, a, outbound) {
				t.Error("not renewed after 10 s")
			}
		}
		f.mustHaveRetrieved(t, 3)
	})
}

// TestOlderTokenOfTable does not fall back to the table's token when a newer one, which
// could not be shared, is refused.
func TestOlderTokenOfTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{}
		f := newFleet(1, map[string]string{"client": client}, a.handOut(0))
		outbound := f.plan(f.oauth())
		f.all(t, a, outbound)
		a.accept("")
		f.table.Fail(fake.Fault("InternalServerError", http.StatusInternalServerError))
		f.all(t, a, outbound)
		f.table.Fail(nil)
		time.Sleep(20 * time.Second)
		a.accept("")
		f.all(t, a, outbound)
		f.mustHaveRetrieved(t, 3)
	})
}

// TestFleetFailure has one instance learn that the endpoint is down, and tells the others' callers so.
func TestFleetFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(8, map[string]string{"client": client}, fake.Says(http.StatusServiceUnavailable, "", ""))
		outbound := f.plan(f.oauth())
		var group sync.WaitGroup
		for _, each := range f.instances {
			group.Go(func() {
				if _, err := each.Get(t.Context(), outbound); !errors.Is(err, retrieval.ErrFailed) {
					t.Errorf("got %v", err)
				}
			})
		}
		group.Wait()
		f.mustHaveRetrieved(t, 1)
		f.provider.Answer(fake.Tokens(3600))
		time.Sleep(2 * time.Second)
		for _, each := range f.instances {
			mustGet(t, each, outbound)
		}
		f.mustHaveRetrieved(t, 2)
	})
}

// TestUnshared says of each retrieval that the table was of no use for why that was so,
// and of no other, and serves every caller.
func TestUnshared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(2, map[string]string{"client": client}, fake.Tokens(3600))
		f.table.Fail(fake.Fault("AccessDeniedException", http.StatusBadRequest))
		outbound := f.plan(f.oauth())
		for i, each := range f.instances {
			used := mustGet(t, each, outbound)
			if got := strings.Join(used.Stats.Unshared, ","); got != "oauth: AccessDeniedException" || sent(used).Get("Authorization") != fmt.Sprintf("Bearer token-number-%d", i+1) {
				t.Errorf("instance %d: %q, unshared %q", i, sent(used).Get("Authorization"), got)
			}
			if again := mustGet(t, each, outbound); len(again.Stats.Unshared) > 0 {
				t.Errorf("a kept one is unshared: %q", again.Stats.Unshared)
			}
		}
	})
}

// TestRotationOfFleet never uses a refresh token twice, whatever the instance and the
// scheme that asks, and has each instance go on with the last one.
func TestRotationOfFleet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &rotator{current: "refresh-0", before: func() { time.Sleep(time.Second) }}
		f := newFleet(8, holding("refresh-0"), r.answer)
		outbounds := []*plan.Plan{f.plan(f.consented()), f.plan(f.consented())}
		outbounds[1].Operation.Security[0].Scheme.Name = "another"
		for round := range 20 {
			var group sync.WaitGroup
			for i := range 160 {
				group.Go(func() { mustGet(t, f.instances[i%8], outbounds[i/8%2]) })
			}
			group.Wait()
			f.mustHaveRetrieved(t, 2*round+2)
			time.Sleep(time.Minute)
		}
		if r.reused {
			t.Error("a refresh token was used twice")
		}
	})
}

// TestKilledHolder has the others go on once the lease of one that was killed has ended.
func TestKilledHolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{}
		f := newFleet(8, map[string]string{"client": client}, a.handOut(time.Second))
		outbound := f.plan(f.oauth())
		f.all(t, a, outbound)
		time.Sleep(time.Hour)
		for id, item := range f.table.Items() {
			item["holder"] = map[string]string{"S": "killed"}
			item["lease"] = map[string]string{"N": strconv.FormatInt(cache.Now().Add(15*time.Second).UnixMilli(), 10)}
			f.table.Put(id, item)
		}
		start := cache.Now()
		f.all(t, a, outbound)
		if took := cache.Now().Sub(start); took < 15*time.Second || took > 18*time.Second {
			t.Errorf("the others waited %s", took)
		}
		f.mustHaveRetrieved(t, 2)
	})
}

// TestIdentity takes no token for another's: each difference of what is asked for has an item of its own.
func TestIdentity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(1, map[string]string{"client": client, "other": client, "many": `{"a": ` + client + `, "b": ` + client + `}`}, fake.Tokens(3600))
		other := *f.destination
		other.Name = "other"
		vary := func(change func(*destination.SecurityScheme)) *plan.Plan {
			scheme := f.oauth()
			change(scheme)
			return f.plan(scheme)
		}
		scoped := func(scopes ...string) *plan.Plan {
			outbound := f.plan(f.oauth())
			outbound.Operation.Security[0].Scopes = scopes
			return outbound
		}
		chosen := func(member string) *plan.Plan {
			outbound := vary(func(s *destination.SecurityScheme) { s.Secret, s.SecretField = managed("many", "/{org}"), "org" })
			outbound.Chosen = map[string]string{"org": member}
			return outbound
		}
		elsewhere := f.plan(f.oauth())
		elsewhere.Destination = &other
		outbounds := []*plan.Plan{
			f.plan(f.oauth()), elsewhere, scoped("a"), scoped("a", "b"), scoped("a b", "c"), chosen("a"), chosen("b"),
			vary(func(s *destination.SecurityScheme) { s.Name = "another" }),
			vary(func(s *destination.SecurityScheme) { s.Secret = managed("other", "") }),
			vary(func(s *destination.SecurityScheme) { s.Flow.TokenURL = f.at("/other") }),
			vary(func(s *destination.SecurityScheme) { s.Fingerprint[0] = 1 }),
		}
		for range 2 {
			for _, outbound := range outbounds {
				mustGet(t, f.instances[0], outbound)
			}
			f.mustHaveRetrieved(t, len(outbounds))
			if items := f.table.Items(); len(items) != len(outbounds) {
				t.Errorf("%d items of %d scopes", len(items), len(outbounds))
			}
			f.instances[0] = f.instance(tableKey)
		}
		for id, item := range f.table.Items() {
			if text := fmt.Sprint(id, item); strings.Contains(text, "token-number") || strings.Contains(text, "orders") || strings.Contains(text, "client") {
				t.Errorf("the table shows %s", text)
			}
		}
	})
}

// TestSwappedTokens sends no scheme's token as another's, though both were sealed by the same key.
func TestSwappedTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(1, map[string]string{"client": client}, fake.Tokens(3600))
		another := f.oauth()
		another.Name = "another"
		mustGet(t, f.instances[0], f.plan(f.oauth()))
		mustGet(t, f.instances[0], f.plan(another))
		items := f.table.Items()
		var ids []string
		for id := range items {
			ids = append(ids, id)
		}
		f.table.Put(ids[0], items[ids[1]])
		f.table.Put(ids[1], items[ids[0]])
		fresh := f.instance(tableKey)
		used := mustGet(t, fresh, f.plan(f.oauth()))
		if got := sent(used).Get("Authorization"); got != "Bearer token-number-3" || strings.Join(used.Stats.Unshared, ",") != "oauth: item-does-not-open" {
			t.Errorf("sent %q, unshared %q", got, used.Stats.Unshared)
		}
	})
}

// TestFill takes what others have shared before anybody asks, and retrieves nothing.
func TestFill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(2, map[string]string{"client": client}, fake.Tokens(3600))
		outbound := f.plan(f.oauth())
		scope := retrieval.NewScope(f.destination, outbound.Operation.Security[0])
		if f.instances[1].Retriever().Fill(t.Context(), scope) || f.provider.Calls() > 0 {
			t.Error("filled with nothing")
		}
		mustGet(t, f.instances[0], outbound)
		if !f.instances[1].Retriever().Fill(t.Context(), scope) {
			t.Error("what is shared is not taken")
		}
		f.table.TakeCalls()
		if used := mustGet(t, f.instances[1], outbound); !used.Stats.Cached || f.table.TakeCalls() != 0 {
			t.Errorf("the first request has %+v", used.Stats)
		}
		f.mustHaveRetrieved(t, 1)
	})
}

// TestOneForEachRequest shares nothing where the document wants a retrieval for every request.
func TestOneForEachRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(2, map[string]string{"client": client}, fake.Tokens(3600))
		scheme := f.oauth()
		scheme.Lifetime = new(time.Duration)
		for _, each := range f.instances {
			mustGet(t, each, f.plan(scheme))
			mustGet(t, each, f.plan(scheme))
		}
		f.mustHaveRetrieved(t, 4)
		if items := f.table.Items(); len(items) > 0 {
			t.Errorf("the table has %v", items)
		}
	})
}
