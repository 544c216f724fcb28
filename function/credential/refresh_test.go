package credential_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"keyrelay/function/credential"
	"keyrelay/function/destination"
	"keyrelay/function/fake"
	"keyrelay/function/retrieval"
	"keyrelay/function/secret"
)

// A rotator is a token endpoint that gives a new refresh token with each access token,
// and takes the second use of one for theft: then it accepts none any more.
type rotator struct {
	mutex   sync.Mutex
	current string
	number  int
	reused  bool
	// before runs while no answer has been given.
	before func()
}

func (r *rotator) answer(call int, w http.ResponseWriter, request *http.Request) {
	if r.before != nil {
		r.before()
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if request.FormValue("refresh_token") != r.current || r.reused {
		r.reused = true
		fake.Says(400, "application/json", `{"error": "invalid_grant"}`)(call, w, request)
		return
	}
	r.number++
	r.current = fmt.Sprintf("refresh-%d", r.number)
	fake.Says(200, "application/json", fmt.Sprintf(`{"access_token": "token-%d", "refresh_token": "%s", "expires_in": 60}`, r.number, r.current))(call, w, request)
}

// consented is a scheme that a person has consented to.
func (w *world) consented() *destination.SecurityScheme {
	scheme := w.oauth()
	scheme.Flow.GrantType, scheme.Flow.RefreshURL = "authorization_code", w.at("/refresh")
	return scheme
}

// TestRefreshRotationAsWritten writes a refresh token back to the member that had it, as the
// secret writes its name: of two, one that is stored by hand would go unseen.
func TestRefreshRotationAsWritten(t *testing.T) {
	for _, name := range []string{"refreshToken", "refreshtoken", "Refresh-Token", "refresh_token"} {
		r := &rotator{current: "refresh-0"}
		const content = `{"clientId": 12345, "clientSecret": "the-client-secret", "%s": "%s"}`
		w := newWorld(t, map[string]string{"client": fmt.Sprintf(content, name, "refresh-0")}, r.answer)
		for range 2 {
			mustGet(t, storeOn(t, w.secrets), w.plan(w.consented()))
		}
		if got, want := w.secrets.Value("client"), fmt.Sprintf(content, name, "refresh-2"); got != want {
			t.Errorf("the secret is %s instead of %s", got, want)
		}
	}
}

func holding(refreshToken string) map[string]string {
	return map[string]string{"client": `{"client_id": "the-client", "client_secret": "the-client-secret", "refresh_token": "` + refreshToken + `"}`}
}

// TestRefreshRotation writes each refresh token back before its access token is used, so that
// another instance, or this one after a start, goes on with it.
func TestRefreshRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &rotator{current: "refresh-0"}
		w := newBubble(holding("refresh-0"), r.answer)
		outbound := w.plan(w.consented())
		stores := []*credential.Store{w.store}
		for range 3 {
			w.callBy(fake.Direct{Handler: w.provider}.Call)
			stores = append(stores, w.store)
		}
		for i := range 40 {
			w.store = stores[i%len(stores)]
			used := mustGet(t, w.store, outbound)
			var kept struct {
				RefreshToken string `json:"refresh_token"`
			}
			if json.Unmarshal([]byte(w.secrets.Value("client")), &kept) != nil || kept.RefreshToken != r.current {
				t.Fatalf("%s is kept, %s is the last one", kept.RefreshToken, r.current)
			}
			if got := sent(used).Get("Authorization"); !strings.HasPrefix(got, "Bearer token-") {
				t.Errorf("sent %s", got)
			}
			time.Sleep(25 * time.Second)
		}
		if r.reused || r.number < 10 {
			t.Errorf("reused %v after %d rotations", r.reused, r.number)
		}
	})
}

// TestRotationAtOnce uses one refresh token at a time, however many scopes and schemes
// ask with it.
func TestRotationAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &rotator{current: "refresh-0", before: func() { time.Sleep(time.Second) }}
		w := newBubble(holding("refresh-0"), r.answer)
		var callers sync.WaitGroup
		for i := range 4 {
			scheme := w.consented()
			scheme.Flow.GrantType = "client_credentials"
			outbound := w.plan(scheme)
			outbound.Operation.Security[0].Scopes = []string{fmt.Sprint(i)}
			for range 5 {
				callers.Go(func() { mustGet(t, w.store, outbound) })
			}
		}
		callers.Wait()
		w.mustHaveRetrieved(t, 4)
		if r.reused {
			t.Error("a refresh token was used twice")
		}
	})
}

// TestNotWrittenBack does not use an access token whose refresh token could not be
// kept, and goes on with that one when it can.
func TestNotWrittenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &rotator{current: "refresh-0"}
		w := newBubble(holding("refresh-0"), r.answer)
		outbound := w.plan(w.consented())
		w.secrets.FailWrites(fake.Fault("AccessDeniedException", http.StatusBadRequest))
		_, err := w.store.Get(t.Context(), outbound)
		if refusal := mustFail(t, err, secret.ErrUnavailable, "refresh-"); !strings.Contains(refusal.Detail, "PutSecretValue") {
			t.Errorf("the detail is %s", refusal.Detail)
		}
		w.secrets.FailWrites(nil)
		time.Sleep(30 * time.Second)
		mustGet(t, w.store, outbound)
		if r.reused || !strings.Contains(w.secrets.Value("client"), r.current) {
			t.Errorf("reused %v, kept %s", r.reused, w.secrets.Value("client"))
		}
	})
}

// TestConsentAnew says who has to do what when the refresh token is worth nothing any more.
func TestConsentAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for content, want := range map[string]error{"refresh-gone": retrieval.ErrFailed, "": secret.ErrUnavailable} {
			w := newBubble(holding(content), (&rotator{current: "refresh-9"}).answer)
			_, err := w.store.Get(t.Context(), w.plan(w.consented()))
			if refusal := mustFail(t, err, want, "refresh-gone"); !strings.Contains(refusal.Detail, "keyrelay login FOLDER orders oauth") {
				t.Errorf("the detail is %s", refusal.Detail)
			}
		}
	})
}

// TestRotatedElsewhere reads the secret again where the refresh token was rotated by
// another instance between its reading and its use.
func TestRotatedElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(holding("refresh-0"), nil)
		w.provider.Answer(func(call int, rw http.ResponseWriter, r *http.Request) {
			if r.FormValue("refresh_token") == "refresh-0" {
				w.secrets.Put("client", holding("refresh-1")["client"])
				fake.Says(400, "application/json", `{"error": "invalid_grant"}`)(call, rw, r)
				return
			}
			fake.Says(200, "application/json", `{"access_token": "token-of-`+r.FormValue("refresh_token")+`"}`)(call, rw, r)
		})
		w.mustAuthorize(t, w.plan(w.consented()), "Bearer token-of-refresh-1")
	})
}
