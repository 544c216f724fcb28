package fake

import (
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

// FreePort returns a port that nobody has, and that the system gives to no connection
// before the program listens on it: those are from 32,768 on. The workbench's tests have
// others. Where no port is free, the test fails.
func FreePort(t testing.TB) string {
	t.Helper()
	for range 100 {
		port := strconv.Itoa(10_000 + rand.N(14_000)) // #nosec G404 -- a port is no secret
		if listener, err := net.Listen("tcp", ":"+port); err == nil {
			_ = listener.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return ""
}
