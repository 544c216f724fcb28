// Package upstream sends one plan with one credential and bounds what comes back:
// dial guard, limits, header rules and deadlines.
//
//	client := upstream.New(upstream.Config{Secret: store.Secret})
//	defer client.Close()
//	response, err := client.Send(ctx, outbound, held)
//
// Every destination has connections of its own: HTTP/1.1, TLS 1.2 or later, no
// proxy, no redirects, no cookies, no decompression. Each address is checked
// after DNS and before connecting, against what the destination's document opens.
//
// A request is delivered at most once unless it is a GET: where a kept connection
// turns out dead a GET is sent again on another one, any other request only if
// none of its bytes was written.
//
// Limits: an answer's body is at most gateway.MaxAnswerBytes, its header section
// at most 256 KB including interim responses; a connection is made within 10 s.
package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"sync"

	"keyrelay/function/credential"
	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/plan"
)

// The reasons for which a downstream has no answer to give. Each stands for one
// error type of RFC 9209 section 2.3, which is its text.
var (
	ErrProhibited        = errors.New("destination_ip_prohibited")
	ErrUnroutable        = errors.New("destination_ip_unroutable")
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

// UserAgent is sent where the caller sent no User-Agent of its own.
const UserAgent = "keyrelay"

// Config says what a Client is made with.
type Config struct {
	// Secret reads the PEM roots of x-keyrelay-ca and client certificates. It is
	// called for each request to a destination that names such a secret, so it
	// should have a cache. A Client whose destinations name none may leave it nil.
	Secret func(context.Context, destination.Reference) (credential.Secret, error)
}

// A Client sends plans. It is safe for concurrent use.
type Client struct {
	config    Config
	guards    [3]guard // by destination.Network
	userAgent []string

	mutex   sync.RWMutex
	routes  map[routeKey]*route
	clients map[*destination.Destination]*http.Client
}

// New returns a Client without connections.
func New(config Config) *Client {
	return &Client{
		config:    config,
		guards:    [...]guard{newGuard(destination.Public), newGuard(destination.Private), newGuard(destination.Loopback)},
		userAgent: []string{UserAgent},
		routes:    map[routeKey]*route{},
		clients:   map[*destination.Destination]*http.Client{},
	}
}

// Send sends one plan with one credential, nil for none, and reads the answer
// whole. The answer's header holds end-to-end fields only, without Content-Length;
// redirects and errors of the downstream are answers like any other.
//
// The call ends with ctx, whose deadline is the caller's to set.
// The error is a *gateway.Refusal whose reason is a sentinel of this room,
// credential.ErrSecretUnavailable where the destination's roots cannot be had, or
// context.Canceled where the caller left and nobody waits for an answer.
//
// Send owns the plan's Header: it holds the credential afterwards, and net/http may
// still be reading it when a downstream answers before it has read the request. To
// send a plan once more, give it a clone of its Header first.
func (c *Client) Send(ctx context.Context, outbound *plan.Plan, held *credential.Credential) (*gateway.Response, error) {
	way, err := c.route(ctx, outbound.Destination, certificateOf(held))
	if err != nil {
		return nil, err
	}
	var call exchange
	answer, err := way.roundTrip(call.request(ctx, outbound, held, c.userAgent))
	if err != nil {
		return nil, fault(ctx, outbound.Destination, outbound.URL.Hostname(), err)
	}
	defer answer.Body.Close()
	if err := call.receive(answer); err != nil {
		return nil, fault(ctx, outbound.Destination, outbound.URL.Hostname(), err)
	}
	return &call.response, nil
}

// certificateOf is the client certificate that the credential holds, nil for none.
func certificateOf(held *credential.Credential) *tls.Certificate {
	if held == nil {
		return nil
	}
	return held.ClientCertificate()
}

// HTTPClient returns the guarded client for calls besides the outbound one:
// retrieval, introspection, key sets. It follows no redirect and gives up after the
// destination's AuxiliaryTimeout. The error of a call wraps a *gateway.Refusal, as
// from Send, unless the time was up.
func (c *Client) HTTPClient(d *destination.Destination) *http.Client {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	client, ok := c.clients[d]
	if !ok {
		client = &http.Client{
			Transport:     roundTripper{client: c, destination: d},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Timeout:       d.AuxiliaryTimeout,
		}
		c.clients[d] = client
	}
	return client
}

// Close closes idle connections. The Client stays usable.
func (c *Client) Close() {
	c.mutex.RLock()
	defer c.mutex.RUnlock()
	for _, way := range c.routes {
		way.transport.CloseIdleConnections()
	}
}

// A roundTripper sends an auxiliary call on the connections of its destination.
type roundTripper struct {
	client      *Client
	destination *destination.Destination
}

// RoundTrip implements http.RoundTripper.
func (r roundTripper) RoundTrip(request *http.Request) (*http.Response, error) {
	way, err := r.client.route(request.Context(), r.destination, nil)
	if err != nil {
		if request.Body != nil {
			request.Body.Close()
		}
		return nil, err
	}
	answer, err := way.roundTrip(request)
	if err != nil {
		return nil, fault(request.Context(), r.destination, request.URL.Hostname(), err)
	}
	if answer.StatusCode == http.StatusSwitchingProtocols {
		answer.Body.Close()
		return nil, fault(request.Context(), r.destination, request.URL.Hostname(), errSwitched)
	}
	return answer, nil
}
