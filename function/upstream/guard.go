package upstream

import (
	"errors"
	"net/netip"
	"slices"
	"syscall"

	"code.dny.dev/ssrf"

	"keyrelay/function/destination"
)

var (
	// errNeverOpen says that an address is one that no document can open.
	errNeverOpen = errors.New("link-local and metadata addresses are never open")
	// errClear says that a request would cross the internet without TLS.
	errClear = errors.New("the internet is reached by TLS alone")
)

// A guard decides which addresses the connections of a network may reach.
type guard struct {
	guardian *ssrf.Guardian
	// opened is what the network opens besides the internet, never what none opens.
	opened, never []netip.Prefix
}

// newGuard returns the guard of one network. What it closes besides follows the
// IANA special-purpose registries, as package ssrf lists them.
func newGuard(network destination.Network) guard {
	v4, v6 := openPrefixes(network)
	guardian := ssrf.New(ssrf.WithAnyPort(), ssrf.WithAllowedV4Prefixes(v4...), ssrf.WithAllowedV6Prefixes(v6...))
	return guard{guardian: guardian, opened: slices.Concat(v4, v6), never: neverOpen()}
}

// openPrefixes lists what a network opens besides the internet.
func openPrefixes(network destination.Network) (v4, v6 []netip.Prefix) {
	if network >= destination.Private {
		v4 = prefixes("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10") // RFC 1918, RFC 6598
		v6 = prefixes("fc00::/7")                                                       // RFC 4193
	}
	if network == destination.Loopback {
		v4 = append(v4, prefixes("127.0.0.0/8")...) // RFC 1122 section 3.2.1.3
		v6 = append(v6, prefixes("::1/128")...)     // RFC 4291 section 2.5.3
	}
	return v4, v6
}

// neverOpen lists link-local addresses, where most clouds have their metadata
// service, and the metadata addresses that lie elsewhere.
func neverOpen() []netip.Prefix {
	return prefixes(
		"169.254.0.0/16",         // RFC 3927; AWS, Azure, Google Cloud and others
		"fe80::/10",              // RFC 4291 section 2.5.6
		"fd00:ec2::/32",          // AWS: instance metadata, EKS pod identity, DNS and time over IPv6
		"fd20:ce::254/128",       // Google Cloud: metadata server over IPv6
		"fd00:c1::a9fe:a9fe/128", // Oracle Cloud: instance metadata over IPv6
		"fd00:a9fe:a9fe::1/128",  // Linode: metadata over IPv6
		"fd00:42::42/128",        // Scaleway: metadata over IPv6
		"100.100.100.200/32",     // Alibaba Cloud: instance metadata
		"192.0.0.192/32",         // Oracle Cloud: classic instance metadata
		"168.63.129.16/32",       // Azure: the host's WireServer
	)
}

// control is a net.Dialer's Control: it sees each address after DNS, before the connection.
func (g guard) control(network, address string, _ syscall.RawConn) error {
	target, err := targetOf(address)
	if err != nil {
		return err
	}
	if within(g.never, target.Addr()) {
		return errNeverOpen
	}
	return g.guardian.Safe(network, target.String(), nil)
}

// controlClear is control for connections without TLS, which no name may lead across
// the internet, whatever it resolves to.
func (g guard) controlClear(network, address string, raw syscall.RawConn) error {
	if err := g.control(network, address, raw); err != nil {
		return err
	}
	if target, err := targetOf(address); err != nil || !within(g.opened, target.Addr()) {
		return errClear
	}
	return nil
}

// targetOf reads an address: ::ffff:127.0.0.1 reaches what 127.0.0.1 reaches, whatever its zone.
func targetOf(address string) (netip.AddrPort, error) {
	target, err := netip.ParseAddrPort(address)
	if err != nil {
		return target, ssrf.ErrInvalidHostPort
	}
	return netip.AddrPortFrom(target.Addr().Unmap().WithZone(""), target.Port()), nil
}

func within(prefixes []netip.Prefix, ip netip.Addr) bool {
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(ip) })
}

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}
