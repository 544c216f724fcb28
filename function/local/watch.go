package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"keyrelay/function/cache"
)

// watch streams the rows of what passes through the relay (server-sent events).
func (w *workbench) watch(out http.ResponseWriter, r *http.Request) {
	wake, end := w.recorder.noted.watch()
	defer end()
	out.Header().Set("Content-Type", "text/event-stream")
	control := http.NewResponseController(out)
	fmt.Fprint(out, "retry: 300\n\n")
	change := 0
	for {
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
		case <-wake:
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
