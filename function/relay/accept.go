package relay

import (
	"context"
	"encoding/json"
	"net/http"

	"keyrelay/function/cache"
	"keyrelay/function/gateway"
	"keyrelay/function/later"
	"keyrelay/function/plan"
	"keyrelay/function/rawjson"
)

// acceptedDocument is the answer to what is delivered later.
type acceptedDocument struct {
	// ID is that of a record's message.
	ID string `json:"id,omitempty"`
	// IDs are those of a batch's records in their order, without the records that were not accepted.
	IDs []string `json:"ids,omitzero"`
	// Results say what became of each record, where one has no valid session.
	Results json.RawMessage `json:"results,omitempty"`
}

// newAccepted says that what is delivered later was accepted (RFC 7240 section 4.1).
func newAccepted(document acceptedDocument) *gateway.Response {
	header := ownHeader("application/json", madeByRelay)
	header["Preference-Applied"] = []string{"respond-async"}
	return &gateway.Response{Status: http.StatusAccepted, Header: header, Body: rawjson.Encode(document)}
}

// accept queues a record to be delivered later.
func (r *Relay) accept(ctx context.Context, request *gateway.Request, outbound *plan.Plan, entry *logEntry) (*gateway.Response, error) {
	header, err := plan.Kept(request.Header)
	if err != nil {
		return nil, err
	}
	if len(outbound.Record) != len(request.Body) {
		gateway.DeleteDigests(header)
	}
	message := newMessage(request, header, outbound)
	// It goes on where the caller leaves, who would not know whether the record was accepted.
	limited, cancel := context.WithDeadline(context.WithoutCancel(ctx), entry.limit)
	defer cancel()
	if err := r.config.Queue.Send(limited, outbound.Destination.Name, message); err != nil {
		return nil, err
	}
	entry.queued = 1
	return newAccepted(acceptedDocument{ID: message.ID}), nil
}

// newMessage makes the message of a record that was planned and whose session was
// checked. A record of a batch has the Idempotency-Key that it has when it is sent at once.
func newMessage(request *gateway.Request, header http.Header, outbound *plan.Plan) *later.Message {
	return &later.Message{
		ID: later.NewID(), Accepted: cache.Now().UTC(), Caller: request.Caller, RequestID: request.ID,
		Method: request.Method, Header: header, Key: outbound.BatchKey, Body: outbound.Record,
	}
}

// enqueue queues the records of a batch, and notes of each what became of it.
func (b *batchRun) enqueue(ctx context.Context, group string) {
	limited, cancel := context.WithDeadline(context.WithoutCancel(ctx), b.entry.limit)
	defer cancel()
	for i, err := range b.relay.config.Queue.SendAll(limited, group, b.messages) {
		if b.messages[i] == nil {
			continue
		}
		made := &b.deliveries[i]
		if made.err = err; err == nil {
			made.result = result{status: http.StatusAccepted, contentType: "application/json", body: rawjson.Encode(acceptedDocument{ID: b.messages[i].ID})}
			b.entry.queued++
		}
	}
}

// accepted answers for a batch of which every record with a valid session was queued.
func (b *batchRun) accepted() *gateway.Response {
	document := acceptedDocument{IDs: []string{}}
	for i := range b.deliveries {
		if b.deliveries[i].accepted() {
			document.IDs = append(document.IDs, b.messages[i].ID)
		}
	}
	if len(document.IDs) < len(b.deliveries) {
		document.Results = appendResults(b.deliveries, false)
	}
	return newAccepted(document)
}
