// Package upstream sends one plan with one credential and bounds what comes
// back: dial guard, limits, header rules and deadlines.
package upstream

import (
	"context"
	"errors"
	"net/http"

	"keyrelay/function/credential"
	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/plan"
)

// The reasons for which a downstream has no answer to give. Each stands for one
// error type of RFC 9209 section 2.3.
var (
	ErrProhibited        = errors.New("destination_ip_prohibited")
	ErrDNS               = errors.New("dns_error")
	ErrRefused           = errors.New("connection_refused")
	ErrTerminated        = errors.New("connection_terminated")
	ErrConnectionTimeout = errors.New("connection_timeout")
	ErrTLS               = errors.New("tls_protocol_error")
	ErrCertificate       = errors.New("tls_certificate_error")
	ErrAnswerTooLarge    = errors.New("http_response_body_size")
	ErrAnswerIncomplete  = errors.New("http_response_incomplete")
	ErrAnswerBroken      = errors.New("http_protocol_error")
	ErrTimeout           = errors.New("http_response_timeout")
)

// Config says what a Client is made with.
type Config struct {
	// Secret reads the PEM roots of x-keyrelay-ca and client certificates.
	Secret func(context.Context, destination.Reference) (credential.Secret, error)
}

// A Client sends plans. It is safe for concurrent use.
type Client struct{}

// New returns a Client without connections.
func New(config Config) *Client { panic("to come") }

// Send sends one plan. The answer's body has been read whole; its header holds end-to-end fields only.
func (c *Client) Send(ctx context.Context, outbound *plan.Plan, held *credential.Credential) (*gateway.Response, error) {
	panic("to come")
}

// HTTPClient returns the guarded client for calls besides the outbound one: retrieval, introspection, key sets.
func (c *Client) HTTPClient(d *destination.Destination) *http.Client { panic("to come") }

// Close closes idle connections.
func (c *Client) Close() { panic("to come") }
