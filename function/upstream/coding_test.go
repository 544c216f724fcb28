package upstream_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"keyrelay/function/gateway"
	"keyrelay/function/upstream"
)

// emptyMembers is a text in gzip that is long and stands for nothing.
func emptyMembers(length int) string {
	member := string(zipped(""))
	return strings.Repeat(member, length/len(member)+1)
}

// serveCoded serves a body in some codings.
func serveCoded(t *testing.T, coding string, body string) string {
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", coding)
		_, _ = w.Write([]byte(body))
	}).URL
}

// TestCodedBound sees that a small answer cannot stand for a coded text without an end.
func TestCodedBound(t *testing.T) {
	for coding, code := range map[string]func(string) string{
		"gzip":          func(text string) string { return text },
		"gzip, gzip":    func(text string) string { return string(zipped(text)) },
		"gzip, deflate": func(text string) string { return string(deflated(text, false)) },
	} {
		for length, reason := range map[int]error{gateway.MaxAnswerBytes: nil, 5 * gateway.MaxAnswerBytes: upstream.ErrAnswerTooLarge} {
			response, err := send(t, newPlan(t, onLoopback(), "GET", serveCoded(t, coding, code(emptyMembers(length))), ""))
			if reason != nil {
				mustRefuse(t, err, reason)
			} else if err != nil || len(response.Body) > 0 {
				t.Errorf("%s of %d bytes: %v, %v", coding, length, response, err)
			}
		}
		_, err := get(t, newClient(t, nil), onLoopback(), serveCoded(t, coding, code(emptyMembers(5<<10))))
		mustRefuse(t, err, upstream.ErrAnswerTooLarge)
	}
}

// TestCodingCount refuses more codings than are undone.
func TestCodingCount(t *testing.T) {
	thrice := string(zipped(string(zipped(string(zipped("text"))))))
	_, err := send(t, newPlan(t, onLoopback(), "GET", serveCoded(t, "gzip, gzip, gzip", thrice), ""))
	mustRefuse(t, err, upstream.ErrAnswerBroken)
}

// An endingContext is over once it was asked often enough, and wakes nobody who waits.
type endingContext struct {
	context.Context
	left atomic.Int32
}

func (c *endingContext) Err() error {
	if c.left.Add(-1) < 0 {
		return context.DeadlineExceeded
	}
	return nil
}

// TestCodedDeadline sees that the decoding of an answer that is all there ends with the call.
func TestCodedDeadline(t *testing.T) {
	for coding, body := range map[string]string{"gzip": emptyMembers(5 << 20), "gzip, gzip": string(zipped(emptyMembers(5 << 20)))} {
		ctx := &endingContext{Context: context.Background()}
		ctx.left.Store(100)
		_, err := newClient(t, nil).Send(ctx, newPlan(t, onLoopback(), "GET", serveCoded(t, coding, body), ""), nil, nil, nil)
		mustRefuse(t, err, upstream.ErrTimeout)
	}
}
