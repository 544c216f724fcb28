package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-lambda-go/events"
)

// A story sends sample events through the relay and prints what becomes of them.
type story struct {
	out        io.Writer
	events     string
	downstream *downstream
}

// A chapter is one request of the story.
type chapter struct {
	title string
	// event is the name of the sample event whose record is sent.
	event string
	// outbound is where it is sent instead of where the event says; empty for there.
	outbound string
	// body is sent instead of the event's; empty for that one.
	body string
	// again says that the record was shown already.
	again bool
	// before happens first; nil for nothing.
	before func()
}

// chapters are the story in order.
func (s *story) chapters() []chapter {
	const event, orders, shipments = "rest-post.json", "http://" + downstreamAddress + "/shop/orders", "http://" + downstreamAddress + "/depot/{depot}/shipments"
	return []chapter{
		{title: "A record's fields become query parameters, and the key is attached", event: event},
		{title: "An API with short-lived keys: one is retrieved first", event: event, outbound: orders},
		{title: "The key is kept: no retrieval", event: event, outbound: orders, again: true},
		{title: "The API takes its key back: a 401, another key, and the request once more", event: event, outbound: orders, again: true, before: s.downstream.revoke},
		{title: "The document says where fields go, and shapes the body", event: event, outbound: shipments, body: oneShipment},
		{title: "A batch is split into one request each, and the answer tells what became of them", event: event, outbound: shipments, body: twoShipments},
	}
}

// The records that are shaped and split.
const (
	oneShipment  = `{"depot":"zh/1","customer":"c-42","region":"emea","id":12345678901234567890,"city":"Bern","weight":1.50}`
	twoShipments = `[{"depot":"zh/1","customer":"c-42","region":"emea","id":1,"city":"Bern","weight":2},` +
		`{"depot":"zh/1","customer":"c-43","region":"apac","id":2,"city":"Atlantis","weight":3}]`
)

// tell prints the whole story and a command to go on with.
func (s *story) tell(ctx context.Context) error {
	for _, next := range s.chapters() {
		if next.before != nil {
			next.before()
		}
		if err := s.relayed(ctx, next); err != nil {
			return err
		}
	}
	fmt.Fprintf(s.out, "\nkeyrelay serves on http://%s until Ctrl-C. Try it by hand:\n\n%s\n\n", relayAddress, tryCommand)
	return nil
}

// tryCommand is a request to send by hand. It works pasted as it is.
const tryCommand = `curl -sS http://` + relayAddress + `/ -H 'Content-Type: application/json' ` +
	`-H 'X-Osmos-Outbound-Url: http://` + downstreamAddress + `/post' -H 'X-Osmos-Query-Param-Fields: customer' ` +
	`-d '{"customer":"c-42","amount":19.90}'`

// relayed sends one sample event and prints the record, what arrived downstream, and the answer.
func (s *story) relayed(ctx context.Context, told chapter) error {
	event, err := readEvent(filepath.Join(s.events, told.event))
	if err != nil {
		return err
	}
	if told.outbound != "" {
		event.Headers["X-Osmos-Outbound-Url"] = told.outbound
	}
	if told.body != "" {
		event.Body = told.body
	}
	status, answer, err := post(ctx, event)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "\n== %s ==\n", told.title)
	if !told.again {
		s.print(told.source(), callerText(event))
	}
	requests, lines := s.downstream.take()
	for _, outbound := range requests {
		s.print("the outbound request as it arrived downstream", outbound)
	}
	if len(lines) > 0 {
		s.print("what arrived downstream", strings.Join(lines, "\n"))
	}
	s.print("the answer", fmt.Sprintf("%s\n%s", status, answer))
	return nil
}

// source says where the record is from.
func (c chapter) source() string {
	if c.body != "" {
		return "the record as it came"
	}
	return "the record as it came (events/" + c.event + ")"
}

func (s *story) print(title, text string) {
	fmt.Fprintf(s.out, "\n-- %s --\n%s\n", title, strings.TrimRight(text, "\n"))
}

// readEvent reads a REST API event and aims it at the downstream on this machine,
// which the sample events name as sam's container sees it.
func readEvent(file string) (events.APIGatewayProxyRequest, error) {
	var event events.APIGatewayProxyRequest
	text, err := os.ReadFile(file)
	if err != nil {
		return event, fmt.Errorf("the sample event %s is missing; run this from the project's folder", file)
	}
	if err := json.Unmarshal(text, &event); err != nil {
		return event, fmt.Errorf("the sample event %s is not an API Gateway event", file)
	}
	outbound := event.Headers["X-Osmos-Outbound-Url"]
	event.Headers["X-Osmos-Outbound-Url"] = strings.Replace(outbound, "http://host.docker.internal:"+downstreamPort, "http://"+downstreamAddress, 1)
	return event, nil
}

// callerHeaders are the header fields of an event that a caller chooses.
func callerHeaders(event events.APIGatewayProxyRequest) http.Header {
	header := make(http.Header)
	for name, value := range event.Headers {
		if canonical := http.CanonicalHeaderKey(name); canonical == "Content-Type" || strings.HasPrefix(canonical, "X-Osmos-") || strings.HasPrefix(canonical, "X-Relay-") {
			header.Set(name, value)
		}
	}
	return header
}

func callerText(event events.APIGatewayProxyRequest) string {
	var text bytes.Buffer
	text.WriteString(event.HTTPMethod + " /\n")
	_ = callerHeaders(event).Write(&text)
	return strings.ReplaceAll(text.String(), "\r\n", "\n") + "\n" + event.Body
}

// post sends an event's record to the relay over HTTP, as a connector would.
func post(ctx context.Context, event events.APIGatewayProxyRequest) (string, []byte, error) {
	request, err := http.NewRequestWithContext(ctx, event.HTTPMethod, "http://"+relayAddress+"/", strings.NewReader(event.Body))
	if err != nil {
		return "", nil, err
	}
	request.Header = callerHeaders(event)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", nil, fmt.Errorf("the relay does not answer on %s", relayAddress)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return answer.Status, body, err
}
