package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// A story sends sample events through the relay and prints what becomes of them.
type story struct {
	out    *printer
	events string
	// relay and api are the addresses of the relay and of the downstream.
	relay, api string
	downstream *downstream
}

// A chapter is one request of the story.
type chapter struct {
	title string
	// event is the name of the sample event whose record is sent.
	event string
	// path is where it is sent instead of where the event says; empty for there.
	path string
	// body is sent instead of the event's; empty for that one.
	body string
	// again says that the record was shown already.
	again bool
	// before happens first; nil for nothing.
	before func()
	// later says that the caller prefers to be answered before the record is delivered.
	later bool
}

// chapters are the story in order.
func (s *story) chapters() []chapter {
	const event, orders, shipments = "rest-post.json", "/shop/orders", "/depot/{depot}/shipments"
	return []chapter{
		{title: "A record's fields become query parameters, and the key is attached", event: event},
		{title: "An API with short-lived keys: one is retrieved first", event: event, path: orders, again: true},
		{title: "The key is kept: no retrieval", event: event, path: orders, again: true},
		{title: "The API takes its key back: a 401, another key, and the request once more", event: event, path: orders, again: true, before: s.downstream.revoke},
		{title: "The document says where fields go, and shapes the body", event: event, path: shipments, body: oneShipment},
		{title: "A batch is split, and the answer tells what became of each record", event: event, path: shipments, body: twoShipments},
		{title: "The API is down, and Prefer: respond-async: accepted now, delivered at the second try", event: event, path: shipments, body: oneShipment, again: true,
			before: s.downstream.breakDown, later: true},
	}
}

// The records that are shaped and split.
const (
	oneShipment  = `{"depot":"zh/1","customer":"c-42","region":"emea","id":12345678901234567890,"city":"Bern","weight":1.50}`
	twoShipments = `[{"depot":"zh/1","customer":"c-42","region":"emea","id":1,"city":"Bern","weight":2},` +
		`{"depot":"zh/1","customer":"c-43","region":"apac","id":2,"city":"Atlantis","weight":3}]`
)

// tell prints the whole story.
func (s *story) tell(ctx context.Context) error {
	for i, next := range s.chapters() {
		if next.before != nil {
			next.before()
		}
		s.out.title(fmt.Sprintf("%d  %s", i+1, next.title))
		if err := s.relayed(ctx, next); err != nil {
			return err
		}
	}
	return nil
}

// relayed sends one sample event and prints the record and its URL, what arrived downstream, and the answer.
func (s *story) relayed(ctx context.Context, told chapter) error {
	event, err := s.readEvent(told.event)
	if err != nil {
		return err
	}
	if told.path != "" {
		event.Headers[urlHeader] = "http://" + s.api + told.path
	}
	if told.body != "" {
		event.Body = told.body
	}
	if told.later {
		event.Headers["Prefer"] = "respond-async"
	}
	status, answer, err := s.post(ctx, event)
	if err != nil {
		return err
	}
	if !told.again {
		s.out.line("record", event.Body+"  "+queryFieldsHeader+": "+event.Headers[queryFieldsHeader]+"  "+urlHeader+": "+event.Headers[urlHeader])
	}
	if told.later {
		s.out.line("answer", status+"  "+strings.TrimSpace(string(answer)))
		return s.sent(ctx, true)
	}
	if err := s.sent(ctx, false); err != nil {
		return err
	}
	if told.path != "" {
		_, results, found := strings.Cut(string(answer), `"results":`)
		if found {
			answer = []byte("results: " + strings.TrimSuffix(results, "}"))
		}
		status += "  " + strings.TrimSpace(string(answer))
	}
	s.out.line("answer", status)
	return nil
}

// sent prints what arrived downstream, and waits for it where it arrives later.
func (s *story) sent(ctx context.Context, later bool) error {
	const pause = 20 * time.Millisecond
	lines := s.downstream.take()
	for later && len(lines) == 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
			lines = s.downstream.take()
		}
	}
	for i, line := range lines {
		s.out.line([]string{"sent", ""}[min(i, 1)], line)
	}
	return nil
}

// readEvent reads a REST API event and aims it at the downstream on this machine,
// which the sample events name as sam's container sees it.
func (s *story) readEvent(name string) (events.APIGatewayProxyRequest, error) {
	var event events.APIGatewayProxyRequest
	file := filepath.Join(s.events, name)
	text, err := os.ReadFile(file) // #nosec G304 -- one of the sample events
	if err != nil {
		return event, fmt.Errorf("the sample event %s is missing; run this from the project's folder", file)
	}
	if err := json.Unmarshal(text, &event); err != nil {
		return event, fmt.Errorf("the sample event %s is not an API Gateway event", file)
	}
	event.Headers[urlHeader] = strings.Replace(event.Headers[urlHeader], fmt.Sprintf("%s:%d", container, downstreamPort), s.api, 1)
	return event, nil
}

// post sends an event's record to the relay over HTTP, as a connector would, with the
// header fields that a caller chooses.
func (s *story) post(ctx context.Context, event events.APIGatewayProxyRequest) (string, []byte, error) {
	request, err := http.NewRequestWithContext(ctx, event.HTTPMethod, "http://"+s.relay+"/", strings.NewReader(event.Body))
	if err != nil {
		return "", nil, err
	}
	for name, value := range event.Headers {
		if canonical := http.CanonicalHeaderKey(name); canonical == "Content-Type" || canonical == "Prefer" || strings.HasPrefix(canonical, "X-Osmos-") || strings.HasPrefix(canonical, "X-Relay-") {
			request.Header.Set(name, value)
		}
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", nil, fmt.Errorf("the relay does not answer on %s", s.relay)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return answer.Status, body, err
}
