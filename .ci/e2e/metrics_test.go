package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// An embeddedEntry is a log entry in CloudWatch's embedded metric format.
type embeddedEntry struct {
	AWS struct {
		CloudWatchMetrics []struct {
			Namespace  string
			Dimensions [][]string
			Metrics    []struct{ Name, Unit string }
		}
	} `json:"_aws"`
}

// A metric is one series of CloudWatch; dimensions are written Name=Value,Name=Value.
type metric struct {
	namespace, name, dimensions string
}

// raisesAlarms holds the function's log entries against the format's schema, does
// with them what CloudWatch would, which the emulator does not, and expects the
// alarm for secrets, since secrets could not be read before.
func (c *cloud) raisesAlarms(t *testing.T) {
	sums := make(map[metric]float64)
	for number, entry := range c.requestEntries(t) {
		if number < 3 {
			c.checkSchema(t, entry)
		}
		addMetrics(t, sums, entry)
	}
	for series, sum := range sums {
		if series.name == "Faults" {
			c.aws(t, nil, "cloudwatch", "put-metric-data", "--namespace", series.namespace, "--metric-name", series.name,
				"--dimensions", series.dimensions, "--value", fmt.Sprint(sum))
		}
	}
	if watched, state := c.alarm(t, "SecretAlarm"); sums[watched] != 2 || state != "ALARM" {
		t.Errorf("the alarm for secrets watches %v, which has %v, and its state is %s; want 2 and ALARM", watched, sums[watched], state)
	}
	// The emulator takes an alarm's metric by its name alone, so this one's state says nothing.
	if watched, _ := c.alarm(t, "RetrievalAlarm"); sums[watched] != 0 {
		t.Errorf("the alarm for retrievals watches %v, which has %v, want nothing", watched, sums[watched])
	}
	if watched, _ := c.alarm(t, "SlowAlarm"); sums[watched] == 0 {
		t.Errorf("the alarm for slow answers watches %v, which no log entry has", watched)
	}
	for _, shown := range c.shownMetrics(t) {
		if _, held := sums[shown]; !held && !strings.Contains(shown.dimensions, "token-endpoint") && !strings.Contains(shown.dimensions, "downstream") &&
			!strings.Contains(shown.dimensions, "Blame=credential") {
			t.Errorf("the dashboard shows %v, which no log entry has", shown)
		}
	}
}

// shownMetrics are the metrics of the dashboard.
func (c *cloud) shownMetrics(t *testing.T) []metric {
	t.Helper()
	var answer struct{ DashboardBody string }
	c.aws(t, &answer, "cloudwatch", "get-dashboard", "--dashboard-name", c.resource(t, "Dashboard"))
	var dashboard struct {
		Widgets []struct{ Properties struct{ Metrics [][]any } }
	}
	if err := json.Unmarshal([]byte(answer.DashboardBody), &dashboard); err != nil {
		t.Fatalf("the dashboard is not JSON: %v in %s", err, answer.DashboardBody)
	}
	var shown []metric
	for _, widget := range dashboard.Widgets {
		for _, row := range widget.Properties.Metrics {
			shown = append(shown, shownMetric(row))
		}
	}
	if len(shown) == 0 {
		t.Error("the dashboard shows no metrics")
	}
	return shown
}

// shownMetric reads a row of a widget: namespace, name, dimensions by turns, options.
func shownMetric(row []any) metric {
	var texts, pairs []string
	for _, value := range row {
		if text, isText := value.(string); isText {
			texts = append(texts, text)
		}
	}
	for i := 2; i+1 < len(texts); i += 2 {
		pairs = append(pairs, texts[i]+"="+texts[i+1])
	}
	slices.Sort(pairs)
	return metric{texts[0], texts[1], strings.Join(pairs, ",")}
}

// requestEntries are the function's log entries of requests.
func (c *cloud) requestEntries(t *testing.T) []string {
	t.Helper()
	entries := c.entries(t, `"message":"request"`)
	if len(entries) == 0 {
		t.Fatal("no request was logged")
	}
	return entries
}

// entries are those of the function's log that hold a text, 10,000 at most.
func (c *cloud) entries(t *testing.T, text string) []string {
	t.Helper()
	var log struct{ Events []struct{ Message string } }
	c.aws(t, &log, "logs", "filter-log-events", "--log-group-name", c.resource(t, "RelayLog"), "--filter-pattern", text)
	var entries []string
	for _, event := range log.Events {
		entries = append(entries, event.Message)
	}
	return entries
}

func (c *cloud) checkSchema(t *testing.T, entry string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "entry.json")
	if err := os.WriteFile(file, []byte(entry), 0o600); err != nil {
		t.Fatal(err)
	}
	output(t, command(t, nil, "python", "-m", "jsonschema", "-i", file, ".ci/e2e/testdata/embedded-metric-format.schema.json"))
}

// addMetrics adds what a log entry says to the metrics' sums.
func addMetrics(t *testing.T, sums map[metric]float64, text string) {
	t.Helper()
	var entry embeddedEntry
	var members map[string]any
	for _, target := range []any{&entry, &members} {
		if err := json.Unmarshal([]byte(text), target); err != nil {
			t.Fatalf("%v in the log entry %s", err, text)
		}
	}
	for _, directive := range entry.AWS.CloudWatchMetrics {
		for _, set := range directive.Dimensions {
			for _, named := range directive.Metrics {
				value, isNumber := members[named.Name].(float64)
				if !isNumber {
					t.Fatalf("the metric %s is not a number of the entry %s", named.Name, text)
				}
				sums[metric{directive.Namespace, named.Name, dimensions(t, set, members)}] += value
			}
		}
	}
}

func dimensions(t *testing.T, set []string, members map[string]any) string {
	t.Helper()
	var pairs []string
	for _, name := range set {
		value, isText := members[name].(string)
		if !isText {
			t.Fatalf("the dimension %s is not a text of the entry: %v", name, members[name])
		}
		pairs = append(pairs, name+"="+value)
	}
	slices.Sort(pairs)
	return strings.Join(pairs, ",")
}

// alarm is what an alarm of the template watches, and its state.
func (c *cloud) alarm(t *testing.T, name string) (metric, string) {
	t.Helper()
	var answer struct {
		MetricAlarms []struct {
			Namespace, MetricName, StateValue string
			Dimensions                        []struct{ Name, Value string }
		}
	}
	c.aws(t, &answer, "cloudwatch", "describe-alarms", "--alarm-names", c.resource(t, name))
	found := answer.MetricAlarms[0]
	var pairs []string
	for _, dimension := range found.Dimensions {
		pairs = append(pairs, dimension.Name+"="+dimension.Value)
	}
	slices.Sort(pairs)
	return metric{found.Namespace, found.MetricName, strings.Join(pairs, ",")}, found.StateValue
}
