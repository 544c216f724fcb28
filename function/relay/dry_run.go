package relay

import (
	"bytes"
	"io"
	"net/http"
	"net/url"

	"keyrelay/function/credential"
	"keyrelay/function/gateway"
	"keyrelay/function/plan"
	"keyrelay/function/upstream"
)

// dryRunDocument shows one outbound request.
type dryRunDocument struct {
	Method  string      `json:"method"`
	URL     string      `json:"url"`
	Headers http.Header `json:"headers"`
	Body    string      `json:"body"`
	// Destination is what the log calls it too: the name of its document.
	Destination string   `json:"destination"`
	Security    []string `json:"security"`
	// Dropped names the fields of the record that the body template leaves out.
	Dropped []string `json:"dropped,omitempty"`
}

// dryRun shows the outbound request instead of sending it, for a batch one entry
// for each record. No secret is fetched for it.
func dryRun(outbound *plan.Plan) *gateway.Response {
	var shown any
	if outbound.Batch != nil {
		shown = newDryRuns(outbound.Batch)
	} else {
		shown = newDryRun(outbound)
	}
	return &gateway.Response{
		Status: http.StatusOK,
		Header: ownHeader("application/json", madeByRelay),
		Body:   encodeJSON(shown),
	}
}

func newDryRuns(batch *plan.Batch) []any {
	shown := make([]any, batch.Len())
	for i := range shown {
		outbound, err := batch.Record(i)
		if err != nil {
			shown[i] = newProblemResult(err)
			continue
		}
		shown[i] = newDryRun(outbound)
	}
	return shown
}

func newDryRun(outbound *plan.Plan) dryRunDocument {
	shown := dryRunDocument{
		Method:      outbound.Method,
		Headers:     outbound.Header.Clone(),
		Destination: outbound.Destination.Name,
		Security:    []string{},
		Dropped:     outbound.Dropped,
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
	shown.URL = requestURL(&target)
	return shown
}

// requestURL writes the URL with the very bytes of the request line.
func requestURL(target *url.URL) string {
	return target.Scheme + "://" + target.Host + target.RequestURI()
}
