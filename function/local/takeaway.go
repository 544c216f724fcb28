package main

import (
	"net/url"
	"strings"
)

// A takeaway is a trial as other programs take it.
type takeaway struct {
	// Headers are what is to be typed into a connector.
	Headers []headerLine
	Method  string
	Record  string
	Curl    string
	Event   string
	// Container is what the event calls this machine; empty where it is not about it.
	Container string
}

// container is this machine as a container of sam local reaches it.
const container = "host.docker.internal"

// maxTaken is the longest record that is written into a command and an event: what is
// longer no one pastes.
const maxTaken = 64 << 10

// takeAway writes a trial for a connector, for curl and for sam; relay is the address here.
func (t trial) takeAway(relay string) takeaway {
	made := takeaway{Headers: t.headers(), Method: t.Method}
	if len(t.Record) > maxTaken {
		t.Record = ""
	}
	made.Record, made.Curl, made.Event = t.Record, t.curl(relay), t.event()
	if fromContainer(t.URL) != t.URL {
		made.Container = container
	}
	return made
}

// curl writes the command for a POSIX shell.
func (t trial) curl(relay string) string {
	var text strings.Builder
	text.WriteString("curl -sS -X " + t.Method + " http://" + relay + "/")
	for _, line := range t.headers() {
		text.WriteString(" \\\n  -H " + quoteShell(line.Name+": "+line.Value))
	}
	if t.Record != "" {
		text.WriteString(" \\\n  --data-raw " + quoteShell(t.Record))
	}
	return text.String()
}

// quoteShell writes a text as one word of a POSIX shell.
func quoteShell(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// event writes the trial as API Gateway hands it to the function, as far as the relay
// reads it (payload format 1.0). In sam's container this machine has another name.
func (t trial) event() string {
	headers, many := map[string]string{}, map[string][]string{}
	for _, line := range t.headers() {
		value := line.Value
		if line.Name == urlHeader {
			value = fromContainer(value)
		}
		headers[line.Name] = value
		many[line.Name] = append(many[line.Name], value)
	}
	var body any // null without a record
	if t.Record != "" {
		body = t.Record
	}
	return encodeJSON(struct {
		Resource        string              `json:"resource"`
		Path            string              `json:"path"`
		Method          string              `json:"httpMethod"`
		Headers         map[string]string   `json:"headers"`
		ManyHeaders     map[string][]string `json:"multiValueHeaders"`
		RequestContext  map[string]string   `json:"requestContext"`
		Body            any                 `json:"body"`
		IsBase64Encoded bool                `json:"isBase64Encoded"`
	}{"/", "/", t.Method, headers, many, map[string]string{"stage": "relay", "path": "/relay", "requestId": "from-the-workbench", "httpMethod": t.Method}, body, false}, "  ") + "\n"
}

// fromContainer names this machine as a container does.
func fromContainer(address string) string {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Hostname() != "127.0.0.1" && parsed.Hostname() != "localhost" {
		return address
	}
	return strings.Replace(address, parsed.Hostname(), container, 1)
}
