package gateway

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// MaxHeaderBytes is the value for http.Server.MaxHeaderBytes.
const MaxHeaderBytes = 32 << 10

// The limits of all connections together.
const (
	maxConnections = 128
	// maxHeaders is how much memory headers that are not whole yet may take, and
	// fieldMemory what a field takes beside its text, be it as short as it may.
	maxHeaders  = 1 << 20
	fieldMemory = 128
	// patience is how long a new connection has for its header before it may be closed
	// for another one.
	patience = 500 * time.Millisecond
)

// A Listener is what an http.Server listens on. It bounds the number of open connections,
// and lets a Handler answer the requests that net/http itself refuses.
//
//	listener := gateway.Listen(tcp, relay)
//	server := http.Server{Handler: gateway.HTTP(relay), ConnState: listener.ConnState, MaxHeaderBytes: gateway.MaxHeaderBytes}
//	err := server.Serve(listener)
//
// Where all connections are taken, one without a request in progress, or whose header
// does not come, is closed for a new one; if there is none, the new one waits.
// Where headers that are not whole yet take too much memory together, the longest goes.
type Listener struct {
	net.Listener
	handler Handler
	free    chan struct{}
	closed  chan struct{}
	close   sync.Once
	headers atomic.Int64
	mutex   sync.Mutex
	open    map[*callersConnection]struct{}
}

// Listen returns a Listener over another one; handler answers its refusals.
func Listen(listener net.Listener, handler Handler) *Listener {
	return &Listener{
		Listener: listener, handler: handler,
		free: make(chan struct{}, maxConnections), closed: make(chan struct{}), open: make(map[*callersConnection]struct{}),
	}
}

// Accept waits for a connection and for a free place for it.
func (l *Listener) Accept() (net.Conn, error) {
	made, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	for {
		select {
		case l.free <- struct{}{}:
			return &callersConnection{Conn: made, listener: l}, nil
		default:
			l.closeWaiting(time.Now(), 0)
		}
		select {
		case l.free <- struct{}{}:
			return &callersConnection{Conn: made, listener: l}, nil
		case <-l.closed:
			_ = made.Close()
			return nil, net.ErrClosed
		case <-time.After(patience / 10):
		}
	}
}

// Close stops listening.
func (l *Listener) Close() error {
	l.close.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// ConnState is the http.Server's field of that name.
func (l *Listener) ConnState(changed net.Conn, state http.ConnState) {
	connection := changed.(*callersConnection)
	waits := state == http.StateIdle || state == http.StateNew
	if waits || connection.header.Load() <= MaxHeaderBytes+maxFields*fieldMemory {
		connection.forget() // one of more fields counts until it is refused, which is at once
	}
	switch state {
	case http.StateNew:
		connection.begins.Store(true)
		connection.waits.Store(time.Now().Add(patience).UnixNano())
		l.mutex.Lock()
		defer l.mutex.Unlock()
		l.open[connection] = struct{}{}
	case http.StateIdle:
		connection.begins.Store(true) // no StateActive follows where the next request came with the one before
		connection.waits.Store(1)
	case http.StateActive:
		connection.waits.Store(0)
	default:
		l.mutex.Lock()
		defer l.mutex.Unlock()
		delete(l.open, connection)
	}
}

// closeWaiting closes a connection that has no request in progress and may be closed by now,
// if there is one: that with the longest header, where that takes more than least.
func (l *Listener) closeWaiting(now time.Time, least int64) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	var longest *callersConnection
	for connection := range l.open {
		if from := connection.waits.Load(); from == 0 || now.UnixNano() < from || connection.header.Load() < least {
			continue
		}
		if longest == nil || connection.header.Load() > longest.header.Load() {
			longest = connection
		}
	}
	if longest != nil {
		delete(l.open, longest)
		_ = longest.Close()
	}
}

// A callersConnection is a connection of a caller.
type callersConnection struct {
	net.Conn
	listener *Listener
	close    sync.Once
	// waits is when a connection on which no header is whole may be closed for another, in
	// nanoseconds since 1970, and 0 while a request is in progress. header is the memory that
	// what came of a header takes.
	waits  atomic.Int64
	header atomic.Int64
	// begins says that what is written next is the beginning of an answer.
	begins atomic.Bool
}

// Read reads, and sees that what waits to become a header does not take too much memory
// for all connections together.
func (c *callersConnection) Read(into []byte) (int, error) {
	n, err := c.Conn.Read(into)
	if n > 0 && c.waits.Load() != 0 {
		head, _, _ := bytes.Cut(into[:n], []byte("\r\n\r\n"))
		used := int64(len(head) + fieldMemory*bytes.Count(head, []byte("\n")))
		c.header.Add(used)
		if c.listener.headers.Add(used) > maxHeaders {
			// However new it is. One that takes no more than its share is not at fault.
			c.listener.closeWaiting(time.Now().Add(patience), maxHeaders/maxConnections)
		}
	}
	return n, err
}

// forget no longer counts what a header took.
func (c *callersConnection) forget() { c.listener.headers.Add(-c.header.Swap(0)) }

// Close makes place for another connection.
func (c *callersConnection) Close() error {
	c.close.Do(func() { <-c.listener.free })
	c.forget()
	return c.Conn.Close()
}

// CloseWrite ends the answers, so that a caller who is still sending gets to read
// them before the connection ends.
func (c *callersConnection) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Write sends an answer, and in place of net/http's own the Handler's. What is written further
// on may hold anything, what looks like such an answer too.
func (c *callersConnection) Write(data []byte) (int, error) {
	if !c.begins.Swap(false) {
		return c.Conn.Write(data)
	}
	status, why := ownRefusal(data)
	if status == 0 {
		return c.Conn.Write(data)
	}
	response := refuseMessage(c.listener.handler, c.RemoteAddr().String(), status, why)
	var out bytes.Buffer
	raw := http.Response{
		StatusCode: response.Status, ProtoMajor: 1, ProtoMinor: 1, Header: response.Header, Close: true,
		Body: io.NopCloser(bytes.NewReader(response.Body)), ContentLength: int64(len(response.Body)),
	}
	_ = raw.Write(&out)
	if _, err := c.Conn.Write(out.Bytes()); err != nil {
		return 0, err
	}
	return len(data), nil
}

// ownRefusal tells the answers that net/http makes without a handler (conn.serve and
// response.sendExpectationFailed in net/http/server.go) from all others, which have
// Proxy-Status; status is 0 for those. why is what net/http says of the request; it
// is never the caller's text.
func ownRefusal(data []byte) (status int, why string) {
	const refused = "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
	const unexpected = " Expectation Failed\r\nConnection: close\r\n"
	line, rest, _ := bytes.Cut(data[:min(len(data), 256)], []byte("\r\n"))
	if len(line) < len("HTTP/1.1 400") || string(line[:len("HTTP/1.")]) != "HTTP/1." || line[9] < '4' {
		return 0, ""
	}
	status, _ = strconv.Atoi(string(line[9:12]))
	switch {
	case bytes.HasPrefix(data[len(line):], []byte(refused)):
		_, why, _ = strings.Cut(string(line), ": ")
		return status, why
	case bytes.HasPrefix(data[12:], []byte(unexpected)) && !bytes.Contains(rest, []byte("\r\nProxy-Status:")):
		return status, ""
	}
	return 0, ""
}
