//go:build unix

package upstream

import "syscall"

// closedByPeer reports whether the peer has closed a connection, or sent something
// unasked, which ends the use of a connection just the same. It does not wait:
// Go's sockets are non-blocking.
func closedByPeer(raw syscall.RawConn) bool {
	if raw == nil {
		return false
	}
	var peeked error
	err := raw.Control(func(descriptor uintptr) {
		var buffer [1]byte
		_, _, peeked = syscall.Recvfrom(int(descriptor), buffer[:], syscall.MSG_PEEK)
	})
	return err != nil || peeked != syscall.EAGAIN && peeked != syscall.EINTR
}
