package upstream

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"syscall"
	"time"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/secret"
)

// The limits of a connection.
const (
	connectTimeout = 10 * time.Second
	// maxHeaderBytes bounds an answer's header section together with all interim responses before it.
	maxHeaderBytes = 256 << 10
	// maxIdle is how long a connection is kept. Load balancers give up after 60 s (AWS
	// ALB) and address translation forgets after 350 s (AWS NAT gateway).
	maxIdle = 50 * time.Second
	// maxIdleConnections is more than one destination has calls under found.
	maxIdleConnections = 256
)

// A poolKey tells apart connections that must not be shared.
type poolKey struct {
	destination *destination.Destination
	// certified says that the connections present a client certificate.
	certified bool
	// auxiliary says that the connections are those of calls. What a token endpoint sends
	// behind its answer must not be read as the API's, and net/http can miss that it came.
	auxiliary bool
}

// A pool is the connections of one destination, for its requests or its calls.
type pool struct {
	transport *http.Transport
	// roots is the PEM text that the connections trust, nil for the system's.
	roots []byte
	// certificate is what the connections present, nil for nothing.
	certificate *tls.Certificate
}

// still reports whether the connections trust and present what they should.
func (p *pool) still(roots []byte, certificate *tls.Certificate) bool {
	return p != nil && p.certificate == certificate && bytes.Equal(p.roots, roots)
}

// pool returns the connections of a key that present a client certificate, nil for none;
// new ones where its roots or the certificate have changed. The error is a
// *gateway.Refusal with the reason secret.ErrUnavailable.
func (c *Client) pool(ctx context.Context, key poolKey, certificate *tls.Certificate) (*pool, error) {
	roots, err := c.roots(ctx, key.destination)
	if err != nil {
		return nil, err
	}
	key.certified = certificate != nil
	c.mutex.RLock()
	found := c.pools[key]
	c.mutex.RUnlock()
	if found.still(roots, certificate) {
		return found, nil
	}
	return c.newPool(key, roots, certificate)
}

// roots reads the PEM text of x-keyrelay-ca, nil if the document has none.
func (c *Client) roots(ctx context.Context, d *destination.Destination) ([]byte, error) {
	if d.CA == (destination.Reference{}) {
		return nil, nil
	}
	read, err := c.secrets.Value(ctx, d.CA)
	if err != nil {
		return nil, err
	}
	return read.Bytes(), nil
}

// newPool makes the connections that trust roots and present the certificate,
// unless another call just did.
func (c *Client) newPool(key poolKey, roots []byte, certificate *tls.Certificate) (*pool, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	old := c.pools[key]
	if old.still(roots, certificate) {
		return old, nil
	}
	config, err := tlsConfig(key.destination, roots)
	if err != nil {
		return nil, err
	}
	if certificate != nil {
		config.Certificates = []tls.Certificate{*certificate}
	}
	made := &pool{
		transport:   newTransport(c.guards[key.destination.Network], config),
		roots:       bytes.Clone(roots),
		certificate: certificate,
	}
	c.pools[key] = made
	if old != nil {
		old.transport.CloseIdleConnections()
	}
	return made, nil
}

// tlsConfig returns the TLS side of a destination's connections.
func tlsConfig(d *destination.Destination, roots []byte) (*tls.Config, error) {
	config := &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"http/1.1"},
		// A function that was frozen connects anew often; a resumed session is cheaper.
		ClientSessionCache: tls.NewLRUClientSessionCache(16),
	}
	if d.CA == (destination.Reference{}) {
		return config, nil
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(secret.PEM(string(roots), "CERTIFICATE")) {
		return nil, &gateway.Refusal{
			Reason: secret.ErrUnavailable,
			Detail: "The secret " + d.CA.Public() + ", which x-keyrelay-ca of " + d.Name +
				" names, holds no certificate. Store the roots there as PEM text (-----BEGIN CERTIFICATE-----).",
		}
	}
	return config, nil
}

// A dialFunc makes a connection, as http.Transport asks for one.
type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// newTransport returns connections that are guarded and do nothing by themselves:
// no proxy, no HTTP/2, no decompression.
func newTransport(guard guard, config *tls.Config) *http.Transport {
	secured := newDial(guard.control)
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		DialContext: early(watched(newDial(guard.controlClear))),
		DialTLSContext: early(watched(func(ctx context.Context, network, address string) (net.Conn, error) {
			return dialTLS(ctx, network, address, secured, config)
		})),
		Protocols:              protocols,
		DisableCompression:     true,
		MaxIdleConns:           maxIdleConnections,
		MaxIdleConnsPerHost:    maxIdleConnections,
		IdleConnTimeout:        maxIdle,
		MaxResponseHeaderBytes: maxHeaderBytes,
	}
}

// newDial makes connections to addresses that pass a control.
func newDial(control func(network, address string, raw syscall.RawConn) error) dialFunc {
	dialer := &net.Dialer{Timeout: connectTimeout, Control: control}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		made, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return newConnection(made), nil
	}
}

// watched makes connections whose answers' heads are looked at.
func watched(dial dialFunc) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		made, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &headConnection{Conn: made}, nil
	}
}

// A handshakeError is an error of the TLS handshake, after the connection was made.
type handshakeError struct{ error }

// Unwrap makes errors.Is and errors.As see the error itself.
func (e handshakeError) Unwrap() error { return e.error }

// dialTLS does what http.Transport does by itself, but its errors say that it was the handshake that failed.
func dialTLS(ctx context.Context, network, address string, dial dialFunc, config *tls.Config) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	plain, err := dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	config = config.Clone()
	config.ServerName = host
	secured := tls.Client(plain, config)
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	if err := secured.HandshakeContext(ctx); err != nil {
		plain.Close()
		return nil, handshakeError{err}
	}
	return secured, nil
}
