package upstream

import (
	"context"
	"net"
	"net/http"
	"net/url"

	"keyrelay/function/destination"
)

// Connect makes a connection to a server of a destination that has none yet, and keeps it
// for the next request. It sends nothing but the TLS handshake, and ends with ctx. It
// returns no error, because the next request will meet the same one.
func (c *Client) Connect(ctx context.Context, d *destination.Destination, server *url.URL) {
	pool, err := c.pool(ctx, poolKey{destination: d}, nil)
	if err != nil {
		return
	}
	// net/http goes on connecting where the request that needed a connection has ended,
	// and keeps the connection for the next (Transport.getConn). So there is a request
	// that ends when connecting begins, before anything of it could be sent.
	made := &earlyConnection{limit: ctx, begun: make(chan struct{}), ended: make(chan struct{}), done: make(chan struct{})}
	ctx, made.end = context.WithCancel(context.WithValue(ctx, earlyKey{}, made))
	defer made.end()
	request := &http.Request{Method: http.MethodGet, URL: server, Header: http.Header{}}
	answer, err := pool.transport.RoundTrip(request.WithContext(ctx))
	if err == nil {
		_ = answer.Body.Close()
	}
	close(made.ended)
	select {
	case <-made.begun:
		<-made.done
	default:
	}
}

// An earlyKey is the key of an *earlyConnection among the values of a context.
type earlyKey struct{}

// An earlyConnection is a connection that is made before a request needs it.
type earlyConnection struct {
	// limit bounds the making.
	limit context.Context
	// end ends the request.
	end                context.CancelFunc
	begun, ended, done chan struct{}
}

// early ends the request for which an early connection is made, before it is made.
func early(dial dialFunc) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		made, ok := ctx.Value(earlyKey{}).(*earlyConnection)
		if !ok {
			return dial(ctx, network, address)
		}
		defer close(made.done)
		close(made.begun)
		made.end()
		<-made.ended
		return dial(made.limit, network, address)
	}
}
