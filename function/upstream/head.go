package upstream

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http/httptrace"
	"sync/atomic"
)

// nominatedField is a field that headConnection adds to an answer: what Connection
// names there, where it says close as well. net/http takes Connection away then.
const nominatedField = "Keyrelay-Connection"

// maxFields is how many lines the head of an answer may have: in memory, short ones take many
// times their bytes for as long as the body is awaited.
const maxFields = 1000

var errFields = errors.New("the answer has too many header fields")

// A headConnection reads answers for an http.Transport, and saves what their
// Connection field names from being lost.
type headConnection struct {
	net.Conn
	// awaited says that the next bytes are those of an answer's head. It is set when a
	// request gets the connection, on its goroutine.
	awaited atomic.Bool
	// head is what came of a head and was not looked at, rest what is to be read next.
	head, rest []byte
}

// Read implements net.Conn.
func (c *headConnection) Read(into []byte) (int, error) {
	if len(c.rest) == 0 && len(c.head) == 0 {
		n, err := c.Conn.Read(into)
		if n == 0 || !c.awaited.Load() || c.isPlain(into[:n]) {
			return n, err
		}
		c.head = append(c.head, into[:n]...)
	}
	for len(c.rest) == 0 {
		if end, _ := endOfHead(c.head); end >= 0 {
			if bytes.Count(c.head[:end], []byte("\n")) > maxFields {
				return 0, errFields
			}
			c.take(end)
			break
		}
		n, err := c.Conn.Read(into)
		c.head = append(c.head, into[:n]...)
		if err != nil || len(c.head) > maxHeaderBytes {
			c.rest, c.head = c.head, nil
		}
		if len(c.rest) == 0 && err != nil {
			return 0, err
		}
	}
	n := copy(into, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// isPlain reports whether bytes begin with a whole head that can stay as it is.
func (c *headConnection) isPlain(head []byte) bool {
	end, connects := endOfHead(head)
	if end < 0 || isInterim(head) || connects && closingNames(head[:end]) != nil {
		return false
	}
	c.awaited.Store(false)
	return true
}

// take hands out the head that ends at a position, and what came behind it unless
// that is another head.
func (c *headConnection) take(end int) {
	behind := end + bytes.IndexByte(c.head[end:], '\n') + 1
	c.rest = append(c.rest, c.head[:end]...)
	if names := closingNames(c.head[:end]); names != nil {
		c.rest = append(append(append(c.rest, nominatedField+": "...), names...), "\r\n"...)
	}
	c.rest = append(c.rest, c.head[end:behind]...)
	c.head = c.head[behind:]
	if !isInterim(c.rest) {
		c.rest, c.head = append(c.rest, c.head...), nil
		c.awaited.Store(false)
	}
}

// isInterim reports whether an answer comes behind this head (RFC 9110 section 15.2). Like
// net/http, it takes any version, and any spaces before the status.
func isInterim(head []byte) bool {
	_, status, _ := bytes.Cut(head, []byte(" "))
	return bytes.HasPrefix(bytes.TrimLeft(status, " "), []byte("1"))
}

// endOfHead returns where the empty line behind a head begins, -1 if there is none yet, and
// whether the head has a Connection field.
func endOfHead(head []byte) (end int, connects bool) {
	for {
		line := bytes.IndexByte(head[end:], '\n')
		if line < 0 {
			return -1, false
		}
		end += line + 1
		rest := head[end:]
		if bytes.HasPrefix(rest, []byte("\n")) || bytes.HasPrefix(rest, []byte("\r\n")) {
			return end, connects
		}
		connects = connects || isConnection(rest)
	}
}

const connectionField = "Connection:"

// isConnection reports whether a line begins with the name of the field.
func isConnection(line []byte) bool {
	return len(line) >= len(connectionField) && bytes.EqualFold(line[:len(connectionField)], []byte(connectionField))
}

// closingNames returns what Connection names where it says close and names more; nil otherwise.
func closingNames(head []byte) []byte {
	var names []byte
	for line := range bytes.Lines(head) {
		if isConnection(line) {
			names = append(append(names, ", "...), bytes.TrimSpace(line[len(connectionField):])...)
		}
	}
	if !bytes.Contains(bytes.ToLower(names), []byte("close")) || !bytes.Contains(names[1:], []byte(",")) {
		return nil
	}
	return names[len(", "):]
}

// A watchedContext is that of a request whose answer headConnection watches for.
type watchedContext struct{ context.Context }

// Value gives net/http its trace, without a context more for each request.
func (c *watchedContext) Value(key any) any {
	if trace := watching.Value(key); trace != nil {
		return trace
	}
	return c.Context.Value(key)
}

var watching = httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{GotConn: func(got httptrace.GotConnInfo) {
	if connection, ok := got.Conn.(*headConnection); ok {
		connection.awaited.Store(true)
	}
}})
