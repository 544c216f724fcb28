package upstream

import (
	"net"

	"keyrelay/function/destination"
)

// Open reports whether connections on a network may reach an address, without making one.
func Open(network destination.Network, address string) bool {
	family := "tcp6"
	if ip := net.ParseIP(address); ip.To4() != nil {
		family = "tcp4"
	}
	return newGuard(network).control(family, net.JoinHostPort(address, "9"), nil) == nil
}
