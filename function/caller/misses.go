package caller

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"keyrelay/function/cache"
)

const (
	// freeMisses is how many wrong keys of an address are answered without delay.
	freeMisses = 5
	// firstPause is for how long the answer to the next one is held back; each later one
	// waits twice as long, up to maxPause.
	firstPause = 100 * time.Millisecond
	maxPause   = 5 * time.Second
	// maxWaiting is how many answers to one address are held back at once. Beyond them
	// its keys are refused unread, so that trying in parallel is no faster.
	maxWaiting = 8
	// maxWaitingInAll is the same for all addresses together, a quarter of the connections that
	// there may be: then it counts for those whose next answer would be held back.
	maxWaitingInAll = 32
	// forgotten is after how long without a wrong key an address starts anew.
	forgotten = 10 * time.Minute
	// maxAddresses bounds the memory: 4,096 addresses take less than 1 MB.
	maxAddresses = 4096
)

// misses slows callers who send wrong keys, by their addresses. The zero value has
// seen none.
type misses struct {
	mutex     sync.Mutex
	addresses map[netip.Prefix]*miss
	waiting   int
}

// A miss is what is known of an address that sent wrong keys.
type miss struct {
	count, waiting int
	last           time.Time
}

// network is the part of an address that one caller has to itself: of IPv6 a /64. It is
// invalid where there is no address, as in Lambda.
func network(address string) netip.Prefix {
	parsed, err := netip.ParseAddr(address)
	if err != nil {
		return netip.Prefix{}
	}
	bits := 32
	if parsed = parsed.Unmap(); parsed.Is6() {
		bits = 64
	}
	prefix, _ := parsed.WithZone("").Prefix(bits)
	return prefix
}

// admits reports whether a key of an address may be looked at.
func (m *misses) admits(address string) bool {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	known := m.addresses[network(address)]
	return known == nil || known.waiting < maxWaiting && (known.count < freeMisses || m.waiting < maxWaitingInAll)
}

// slow notes a wrong key, and returns once it may be answered.
func (m *misses) slow(ctx context.Context, address string) {
	from := network(address)
	if !from.IsValid() {
		return
	}
	m.mutex.Lock()
	known := m.note(from)
	pause := min(maxPause, firstPause<<min(max(0, known.count-freeMisses-1), 10))
	if known.count <= freeMisses {
		pause = 0
	}
	known.waiting++
	m.waiting++
	m.mutex.Unlock()
	_ = cache.Sleep(ctx, pause)
	m.mutex.Lock()
	known.waiting--
	m.waiting--
	m.mutex.Unlock()
}

// note counts a wrong key of an address.
func (m *misses) note(from netip.Prefix) *miss {
	now := time.Now()
	known := m.addresses[from]
	if known == nil {
		known = &miss{}
		m.forget()
		m.addresses[from] = known
	}
	if now.Sub(known.last) > forgotten {
		known.count = 0
	}
	known.count, known.last = known.count+1, now
	return known
}

// forget drops one address where there are too many: the one of a few that has been
// quiet for longest.
func (m *misses) forget() {
	if m.addresses == nil {
		m.addresses = make(map[netip.Prefix]*miss)
	}
	if len(m.addresses) < maxAddresses {
		return
	}
	var quiet netip.Prefix
	looked := 0
	for address, known := range m.addresses {
		if looked++; looked > 16 {
			break
		}
		if !quiet.IsValid() || known.last.Before(m.addresses[quiet].last) {
			quiet = address
		}
	}
	delete(m.addresses, quiet)
}
