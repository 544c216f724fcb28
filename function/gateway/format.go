package gateway

import (
	"net/http"

	"github.com/aws/aws-lambda-go/lambda"
)

// A format is the shape of the answer that the caller's door expects.
type format int

// Fits reports whether the response, as encoded for the door that this request
// came through, is at most MaxAnswerBytes long.
func (r *Request) Fits(response *Response) bool { panic("to come") }

// Lambda returns the handler for lambda.Start. It takes events of API Gateway
// REST APIs, HTTP APIs and Lambda function URLs, and never returns an error.
func Lambda(handle Handler) lambda.Handler { panic("to come") }

// HTTP returns the handler for a plain HTTP port.
func HTTP(handle Handler) http.Handler { panic("to come") }
