package relay_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"keyrelay/function/cache"
	"keyrelay/function/fake"
	"keyrelay/function/relay"
)

// retrievingDocument is an API whose tokens $TOKENS hands out.
const retrievingDocument = loopbackAPI + `security: [{oauth: []}]
components:
  securitySchemes:
    oauth:
      type: oauth2
      x-keyrelay-secret: "secretsmanager:keyrelay/client"
      flows: {clientCredentials: {tokenUrl: "$TOKENS/token", scopes: {}}}
paths:
  /orders: {post: {responses: {}}}
  /items: {post: {security: [{oauth: [read]}], responses: {}}}
  /open: {post: {security: [], responses: {}}}
`

// A sharer is what instances with a table have in common.
type sharer struct {
	*stage
	tokens *fake.API
	table  *fake.Table
	url    string
	text   string
}

func newSharer(t *testing.T) *sharer {
	s := &sharer{stage: newStage(t, managedDocument), tokens: fake.NewAPI(fake.Tokens(3600)), table: fake.NewTable()}
	s.secrets.Put("keyrelay/client", `{"client_id": "relay", "client_secret": "canary-of-the-secret"}`)
	s.text, s.url = strings.ReplaceAll(retrievingDocument, "$TOKENS", fake.Serve(t, s.tokens)), fake.Serve(t, s.table)
	return s
}

// instance is one more; handler serves it.
func (s *sharer) instance() (made *relay.Relay) {
	tokens := cache.NewTable(cache.TableConfig{
		Name: "tokens", Connect: fake.ConnectTable(s.url, nil),
		Key: func(context.Context, []byte) ([]byte, error) {
			return []byte("a key that seals, of 32 bytes or more"), nil
		},
	})
	made = s.wire([]string{s.text}, relay.Config{Log: s.log, Tokens: tokens})
	s.serve(made)
	return made
}

func (s *sharer) order(path string) {
	s.t.Helper()
	if got := s.send(s.t.Context(), s.post("/v2/"+path, "{}")); got.status != http.StatusOK {
		s.t.Errorf("%s: %d %s", path, got.status, got.body)
	}
}

// TestPrepareTokens takes the tokens that other instances share before the first request,
// which then waits for none, and retrieves none by itself.
func TestPrepareTokens(t *testing.T) {
	s := newSharer(t)
	s.instance().Prepare(t.Context())
	if calls := s.tokens.Calls(); calls > 0 || s.table.TakeCalls() != 2 {
		t.Errorf("%d tokens were retrieved for nobody", calls)
	}
	s.order("orders")
	s.order("items")
	second := s.instance()
	second.Prepare(t.Context())
	s.table.TakeCalls()
	s.order("orders")
	s.order("items")
	s.order("open")
	if calls, asked := s.tokens.Calls(), s.table.TakeCalls(); calls != 2 || asked > 0 {
		t.Errorf("%d retrievals, %d calls to the table after the start", calls, asked)
	}
}

// TestPrepareWithoutTable lets no table that fails fail or log anything at the start.
func TestPrepareWithoutTable(t *testing.T) {
	s := newSharer(t)
	s.table.Fail(fake.Fault("AccessDeniedException", http.StatusBadRequest))
	s.instance().Prepare(t.Context())
	if s.log.String() != "" {
		t.Errorf("logged %s", s.log.String())
	}
	s.order("orders")
	if line := s.log.String(); !strings.Contains(line, `"level":"WARN"`) || !strings.Contains(line, `"unshared":["oauth: AccessDeniedException"]`) {
		t.Errorf("logged %s", line)
	}
}

// TestTableShowsNothing keeps tokens, secrets and names out of the table.
func TestTableShowsNothing(t *testing.T) {
	s := newSharer(t)
	s.instance()
	s.order("orders")
	seen := fmt.Sprint(s.table.Items())
	for _, word := range []string{"token-number", "canary", "client", "oauth", "dG9rZW4t"} {
		if strings.Contains(seen, word) {
			t.Errorf("the table has %s in %s", word, seen)
		}
	}
	if !strings.Contains(seen, "sealed") {
		t.Error("nothing is shared")
	}
	checkLog(t, s.log.String())
}
