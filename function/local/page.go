package main

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"keyrelay/function/destination"
	"keyrelay/function/gateway"
	"keyrelay/function/secret"
)

//go:embed static
var static embed.FS

// What the page asks for at once is bounded.
const (
	maxTrialBytes = 3 * maxNotedBytes // a record as JSON text, where each byte may be escaped
	maxOptions    = 50
	maxOutbounds  = 20
)

// logTime is how long an answer waits for its log entry.
const logTime = 500 * time.Millisecond

// A workbench is the page on which a person tries, sends and watches.
type workbench struct {
	// program is the address of the relay program itself, relay the one that callers
	// use, where the recorder stands in front of it.
	program, relay string
	token          string
	recorder       *recorder
	set            *destination.Set
	documents      []document
	operations     []operation
	parts          *template.Template
	// secrets are kept off the page: those of the documents, and those before a change.
	secrets []secret.Secret
	// pages serves the page and what it asks for.
	pages http.Handler
	// fault says why the relay could not start with the documents as they are now; empty
	// where it did.
	fault string
	// replaced is closed when another page has taken the place of this one.
	replaced chan struct{}
}

// prepare makes what serves the page and what it asks for.
func (w *workbench) prepare() error {
	var err error
	if w.parts, err = template.ParseFS(static, "static/*.html"); err != nil {
		return err
	}
	files, err := fs.Sub(static, "static")
	if err != nil {
		return err
	}
	w.replaced = make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", w.page)
	mux.Handle("GET /static/", http.StripPrefix("/static/", http.FileServerFS(files)))
	mux.HandleFunc("GET /operations", w.listOperations)
	mux.HandleFunc("GET /operation", w.showOperation)
	mux.HandleFunc("POST /try", w.try)
	mux.HandleFunc("POST /send", w.send)
	mux.HandleFunc("POST /curl", w.readCurl)
	mux.HandleFunc("GET /watch", w.watch)
	mux.HandleFunc("GET /exchange", w.showExchange)
	mux.HandleFunc("GET /use", w.use)
	mux.HandleFunc("POST /keep", w.keep)
	mux.HandleFunc("POST /repeat", w.repeat)
	w.pages = mux
	return nil
}

// withFault is the same page with a fault of the documents as they are now.
func (w *workbench) withFault(fault string) (*workbench, error) {
	made := *w
	made.fault = fault
	return &made, made.prepare()
}

// page serves the page with the first operation in it.
func (w *workbench) page(out http.ResponseWriter, _ *http.Request) {
	summary, problems := w.summary()
	data := map[string]any{
		"Token": w.token, "Relay": w.relay, "Documents": w.documents, "Count": len(w.operations), "Summary": summary, "Problems": problems, "Fault": w.fault,
		"Methods": gateway.Methods(), "Trial": trial{Method: "POST", Record: "{}"}, "Chosen": "", "ChosenSummary": "",
	}
	if len(w.operations) > 0 {
		first := &w.operations[0]
		data["Trial"], data["Chosen"], data["ChosenSummary"] = first.trial(), first.Method+" "+first.Path, first.about()
	}
	out.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = w.parts.ExecuteTemplate(out, "page.html", data)
}

// summary says how many documents there are and whether their secrets could be read.
func (w *workbench) summary() (text string, problems int) {
	text, problems = count(len(w.documents), "document"), len(problemsOf(w.documents))
	if problems > 0 {
		return text + ", " + count(problems, "secret") + " not read", problems
	}
	return text + ", all secrets read", 0
}

// problemsOf are what is wrong with the secrets of documents.
func problemsOf(documents []document) (problems []string) {
	for _, each := range documents {
		for _, attached := range each.Attachments {
			if attached.Problem != "" {
				problems = append(problems, attached.Problem)
			}
		}
	}
	return problems
}

// count words a number of things.
func count(number int, thing string) string {
	if number == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", number, thing)
}

// listOperations finds operations by words.
func (w *workbench) listOperations(out http.ResponseWriter, r *http.Request) {
	type option struct {
		*operation
		ID int
	}
	words := strings.Fields(strings.ToLower(r.URL.Query().Get("q")))
	var found []option
	for i := range w.operations {
		if len(found) < maxOptions && w.operations[i].matches(words) {
			found = append(found, option{&w.operations[i], i})
		}
	}
	w.answer(out, map[string]any{"html": w.part("options", found)})
}

// showOperation answers with the trial to begin with.
func (w *workbench) showOperation(out http.ResponseWriter, r *http.Request) {
	id, err := strconv.Atoi(r.URL.Query().Get("id"))
	if err != nil || id < 0 || id >= len(w.operations) {
		http.Error(out, "There is no such operation.", http.StatusNotFound)
		return
	}
	chosen := &w.operations[id]
	w.answer(out, map[string]any{"trial": chosen.trial(), "name": chosen.Method + " " + chosen.Path, "summary": chosen.about()})
}

// try answers with all that the page shows of a trial.
func (w *workbench) try(out http.ResponseWriter, r *http.Request) {
	asked, ok := w.readTrial(out, r)
	if !ok {
		return
	}
	made, err := asked.try(r.Context(), w.program, w.reshaped)
	if err != nil {
		http.Error(out, err.Error(), http.StatusBadGateway)
		return
	}
	view := w.view(made)
	answer := map[string]any{
		"fields":   made.fields,
		"fault":    made.fault,
		"outbound": w.part("outbound", view),
		"away": w.part("away", struct {
			takeaway
			Relay string
		}{asked.takeAway(w.relay), w.relay}),
		"confirmation": view.confirmation(),
	}
	if len(made.outbounds) == 1 && made.outbounds[0].Problem != nil {
		problem := made.outbounds[0].Problem
		answer["refusal"] = map[string]any{"place": problem.Place(), "html": w.part("refusal", problem)}
		answer["outbound"] = ""
	}
	w.answer(out, answer)
}

// An outboundView is what the page shows of outbound requests.
type outboundView struct {
	Shown       []markedOutbound
	More        int
	Attachments []attachment
	// Batch says that there are requests of several records.
	Batch bool
	// Sends says that there is a request at all.
	Sends bool
}

func (w *workbench) view(made *tried) outboundView {
	shown := min(len(made.outbounds), maxOutbounds)
	view := outboundView{Shown: made.outbounds[:shown], More: len(made.outbounds) - shown, Batch: len(made.outbounds) > 1}
	for _, each := range made.outbounds {
		if each.Problem == nil {
			view.Sends = true
			view.Attachments = w.attached(&each.outbound)
			break
		}
	}
	return view
}

// attached are the credentials of an outbound request.
func (w *workbench) attached(sent *outbound) []attachment {
	var found []attachment
	for _, each := range w.documents {
		if each.Name != sent.Destination && each.Title != sent.Destination {
			continue
		}
		for _, attached := range each.Attachments {
			if slices.Contains(sent.Security, attached.Scheme) {
				found = append(found, attached)
			}
		}
		break
	}
	return found
}

// confirmation says what is sent with a trial beside what the page shows at once.
func (view outboundView) confirmation() string {
	var names []string
	text := ""
	if view.Batch {
		text = fmt.Sprintf("The batch is %d requests, and this is the first. ", len(view.Shown)+view.More)
	}
	for _, each := range view.Attachments {
		names = append(names, each.Scheme)
		if each.Problem != "" {
			text += each.Problem + " "
		}
	}
	if len(names) == 0 {
		return text + "No credential is attached."
	}
	return text + "With the credential " + strings.Join(names, " and ") + ", fetched where it is not in memory."
}

// reshaped reports whether a document makes the body of an outbound request by a template.
// A value in the path may hold what no caller's own URL may.
func (w *workbench) reshaped(sent *outbound) bool {
	path, _, _ := strings.Cut(sent.URL, "?")
	operation := w.declared(sent.Method, strings.NewReplacer("%2F", "-", "%5C", "-", "%2E", "-").Replace(path))
	return operation != nil && operation.Body != nil
}

// declared finds the operation of a document that a request belongs to; nil where there is none.
func (w *workbench) declared(method, address string) *destination.Operation {
	location, err := w.set.Locate(address)
	if err != nil {
		return nil
	}
	operation, err := location.Operation(method, location.Path)
	if err != nil {
		return nil
	}
	return operation
}

// readTrial reads what the page sends, or answers why it cannot.
func (w *workbench) readTrial(out http.ResponseWriter, r *http.Request) (read trial, ok bool) {
	if json.NewDecoder(http.MaxBytesReader(out, r.Body, maxTrialBytes)).Decode(&read) != nil {
		http.Error(out, "The page sent what cannot be read; a record is at most 10 MB.", http.StatusBadRequest)
		return trial{}, false
	}
	return read, true
}

// readCurl answers with what a command becomes. The command is not kept.
func (w *workbench) readCurl(out http.ResponseWriter, r *http.Request) {
	var text bytes.Buffer
	if _, err := text.ReadFrom(http.MaxBytesReader(out, r.Body, maxCurl+1)); err != nil {
		http.Error(out, "The command is longer than 1 MB; leave most of its data out.", http.StatusBadRequest)
		return
	}
	command, err := parseCurl(text.String())
	if err != nil {
		w.answer(out, map[string]any{"error": "This cannot be read: " + err.Error() + "."})
		return
	}
	made := propose(command)
	view := struct {
		*proposal
		Declared *destination.Operation
	}{made, w.declared(made.Trial.Method, made.Trial.URL)}
	w.answer(out, map[string]any{"trial": made.Trial, "html": w.part("proposal", view)})
}

// part renders a part of the page.
func (w *workbench) part(name string, data any) string {
	var text strings.Builder
	if err := w.parts.ExecuteTemplate(&text, name, data); err != nil {
		return template.HTMLEscapeString(errors.Join(errors.New("this part of the page cannot be shown"), err).Error())
	}
	return text.String()
}

// answer answers the page's script.
func (w *workbench) answer(out http.ResponseWriter, value any) {
	out.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(out).Encode(value)
}
