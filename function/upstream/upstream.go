// Package upstream sends one plan with one credential and bounds what comes back. It
// has the dial guard, limits, header rules and deadlines.
//
//	client := upstream.New(secrets)
//	defer client.Close()
//	response, err := client.Send(ctx, outbound, credential.Apply, credential.Certificate(), nil)
//
// Every destination has its own connections: HTTP/1.1, TLS 1.2 or later, no
// proxy, no redirects, no cookies. Each address is checked after DNS and before
// connecting: the destination's document must open its network. An answer is
// decompressed, though no request asks for gzip or deflate: it could hold a
// credential unseen.
//
// A request is delivered at most once unless it is a GET. If a kept connection turns out
// to be dead, a GET is sent again on another one, any other request only if none of its
// bytes was written.
//
// Limits: an answer's body is at most gateway.MaxAnswerBytes, its header section
// at most 256 KB including interim responses, of 1,000 fields; a connection is made within 10 s.
package upstream

import (
	"errors"
	"sync"

	"keyrelay/function/destination"
	"keyrelay/function/secret"
)

// The reasons why there is no answer from a downstream. The text of each is an error type
// of RFC 9209 section 2.3.
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

// UserAgent is sent if the caller sent no User-Agent.
const UserAgent = "keyrelay"

// A Client sends plans, and makes the auxiliary calls that credentials and checks need. It
// is safe for concurrent use.
type Client struct {
	// secrets holds the PEM roots of x-keyrelay-ca. They are asked for at each request
	// to a destination that names some.
	secrets   *secret.Store
	guards    [3]guard // by destination.Network
	userAgent []string

	mutex sync.RWMutex
	pools map[poolKey]*pool
}

// New returns a Client without connections.
func New(secrets *secret.Store) *Client {
	return &Client{
		secrets:   secrets,
		guards:    [...]guard{newGuard(destination.Public), newGuard(destination.Private), newGuard(destination.Loopback)},
		userAgent: []string{UserAgent},
		pools:     map[poolKey]*pool{},
	}
}

// Close closes idle connections. The Client stays usable.
func (c *Client) Close() {
	c.mutex.RLock()
	defer c.mutex.RUnlock()
	for _, pool := range c.pools {
		pool.transport.CloseIdleConnections()
	}
}
