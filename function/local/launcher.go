package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"keyrelay/function/secret"
)

// A launcher starts the relay and its page, and both again where a document of one's own
// or the file of secrets was changed: the relay reads documents at its start only.
type launcher struct {
	chosen options
	around *surroundings
	// relay is the address that callers use, token what the page's address holds.
	relay, token string
	recorder     *recorder
	// log takes each line of the relay's log.
	log func(line []byte)
	out *printer

	// program runs now, and page shows what it read.
	program *relayProgram
	page    atomic.Pointer[workbench]
	// versions is how many versions of one's own secrets there were at the last look.
	versions int
	// retired are earlier programs, which finish what is under way.
	retired sync.WaitGroup
}

// launch starts the relay with the documents and secrets as they are now. Where it cannot,
// what runs goes on, with the secrets that it had.
func (l *launcher) launch(stop context.Context) error {
	undo, err := l.around.readOwnSecrets(l.chosen.secrets)
	if err != nil {
		return err
	}
	program, page, err := l.start(stop)
	if err != nil {
		undo()
		return err
	}
	idle := l.recorder.passTo(program.address)
	if earlier := l.program; earlier != nil {
		l.retired.Go(func() {
			select {
			case <-idle:
			case <-stop.Done():
			}
			earlier.stop()
		})
	}
	l.program = program
	l.show(page)
	return nil
}

// start starts the relay, and makes a page that shows what it has read.
func (l *launcher) start(stop context.Context) (*relayProgram, *workbench, error) {
	program, err := startRelay(l.chosen.program, l.around.environment(), func(line []byte) {
		l.log(line)
		l.recorder.log(line)
	})
	if err != nil {
		return nil, nil, err
	}
	set, operations, err := l.around.documents()
	if err != nil {
		program.stop()
		return nil, nil, err
	}
	made := &workbench{
		program: program.address, relay: l.relay, token: l.token, recorder: l.recorder, set: set,
		documents:  l.around.describeDocuments(stop, set),
		operations: operations,
	}
	var earlier []secret.Secret
	if page := l.page.Load(); page != nil {
		earlier = page.secrets // requests of then are still shown
	}
	made.secrets = secretsOf(made.documents, earlier)
	if err := made.prepare(); err != nil {
		program.stop()
		return nil, nil, err
	}
	return program, made, nil
}

// show replaces the page; those that are open learn of it.
func (l *launcher) show(made *workbench) {
	if earlier := l.page.Swap(made); earlier != nil {
		close(earlier.replaced)
	}
}

// close ends what was started.
func (l *launcher) close() {
	if l.program != nil {
		l.program.stop()
	}
	l.retired.Wait()
}

// serve serves the page, prints the story, and follows the files until stop ends.
func (l *launcher) serve(stop context.Context) error {
	page, err := l.around.listen(pagePort, "page", l.out)
	if err != nil {
		return err
	}
	defer serve(page, guardPage(l.token, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { l.page.Load().pages.ServeHTTP(w, r) })))()
	if l.around.downstream != nil {
		told := story{out: l.out, events: l.chosen.events, relay: l.relay, api: l.around.api, downstream: l.around.downstream}
		if err := told.tell(stop); err != nil {
			return err
		}
	}
	l.page.Load().introduce(l.out, l.chosen, l.around, page)
	return l.follow(stop)
}

// follow starts the relay again whenever its files, or what its secrets lack, have changed.
func (l *launcher) follow(stop context.Context) error {
	looks := time.NewTicker(lookPause)
	defer looks.Stop()
	for {
		select {
		case <-stop.Done():
			return nil
		case <-l.program.ended:
			return endedBy(stop)
		case <-looks.C:
			if name := l.around.changed(l.chosen); name != "" {
				l.launchAgain(stop, name)
			} else if l.rewritten(stop) {
				l.launchAgain(stop, "A secret")
			}
		}
	}
}

// launchAgain starts the relay again because of what was changed, and says what came of it.
func (l *launcher) launchAgain(stop context.Context, name string) {
	err := l.launch(stop)
	if stop.Err() != nil {
		return
	}
	if err == nil {
		fmt.Fprintln(l.out, l.out.styled(accent, name+" was changed, and the relay has started again."))
		l.page.Load().list(l.out)
		return
	}
	fault := name + " was changed, and the relay goes on as it was, since it cannot start with that:\n" + err.Error()
	if made, err := l.page.Load().withFault(fault); err == nil {
		l.show(made)
	}
	fmt.Fprintln(l.out, l.out.styled(accent, fault)) // last, so that who reads it finds it on the page
}

// rewritten reports whether secrets that a login wrote, which changes no file, have or lack
// something else than the page shows.
func (l *launcher) rewritten(stop context.Context) bool {
	if l.around.own == nil || l.around.own.Versions() == l.versions {
		return false
	}
	l.versions = l.around.own.Versions()
	page := l.page.Load()
	return !slices.Equal(problemsOf(l.around.describeDocuments(stop, page.set)), problemsOf(page.documents))
}
