//go:build !unix

package upstream

import "syscall"

// closedByPeer is not known on this system.
func closedByPeer(syscall.RawConn) bool { return false }
