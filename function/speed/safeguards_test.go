package speed_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// safeguards are the changes that take out of the program what it does so that a caller,
// or an API, gets no more than is theirs: each a file, a text that stands in it once, and
// what the text becomes. A program without them moves fields and attaches credentials as
// it does with them.
func safeguards() [][3]string {
	return [][3]string{
		// the names by which servers see another request, in headers, queries and bodies
		{"plan/override.go", "(query string, moves []move) error {", "(query string, moves []move) error {\nreturn nil"},
		{"plan/override.go", "return isOverride(name) &&", "return false &&"},
		{"plan/override_body.go", "checkBody() error {", "checkBody() error {\nreturn nil"},
		// the mask, and the codings that could hide a credential from it
		{"credential/mask.go", "Mask(response *gateway.Response) []string {", "Mask(response *gateway.Response) []string {\nreturn nil"},
		{"upstream/send.go", "if err := undoCodings(&e.context, answer, gateway.MaxAnswerBytes); err != nil {", "if false {\nvar err error"},
		// what an answer and its Connection say
		{"upstream/pool.go", "return &headConnection{Conn: made}, nil", "return made, nil"},
		{"upstream/send.go", "WithContext(&e.context)", "WithContext(ctx)"},
		{"upstream/send.go", "if !gateway.ValidHeaderName(name) || slices.ContainsFunc(values, isInvalid) {", "if values == nil && slices.ContainsFunc(values, isInvalid) {"},
		{"relay/answer.go", "if aboutOrigin(name) || isRelays(name) || toFront(name) {", "if false {"},
		{"relay/answer.go", "if pretends(answer) {", "if false {"},
	}
}

// TestSafeguards sees that the code has not moved away from the changes.
func TestSafeguards(t *testing.T) { writeOverlay(t) }

// BenchmarkSafeguards compares a warm invocation with one of a program without the
// safeguards, and that with itself, which says what the noise of the machine makes.
func BenchmarkSafeguards(b *testing.B) {
	downstream := startDownstream(b)
	event := restEvent(downstream, record(1<<10))
	bareProgram := buildRelay(b, "-overlay", writeOverlay(b))
	var relays [3]*function // as it is, and twice without the safeguards
	for i, program := range []string{buildRelay(b), bareProgram, bareProgram} {
		relays[i] = startRelay(b, program, downstream, event)
	}
	var times, cpus [2][]float64
	for turn := 0; b.Loop(); turn++ {
		var time, cpu [3]float64
		for i := range relays {
			i = (i + turn) % len(relays)
			elapsed, used := relays[i].run(b, 50)
			time[i], cpu[i] = float64(elapsed), float64(used)
		}
		for i := range times {
			times[i] = append(times[i], time[i]/time[2])
			cpus[i] = append(cpus[i], cpu[i]/cpu[2])
		}
	}
	hold(b, "time-ratio", times[0], 1.3)
	hold(b, "cpu-ratio", cpus[0], 1.3)
	b.ReportMetric(median(times[1]), "control-time-ratio")
	b.ReportMetric(median(cpus[1]), "control-cpu-ratio")
	b.ReportMetric(0, "ns/op")
}

// writeOverlay writes the files without the safeguards, and what go build -overlay is
// to be given so that it takes them in the place of the true ones.
func writeOverlay(t testing.TB) string {
	t.Helper()
	folder, replaced, texts := t.TempDir(), map[string]string{}, map[string]string{}
	for _, change := range safeguards() {
		file, err := filepath.Abs(filepath.Join("..", change[0]))
		if err != nil {
			t.Fatal(err)
		}
		if texts[file] == "" {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatalf("%v\nThe code has moved: name its new file in safeguards.", err)
			}
			texts[file] = string(text)
		}
		if count := strings.Count(texts[file], change[1]); count != 1 {
			t.Fatalf("%q stands %d times in %s, not once. The code has moved: let safeguards follow it.", change[1], count, change[0])
		}
		texts[file] = strings.Replace(texts[file], change[1], change[2], 1)
	}
	for file, text := range texts {
		replaced[file] = filepath.Join(folder, strings.ReplaceAll(file, string(filepath.Separator), "-"))
		if err := os.WriteFile(replaced[file], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replaced})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "overlay.json")
	if err := os.WriteFile(path, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
