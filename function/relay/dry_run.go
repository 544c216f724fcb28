package relay

import (
	"bytes"
	"io"
	"net/http"

	"keyrelay/function/credential"
	"keyrelay/function/gateway"
	"keyrelay/function/plan"
	"keyrelay/function/rawjson"
	"keyrelay/function/upstream"
)

// dryRunDocument shows one outbound request.
type dryRunDocument struct {
	Method  string      `json:"method"`
	URL     string      `json:"url"`
	Headers http.Header `json:"headers"`
	Body    string      `json:"body"`
	// Destination is the name of its document, as in the log.
	Destination string   `json:"destination"`
	Security    []string `json:"security"`
	// Delivery is "later" where the record would be accepted now and delivered later.
	Delivery string `json:"delivery,omitempty"`
	// Dropped names the fields of the record that the body template leaves out.
	Dropped []string `json:"dropped,omitempty"`
}

// dryRun shows the outbound request instead of sending it, for a batch one entry
// for each record. No secret is fetched for it. deferred says that it would be sent later.
func dryRun(outbound *plan.Plan, deferred bool) *gateway.Response {
	response := &gateway.Response{Status: http.StatusOK, Header: ownHeader("application/json", madeByRelay)}
	if outbound.Batch != nil {
		response.Body = dryRuns(outbound.Batch, deferred)
	} else {
		response.Body = rawjson.Encode(newDryRun(outbound, deferred))
	}
	return response
}

// dryRuns is the JSON array of a batch's entries. It stops where it is too long to be sent:
// each record has all header fields of the request, so that little can become much.
func dryRuns(batch *plan.Batch, deferred bool) []byte {
	shown := []byte{'['}
	for i := 0; i < batch.Len() && len(shown) <= gateway.MaxAnswerBytes; i++ {
		if i > 0 {
			shown = append(shown, ',')
		}
		if outbound, err := batch.Record(i); err != nil {
			shown = append(shown, rawjson.Encode(newProblemResult(err))...)
		} else {
			shown = append(shown, rawjson.Encode(newDryRun(outbound, deferred))...)
		}
	}
	return append(shown, ']')
}

func newDryRun(outbound *plan.Plan, deferred bool) dryRunDocument {
	shown := dryRunDocument{
		Method:      outbound.Method,
		Headers:     outbound.Header.Clone(),
		Destination: outbound.Destination.Name,
		Security:    []string{},
		Dropped:     outbound.Dropped,
	}
	if deferred {
		shown.Delivery = "later"
	}
	target := *outbound.URL
	request := &http.Request{URL: &target, Header: shown.Headers}
	if request.Header["User-Agent"] == nil {
		request.Header["User-Agent"] = []string{upstream.UserAgent}
	}
	request.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(outbound.Body)), nil }
	credential.Redacted(outbound).Apply(request)
	if body, err := request.GetBody(); err == nil {
		content, _ := io.ReadAll(body) // from memory
		shown.Body = string(content)
	}
	for _, requirement := range outbound.Operation.Security {
		shown.Security = append(shown.Security, requirement.Scheme.Name)
	}
	shown.URL = target.Scheme + "://" + target.Host + target.RequestURI() // byte for byte as in the request line
	return shown
}
