package relay

import (
	"bytes"
	"encoding/json"
	"strconv"

	"keyrelay/function/gateway"
)

// problemResult tells in a batch that a record has a problem of its own.
type problemResult struct {
	Problem problemDocument `json:"problem"`
}

func problemResultOf(err error) problemResult {
	problem, _ := problemOf(err)
	return problemResult{documentOf(problem, refusalOf(err))}
}

// appendResults writes the JSON array that tells what became of each record.
func appendResults(out []byte, deliveries []delivery, withBodies bool) []byte {
	out = append(out, '[')
	for i := range deliveries {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendResult(out, &deliveries[i], withBodies)
	}
	return append(out, ']')
}

func appendResult(out []byte, made *delivery, withBody bool) []byte {
	switch {
	case made.status > 0:
		out = append(out, `{"status":`...)
		out = strconv.AppendInt(out, int64(made.status), 10)
		if withBody {
			out = appendBody(append(out, `,"body":`...), made.body)
		}
		return append(out, '}')
	case made.err != nil:
		return append(out, encodeJSON(problemResultOf(made.err))...)
	}
	return append(out, `{"sent":false}`...)
}

// appendBody writes a downstream's body: as it is where it is JSON, else as a text.
func appendBody(out, body []byte) []byte {
	if json.Valid(body) {
		return append(out, bytes.TrimSpace(body)...)
	}
	return append(out, encodeJSON(string(body))...)
}

// incompleteJSON is the problem of a batch, with the results behind its other members.
func incompleteJSON(problem Problem, results []byte) []byte {
	const detail = "Not every record was accepted. results has one entry for each record in its order: the API's status, a problem, or sent: false where no time was left. Mend those with a 4xx status or a problem, and send again only what was not accepted."
	document := encodeJSON(documentOf(problem, &gateway.Refusal{Detail: detail}))
	out := make([]byte, 0, len(document)+len(results)+len(`,"results":}`))
	out = append(out, document[:len(document)-1]...)
	out = append(out, `,"results":`...)
	out = append(out, results...)
	return append(out, '}')
}
