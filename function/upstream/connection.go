package upstream

import (
	"errors"
	"net"
	"net/http"
	"sync/atomic"
	"syscall"
	"time"
)

// quiet is how long a connection is unused before it is looked at again.
const quiet = 100 * time.Millisecond

// errDead says that a kept connection is of no use. net/http, told so before a byte
// was written, takes another connection, whatever the method.
var errDead = errors.New("the kept connection is dead")

// A connection notices before it is written to that the peer has closed it while
// this process was frozen or busy. A frozen AWS Lambda function gets to know of a
// close only some time after it goes on, and its monotonic clock, on which
// http.Transport's IdleConnTimeout runs, stood still: so idle time is wall-clock time.
type connection struct {
	net.Conn
	raw     syscall.RawConn
	lastUse atomic.Int64 // nanoseconds since 1970
}

func newConnection(made net.Conn) *connection {
	c := &connection{Conn: made}
	if tcp, ok := made.(*net.TCPConn); ok {
		c.raw, _ = tcp.SyscallConn()
	}
	c.lastUse.Store(time.Now().UnixNano())
	return c
}

// Read implements net.Conn.
func (c *connection) Read(into []byte) (int, error) {
	n, err := c.Conn.Read(into)
	if n > 0 {
		c.lastUse.Store(time.Now().UnixNano())
	}
	return n, err
}

// Write implements net.Conn.
func (c *connection) Write(data []byte) (int, error) {
	idle := time.Duration(time.Now().UnixNano() - c.lastUse.Load())
	if idle > maxIdle || idle > quiet && closedByPeer(c.raw) {
		return 0, errDead
	}
	n, err := c.Conn.Write(data)
	c.lastUse.Store(time.Now().UnixNano())
	return n, err
}

// roundTrip sends a request. net/http gives up a request other than a GET when the
// kept connection it chose was closed at that same moment. It says so only of a
// connection that had no request yet (persistConn.readLoop, numExpectedResponses),
// so no byte was written and the request may go to the next connection.
func (p *pool) roundTrip(request *http.Request) (*http.Response, error) {
	for {
		answer, err := p.transport.RoundTrip(request)
		if err == nil || !closedIdle(err) || request.Context().Err() != nil {
			return answer, err
		}
		next, ok := rewound(request)
		if !ok {
			return nil, err
		}
		request = next
	}
}

// rewound returns the request with its body from the start, if it has a way back there.
func rewound(request *http.Request) (*http.Request, bool) {
	if request.Body == nil {
		return request, true
	}
	if request.GetBody == nil {
		return nil, false
	}
	body, err := request.GetBody()
	if err != nil {
		return nil, false
	}
	again := *request
	again.Body = body
	return &again, true
}

// closedIdle reports whether the peer closed a connection between two requests,
// which net/http says with an error that it does not export.
func closedIdle(err error) bool { return err.Error() == "http: server closed idle connection" }
