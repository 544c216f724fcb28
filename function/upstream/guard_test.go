package upstream_test

import (
	"context"
	"encoding/json"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"keyrelay/function/destination"
	"keyrelay/function/hostile"
	"keyrelay/function/upstream"
)

func TestTheGuardClosesWhatTheNetworkDoesNotOpen(t *testing.T) {
	const public, private, loopback = destination.Public, destination.Private, destination.Loopback
	never := loopback + 1
	tests := []struct {
		opens     destination.Network
		addresses string
	}{
		{public, "8.8.8.8 1.1.1.1 100.63.255.254 100.128.0.1 172.32.0.1 2001:4860:4860::8888 2606:4700:4700::1111"},
		{private, "10.0.0.1 172.16.0.1 172.31.255.255 192.168.0.1 100.64.0.1 100.127.255.254 fc00::1 fd12:3456::1 ::ffff:10.0.0.1"},
		{loopback, "127.0.0.1 127.255.255.254 ::1 ::ffff:127.0.0.1"},
		{never, "169.254.169.254 169.254.170.2 169.254.0.1 ::ffff:169.254.169.254 ::ffff:a9fe:a9fe fe80::1 fe80::a9fe:a9fe fe80::1%lo"},
		{never, "fd00:ec2::254 fd00:ec2::23 fd20:ce::254 fd00:c1::a9fe:a9fe fd00:a9fe:a9fe::1 fd00:42::42"},
		{never, "100.100.100.200 192.0.0.192 168.63.129.16 ::ffff:100.100.100.200 ::ffff:168.63.129.16"},
		{never, "0.0.0.0 0.1.2.3 255.255.255.255 224.0.0.1 240.0.0.1 192.0.2.1 198.18.0.1 198.51.100.1 203.0.113.1"},
		{never, ":: ff02::1 fec0::1 ::127.0.0.1 64:ff9b::7f00:1 64:ff9b:1::a00:1 2002:7f00:1:: 2001::1 2001:db8::1 3fff::1 100::1"},
	}
	for _, test := range tests {
		for address := range strings.FieldsSeq(test.addresses) {
			for _, network := range []destination.Network{public, private, loopback} {
				if want, got := network >= test.opens, upstream.Open(network, address); got != want {
					t.Errorf("%s on network %d: open is %v, want %v", address, network, got, want)
				}
			}
		}
	}
}

func TestTheGuardAgreesWithSmokescreen(t *testing.T) {
	var cases []struct{ IP, Smokescreen string }
	readCorpus(t, "smokescreen_ip_classes.json", &cases)
	for _, c := range cases {
		// Some cases are about rules that users of smokescreen configured.
		open := c.Smokescreen == "ipAllowDefault" && !netip.MustParseAddr(c.IP).IsPrivate()
		if strings.HasSuffix(c.Smokescreen, "UserConfigured") || strings.HasPrefix(c.IP, "64:ff9c") {
			continue
		}
		if got := upstream.Open(destination.Public, c.IP); got != open {
			t.Errorf("%s: open is %v, but smokescreen says %s", c.IP, got, c.Smokescreen)
		}
	}
}

func TestAClosedAddressIsNamed(t *testing.T) {
	canary := listen(t, func(net.Conn) { t.Error("the canary was reached") })
	tests := []struct {
		network     destination.Network
		target, say string
	}{
		{destination.Public, canary, "x-keyrelay-network: private"},
		{destination.Private, canary, "x-keyrelay-network: loopback"},
		{destination.Loopback, "http://169.254.169.254/", "metadata"},
		{destination.Loopback, "http://0.0.0.0/", "no x-keyrelay-network"},
	}
	for _, test := range tests {
		d := &destination.Destination{Title: "Test", Network: test.network, AuxiliaryTimeout: time.Minute}
		_, err := send(t, newPlan(t, d, "POST", test.target, "{}"))
		refusal := mustRefuse(t, err, upstream.ErrProhibited)
		if mustBeSafe(t, refusal); !strings.Contains(refusal.Detail, test.say) {
			t.Errorf("%s does not say %q", refusal.Detail, test.say)
		}
		_, err = get(t, newClient(t, nil), d, test.target)
		mustRefuse(t, err, upstream.ErrProhibited)
	}
}

// TestTheInternetIsReachedByTLSAlone sees that a name of a private server, of a token
// endpoint too, cannot lead a request across the internet without TLS. The address
// belongs to nobody.
func TestTheInternetIsReachedByTLSAlone(t *testing.T) {
	const nobody = "://[2d00::1]:9/"
	for _, network := range []destination.Network{destination.Private, destination.Loopback} {
		d := &destination.Destination{Title: "Test", Network: network, AuxiliaryTimeout: time.Minute}
		client := newClient(t, nil)
		_, err := client.Send(context.Background(), newPlan(t, d, "POST", "http"+nobody, "{}"), nil, nil, nil)
		refusal := mustRefuse(t, err, upstream.ErrProhibited)
		if mustBeSafe(t, refusal); !strings.Contains(refusal.Detail, "https alone") {
			t.Errorf("%s does not say what to do", refusal.Detail)
		}
		_, err = get(t, client, d, "http"+nobody)
		mustRefuse(t, err, upstream.ErrProhibited)
		d.AuxiliaryTimeout = 50 * time.Millisecond // where no answer comes, it is not waited for
		if _, err = get(t, client, d, "https"+nobody); refusalOf(err) == nil || refusalOf(err).Reason == upstream.ErrProhibited {
			t.Errorf("by TLS: %v", err)
		}
	}
}

// No hostile URL reaches a canary on this machine, whatever the spelling of its host.
func TestNoHostileURLReachesThisMachine(t *testing.T) {
	touched := make(chan string, 1024)
	canary, err := url.Parse(listen(t, func(connection net.Conn) { touched <- connection.RemoteAddr().String() }))
	if err != nil {
		t.Fatal(err)
	}
	client := newClient(t, nil)
	seen := map[string]bool{}
	for _, host := range hostileHosts(t) {
		// Names and addresses of the internet are no test of this machine.
		if seen[host] || net.ParseIP(host) != nil && upstream.Open(destination.Public, host) ||
			strings.ContainsAny(host, "abcdefghijklmnopqrstuvwxyz") && !strings.HasPrefix(host, "0x") && host != "localhost" && !strings.Contains(host, ":") {
			continue
		}
		seen[host] = true
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		d := &destination.Destination{Title: "Test", Network: destination.Public}
		outbound := newPlan(t, d, "GET", canary.String(), "")
		outbound.URL.Host = net.JoinHostPort(host, canary.Port())
		if response, err := client.Send(ctx, outbound, nil, nil, nil); err == nil {
			t.Errorf("%s answered %d", host, response.Status)
		}
		cancel()
	}
	if len(touched) > 0 {
		t.Errorf("%d of %d hosts reached the canary", len(touched), len(seen))
	}
}

// hostileHosts returns the hosts of the corpus' URLs.
func hostileHosts(t *testing.T) []string {
	var hosts []string
	readCorpus(t, "safeurl_blocked_hosts.json", &hosts)
	for i, host := range hosts {
		hosts[i] = strings.Trim(strings.SplitN(strings.SplitN(host, "/", 2)[0], "]", 2)[0], "[]")
	}
	for line := range strings.Lines(string(hostile.Further(t, "ssrf/payloadsallthethings_ssrf.txt"))) {
		if parsed, err := url.Parse(strings.TrimRight(line, "\r\n")); err == nil && parsed.Hostname() != "" {
			hosts = append(hosts, parsed.Hostname())
		}
	}
	return append(hosts, "localhost")
}

func readCorpus(t *testing.T, name string, into any) {
	t.Helper()
	if err := json.Unmarshal(hostile.Further(t, "ssrf/"+name), into); err != nil {
		t.Fatal(err)
	}
}
