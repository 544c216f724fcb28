package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"keyrelay/function/fake"
	"keyrelay/function/gateway"
)

// A tokenAPI is a token endpoint and an API that accepts its last token only, and
// counts for each request how often its business logic, behind the check of the
// token, has carried it out.
type tokenAPI struct {
	// asked receives a value when the token endpoint is asked, and answer lets it
	// answer; both are nil where it answers at once.
	asked, answer chan struct{}

	mutex    sync.Mutex
	accepted string
	issued   int
	arrived  int
	// revokeAt is the number of the request at whose arrival the token is revoked.
	// That request is refused late: when there is a new token, which its refusal
	// does not concern. reissued is closed then.
	revokeAt int
	reissued chan struct{}
	done     map[string]int
}

func (a *tokenAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	switch {
	case err != nil:
		w.WriteHeader(http.StatusBadRequest)
	case r.URL.Path == "/token":
		a.issue(w, r)
	default:
		status, late := a.carryOut(r.Header.Get("Authorization"), string(body))
		if late {
			<-a.reissued
		}
		w.WriteHeader(status)
	}
}

// issue answers with a new token. It gives up with the one who asked, as a real
// endpoint does.
func (a *tokenAPI) issue(w http.ResponseWriter, r *http.Request) {
	if a.asked != nil {
		a.asked <- struct{}{}
		select {
		case <-a.answer:
		case <-r.Context().Done():
			return
		}
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.issued++
	if a.issued == 2 && a.reissued != nil {
		close(a.reissued)
	}
	a.accepted = fmt.Sprintf("Bearer token-number-%d", a.issued)
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `{"access_token": "token-number-%d", "token_type": "Bearer", "expires_in": 3600}`, a.issued)
}

// carryOut is the check of the token and the business logic behind it.
func (a *tokenAPI) carryOut(token, order string) (status int, late bool) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.arrived++
	if a.arrived == a.revokeAt {
		a.accepted = ""
	}
	if token != a.accepted {
		return http.StatusUnauthorized, a.arrived == a.revokeAt
	}
	a.done[order]++
	return http.StatusCreated, false
}

// A storm is many callers, the relay, and a tokenAPI.
type storm struct {
	t          *testing.T
	api        *tokenAPI
	downstream string
	relay      *httptest.Server
	caller     http.Client
	// begun and over receive a value for each request that reaches the relay, and
	// for each that it is done with.
	begun, over chan struct{}
}

func newStorm(t *testing.T, api *tokenAPI) *storm {
	api.done = make(map[string]int)
	downstream := fake.Serve(t, api)
	folder := writeDocuments(t, openDocument(downstream)+`security: [{oauth: []}]
components:
  securitySchemes:
    oauth:
      type: oauth2
      flows: {clientCredentials: {tokenUrl: "`+downstream+`/token", scopes: {}}}
      x-keyrelay-secret: env:STORM_CLIENT
`)
	t.Setenv("STORM_CLIENT", `{"client_id": "relay", "client_secret": "client-secret"}`)
	made := &storm{t: t, api: api, downstream: downstream, caller: http.Client{Transport: &http.Transport{}},
		begun: make(chan struct{}, 2*callers), over: make(chan struct{}, 2*callers)}
	served := gateway.HTTP(wired(t, folder, nil))
	made.relay = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		made.begun <- struct{}{}
		defer func() { made.over <- struct{}{} }()
		served.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { made.caller.CloseIdleConnections(); made.relay.Close() })
	return made
}

// order sends one unsafe request and returns the status of its answer.
func (s *storm) order(ctx context.Context, name string) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.relay.URL, strings.NewReader(`{"order": "`+name+`"}`))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Osmos-Outbound-Url", s.downstream+"/orders")
	answer, err := s.caller.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode, err
}

const callers = 1000

// orders starts that many callers at once, each with an order of its own, and
// returns what waits until all are answered. Nobody may fail.
func (s *storm) orders() (wait func()) {
	var waiting sync.WaitGroup
	start := make(chan struct{})
	for i := range callers {
		waiting.Go(func() {
			<-start
			if status, err := s.order(s.t.Context(), fmt.Sprint(i)); err != nil || status != http.StatusCreated {
				s.t.Errorf("caller %d got %d %v", i, status, err)
			}
		})
	}
	close(start)
	return waiting.Wait
}

// mustBeDone holds the API's books against what was ordered: each once.
func (s *storm) mustBeDone(retrievals int) {
	s.t.Helper()
	s.api.mutex.Lock()
	defer s.api.mutex.Unlock()
	for i := range callers {
		if times := s.api.done[fmt.Sprintf(`{"order": "%d"}`, i)]; times != 1 {
			s.t.Errorf("order %d was carried out %d times", i, times)
		}
	}
	if s.api.issued != retrievals {
		s.t.Errorf("%d retrievals, want %d", s.api.issued, retrievals)
	}
	if times := s.api.done[`{"order": "left"}`]; times != 0 {
		s.t.Errorf("the order of the caller who left was carried out %d times", times)
	}
}

// TestRevokedAmongCallers revokes the token in the middle of 1,000 concurrent
// callers: one retrieval more, nobody fails, and each order is carried out once.
func TestRevokedAmongCallers(t *testing.T) {
	s := newStorm(t, &tokenAPI{revokeAt: callers / 2, reissued: make(chan struct{})})
	s.orders()()
	s.mustBeDone(2)
}

// TestSlowTokenEndpoint is a token endpoint that takes as long as it takes for
// 1,000 callers to come, while the one who started the retrieval leaves: the others
// get what was retrieved.
func TestSlowTokenEndpoint(t *testing.T) {
	t.Run("no token yet", func(t *testing.T) {
		s := newStorm(t, &tokenAPI{asked: make(chan struct{}, 1), answer: make(chan struct{})})
		s.leaveFirst()
		s.mustBeDone(1)
	})
	t.Run("a revoked token", func(t *testing.T) {
		s := newStorm(t, &tokenAPI{})
		if status, err := s.order(t.Context(), "before"); err != nil || status != http.StatusCreated {
			t.Fatal(status, err)
		}
		<-s.begun
		<-s.over
		s.api.accepted, s.api.asked, s.api.answer = "", make(chan struct{}, 1), make(chan struct{})
		s.leaveFirst()
		s.mustBeDone(2)
	})
}

// leaveFirst has one caller start a retrieval and leave, then 1,000 come, and then
// the endpoint answer.
func (s *storm) leaveFirst() {
	s.t.Helper()
	ctx, leave := context.WithCancel(s.t.Context())
	left := make(chan error)
	go func() {
		_, err := s.order(ctx, "left")
		left <- err
	}()
	<-s.api.asked
	leave()
	if err := <-left; err == nil {
		s.t.Error("the caller who left was answered")
	}
	<-s.begun
	<-s.over // the relay has noticed
	wait := s.orders()
	for range callers {
		<-s.begun
	}
	close(s.api.answer)
	wait()
}
