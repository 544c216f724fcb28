package relay

import (
	"context"
	"encoding/json"
	"net/http"

	"keyrelay/function/cache"
	"keyrelay/function/gateway"
	"keyrelay/function/later"
	"keyrelay/function/plan"
)

// acceptedDocument is the answer to what is delivered later.
type acceptedDocument struct {
	// ID is that of a record's message.
	ID string `json:"id,omitempty"`
	// IDs are those of a batch's records, in their order, without those that were not accepted.
	IDs []string `json:"ids,omitzero"`
	// Results say what became of each record, where one has no valid session.
	Results json.RawMessage `json:"results,omitempty"`
}

// newAccepted says that what is delivered later was accepted (RFC 7240 section 4.1).
func newAccepted(document acceptedDocument) *gateway.Response {
	header := ownHeader("application/json", madeByRelay)
	header["Preference-Applied"] = []string{"respond-async"}
	return &gateway.Response{Status: http.StatusAccepted, Header: header, Body: encodeJSON(document)}
}

// accept queues a record to be delivered later.
func (r *Relay) accept(ctx context.Context, request *gateway.Request, outbound *plan.Plan, entry *logEntry) (*gateway.Response, error) {
	message, err := newMessage(request, outbound)
	if err != nil {
		return nil, err
	}
	text, err := message.Encode()
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithDeadline(ctx, entry.limit)
	defer cancel()
	if err := r.config.Queue.Send(limited, later.Sealed{Body: text, Group: outbound.Destination.Name}); err != nil {
		return nil, err
	}
	entry.queued = 1
	return newAccepted(acceptedDocument{ID: message.ID}), nil
}

// newMessage makes the message of a record that was planned and whose session was
// checked. A record of a batch has the Idempotency-Key that it has when it is sent at once.
func newMessage(request *gateway.Request, outbound *plan.Plan) (*later.Message, error) {
	header, err := plan.Kept(request.Header)
	if err != nil {
		return nil, err
	}
	if outbound.BatchKey != "" {
		header["Idempotency-Key"] = []string{outbound.BatchKey}
	}
	return &later.Message{
		ID: later.NewID(), Accepted: cache.Now().UTC(), Caller: request.Caller, RequestID: request.ID,
		Method: request.Method, Header: header, Body: outbound.Record,
	}, nil
}

// enqueue queues the records of a batch, and notes of each what became of it.
func (b *batchRun) enqueue(ctx context.Context) {
	var sealed []later.Sealed
	var indexes []int
	for i, message := range b.messages {
		if message == nil {
			continue
		}
		text, err := message.Encode()
		if err != nil {
			b.deliveries[i].err = err
			continue
		}
		sealed, indexes = append(sealed, later.Sealed{Body: text, Group: b.group}), append(indexes, i)
	}
	limited, cancel := context.WithDeadline(ctx, b.entry.limit)
	defer cancel()
	for at, err := range b.relay.config.Queue.SendAll(limited, sealed) {
		made := &b.deliveries[indexes[at]]
		if made.err = err; err == nil {
			made.result = result{status: http.StatusAccepted, contentType: "application/json", body: encodeJSON(acceptedDocument{ID: b.messages[indexes[at]].ID})}
			b.entry.queued++
		}
	}
}

// accepted answers for a batch of which every record was queued, those without a valid session excepted.
func (b *batchRun) accepted() *gateway.Response {
	document := acceptedDocument{IDs: []string{}}
	for i := range b.deliveries {
		if b.deliveries[i].accepted() {
			document.IDs = append(document.IDs, b.messages[i].ID)
		} else {
			document.Results = appendResults(b.deliveries, false)
		}
	}
	return newAccepted(document)
}
