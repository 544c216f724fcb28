package main

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"time"
)

// What is kept in memory of the requests that passed: the newest ones, and those that a
// person asked to keep.
const (
	maxExchanges     = 200
	maxKept          = 50
	maxExchangeBytes = 32 << 20
	// maxKeptBytes leaves as much as the newest one may take, be it as large as can be.
	maxKeptBytes = maxExchangeBytes - 2*maxNotedBytes - aboutExchange
	// aboutExchange is what an exchange takes beside record and answer.
	aboutExchange = 4 << 10
)

// An exchange is one request that passed through the relay and what became of it.
// Once it is in the list only the list changes it.
type exchange struct {
	ID     int
	At     time.Time
	Method string
	// Path is the caller's path at the relay.
	Path string
	// Header holds the caller's header fields, its credentials masked.
	Header http.Header
	Record []byte
	Status int
	// AnswerHeader holds the answer's header fields, cookies masked.
	AnswerHeader http.Header
	Answer       []byte
	// Cut says that the answer, or the record, is longer than what is kept of it.
	Cut  bool
	Took time.Duration
	// Log is the relay's log entry as it wrote it; nil until it is known.
	Log  json.RawMessage
	Kept bool
	// change counts what was done to the list when this exchange changed last.
	change int
}

// requestID is what the relay's log entry calls the exchange.
func (e *exchange) requestID() string { return e.AnswerHeader.Get("X-Relay-Request-Id") }

func (e *exchange) size() int { return len(e.Record) + len(e.Answer) + aboutExchange }

// exchanges are the requests that passed, oldest first. They are in memory only and
// safe for concurrent use.
type exchanges struct {
	mutex  sync.Mutex
	list   []*exchange
	last   int
	bytes  int
	change int
	// next is closed at the next change; nil where no one waits for it.
	next chan struct{}
}

// add takes an exchange over and lets go of the oldest ones that are too many.
func (e *exchanges) add(added *exchange) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	e.last++
	added.ID = e.last
	e.list = append(e.list, added)
	e.bytes += added.size()
	e.changed(added)
	for i := 0; i < len(e.list)-1 && (len(e.list) > maxExchanges || e.bytes > maxExchangeBytes); {
		if e.list[i].Kept {
			i++
			continue
		}
		e.bytes -= e.list[i].size()
		e.list = slices.Delete(e.list, i, i+1)
	}
}

// find returns a copy of an exchange.
func (e *exchanges) find(id int) (exchange, bool) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	for _, each := range e.list {
		if each.ID == id {
			return *each, true
		}
	}
	return exchange{}, false
}

// withLog returns a copy of an exchange once its log entry is known, or as it is when
// the context ends: the relay writes the entry before it answers, but by another way.
func (e *exchanges) withLog(ctx context.Context, id int) exchange {
	for {
		changed := e.nextChange()
		found, ok := e.find(id)
		if !ok || found.Log != nil {
			return found
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return found
		}
	}
}

// setLog adds the relay's log entry.
func (e *exchanges) setLog(logged *exchange, line []byte) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	logged.Log = line
	e.changed(logged)
}

// keep says whether an exchange is kept, and reports whether that could be done.
func (e *exchanges) keep(id int, kept bool) bool {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	count, size := 0, 0
	var found *exchange
	for _, each := range e.list {
		if each.Kept {
			count++
			size += each.size()
		}
		if each.ID == id {
			found = each
		}
	}
	if found == nil || kept && !found.Kept && (count >= maxKept || size+found.size() > maxKeptBytes) {
		return false
	}
	found.Kept = kept
	e.changed(found)
	return true
}

// changed notes a change and wakes who waits for one. The mutex is held.
func (e *exchanges) changed(one *exchange) {
	e.change++
	one.change = e.change
	if e.next != nil {
		close(e.next)
		e.next = nil
	}
}

// since returns copies of what has changed after a count of changes, and the count now.
func (e *exchanges) since(change int) ([]exchange, int) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	var fresh []exchange
	for _, each := range e.list {
		if each.change > change {
			fresh = append(fresh, *each)
		}
	}
	return fresh, e.change
}

// nextChange returns a channel that is closed when something has changed.
func (e *exchanges) nextChange() <-chan struct{} {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if e.next == nil {
		e.next = make(chan struct{})
	}
	return e.next
}
