package main

import (
	"bytes"
	"context"
	"net/http"
	"slices"
)

// send sends a trial through the relay as any caller's request, and answers with what came of it.
func (w *workbench) send(out http.ResponseWriter, r *http.Request) {
	asked, ok := w.readTrial(out, r)
	if !ok {
		return
	}
	request, err := asked.request(r.Context(), w.relay)
	if err != nil {
		http.Error(out, err.Error(), http.StatusBadRequest)
		return
	}
	w.pass(out, r, request)
}

// pass sends a request through the recorder, and answers with its number and its answer.
func (w *workbench) pass(out http.ResponseWriter, r *http.Request, request *http.Request) {
	noted := w.recorder.pass(&discard{header: http.Header{}}, request)
	limited, cancel := context.WithTimeout(r.Context(), logTime)
	defer cancel()
	found := w.recorder.noted.withLog(limited, noted.ID)
	w.answer(out, map[string]any{"id": noted.ID, "html": w.part("answered", w.detail(r.Context(), &found))})
}

// A discard takes an answer that is noted elsewhere.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}

// repeat sends what a caller sent once more.
func (w *workbench) repeat(out http.ResponseWriter, r *http.Request) {
	found, ok := w.exchange(out, r)
	switch {
	case !ok:
		return
	case found.Cut:
		http.Error(out, "Its record is too large to be kept whole, so it cannot be sent again.", http.StatusConflict)
		return
	}
	request, err := http.NewRequestWithContext(r.Context(), found.Method, "http://"+w.relay+"/", bytes.NewReader(found.Record))
	if err != nil {
		http.Error(out, "It cannot be sent again.", http.StatusConflict)
		return
	}
	for name, values := range found.Header {
		if name != "Content-Length" && !slices.Contains(values, "***") {
			request.Header[name] = values
		}
	}
	w.pass(out, r, request)
}
