package relay_test

import (
	"net"
	"sync/atomic"
)

// A countingListener counts the connections that are made to it.
type countingListener struct {
	net.Listener
	opened *atomic.Int64
}

// Accept waits for the next connection and counts it.
func (l countingListener) Accept() (net.Conn, error) {
	made, err := l.Listener.Accept()
	if err == nil {
		l.opened.Add(1)
	}
	return made, err
}
