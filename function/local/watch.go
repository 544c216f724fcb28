package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"keyrelay/function/cache"
)

// watch streams the rows of what passes through the relay (server-sent events).
func (w *workbench) watch(out http.ResponseWriter, r *http.Request) {
	out.Header().Set("Content-Type", "text/event-stream")
	control := http.NewResponseController(out)
	fmt.Fprint(out, "retry: 300\n\n")
	change := 0
	for {
		changed := w.recorder.noted.nextChange()
		var fresh []exchange
		fresh, change = w.recorder.noted.since(change)
		for i := range fresh {
			row, _ := json.Marshal(map[string]any{"id": fresh[i].ID, "html": w.part("row", newRow(&fresh[i]))})
			fmt.Fprintf(out, "data: %s\n\n", row)
		}
		if len(fresh) == 0 {
			fmt.Fprint(out, ": nothing new\n\n")
		}
		if control.Flush() != nil {
			return
		}
		select {
		case <-changed:
			// A burst is one update.
			if cache.Sleep(r.Context(), 50*time.Millisecond) != nil {
				return
			}
		case <-w.replaced:
			return // the page comes back, to what took the place
		case <-time.After(15 * time.Second):
		case <-r.Context().Done():
			return
		}
	}
}

// showExchange answers with all of one exchange.
func (w *workbench) showExchange(out http.ResponseWriter, r *http.Request) {
	if found, ok := w.exchange(out, r); ok {
		w.answer(out, map[string]any{"html": w.part("detail", w.detail(r.Context(), &found))})
	}
}

// use answers with an exchange as a trial. A session token stays out of it.
func (w *workbench) use(out http.ResponseWriter, r *http.Request) {
	found, ok := w.exchange(out, r)
	switch {
	case !ok:
		return
	case found.Cut || !utf8.Valid(found.Record):
		http.Error(out, "Its record is too large, or no text that can be edited.", http.StatusConflict)
		return
	}
	found.Record = w.withoutSession(found.Record)
	w.answer(out, map[string]any{"trial": trialFrom(&found)})
}

// keep keeps an exchange or lets it go.
func (w *workbench) keep(out http.ResponseWriter, r *http.Request) {
	found, ok := w.exchange(out, r)
	if !ok {
		return
	}
	if !w.recorder.noted.keep(found.ID, !found.Kept) {
		http.Error(out, fmt.Sprintf("At most %d requests are kept, and %d MB of them; let one go first.", maxKept, maxKeptBytes>>20), http.StatusConflict)
		return
	}
	w.answer(out, map[string]any{"kept": !found.Kept})
}

// exchange finds the exchange that a request of the page names.
func (w *workbench) exchange(out http.ResponseWriter, r *http.Request) (exchange, bool) {
	id, _ := strconv.Atoi(r.URL.Query().Get("id"))
	found, ok := w.recorder.noted.find(id)
	if !ok {
		http.Error(out, "That request is no longer in memory; keep the ones that you want to come back to.", http.StatusNotFound)
	}
	return found, ok
}
