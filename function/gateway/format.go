package gateway

// A format is the shape of the answer that the caller's door expects.
type format int

const (
	// overHTTP is an answer of net/http: nothing is encoded.
	overHTTP format = iota
	// payloadV1 is the payload format 1.0 of API Gateway REST APIs.
	payloadV1
	// payloadV2 is the payload format 2.0 of HTTP APIs and Lambda function URLs.
	payloadV2
)

// maxGrowth is how many times longer a body can get in a JSON string: a control
// character becomes \u00XX.
const maxGrowth = 6

// Fits reports whether the response, as encoded for the door that this request
// came through, is at most MaxAnswerBytes long.
func (r *Request) Fits(response *Response) bool {
	if r.format == overHTTP {
		return len(response.Body) <= MaxAnswerBytes
	}
	head := r.format.headSize(response)
	if head+maxGrowth*len(response.Body)+len("false") <= MaxAnswerBytes {
		return true
	}
	return head+measureBody(response.Body).size <= MaxAnswerBytes
}
