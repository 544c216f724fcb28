package main

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keyrelay/function/destination"
)

func environment(pairs map[string]string) func(string) string {
	return func(name string) string { return pairs[name] }
}

func TestReadSettings(t *testing.T) {
	callers := destination.Reference{Provider: "secretsmanager", Name: "keyrelay/callers"}
	for name, test := range map[string]struct {
		environment map[string]string
		want        settings
	}{
		"a laptop": {
			map[string]string{},
			settings{address: "127.0.0.1:8080", networks: destination.Loopback},
		},
		"a laptop, at another port": {
			map[string]string{"PORT": "127.0.0.1:0"},
			settings{address: "127.0.0.1:0", networks: destination.Loopback},
		},
		"a container": {
			map[string]string{"PORT": "9000", "KEYRELAY_CALLER_KEYS": "secretsmanager:keyrelay/callers"},
			settings{address: ":9000", callerKeys: callers, networks: destination.Loopback},
		},
		"a container behind something that checks callers": {
			map[string]string{"PORT": "9000", "KEYRELAY_CALLER_KEYS": "none"},
			settings{address: ":9000", networks: destination.Loopback},
		},
		"Lambda": {
			map[string]string{"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001", "AWS_LAMBDA_FUNCTION_NAME": "relay", "PORT": "9000"},
			settings{address: ":9000", lambda: true, realLambda: true, functionName: "relay"},
		},
		"Lambda with private APIs": {
			map[string]string{"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001", "KEYRELAY_NETWORKS": "private"},
			settings{address: "127.0.0.1:8080", lambda: true, realLambda: true, networks: destination.Private},
		},
		"a laptop that opens nothing": {
			map[string]string{"KEYRELAY_NETWORKS": "public"},
			settings{address: "127.0.0.1:8080"},
		},
		"deliveries through queues": {
			map[string]string{"KEYRELAY_QUEUE": queueURL, "KEYRELAY_DEAD_QUEUE": queueURL + "-dead", "KEYRELAY_QUEUE_CONCURRENCY": "1000"},
			settings{address: "127.0.0.1:8080", networks: destination.Loopback, queue: queueURL, deadQueue: queueURL + "-dead", queueConcurrency: 1000},
		},
		"instances that share tokens": {
			map[string]string{"KEYRELAY_TOKEN_TABLE": "tokens", "KEYRELAY_TOKEN_KEY": "secretsmanager:keyrelay/callers"},
			settings{address: "127.0.0.1:8080", networks: destination.Loopback, tokenTable: "tokens", tokenKey: callers},
		},
		"sam local": {
			map[string]string{"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001", "AWS_SAM_LOCAL": "true"},
			settings{address: "127.0.0.1:8080", lambda: true, networks: destination.Loopback},
		},
	} {
		t.Run(name, func(t *testing.T) {
			test.environment["KEYRELAY_DESTINATIONS"] = "documents"
			test.want.destinations = "documents"
			test.want.queueConcurrency = max(test.want.queueConcurrency, 2)
			test.want.secretTTL, test.want.secretMaxAge = 300*time.Second, 24*time.Hour
			got, err := readSettings(environment(test.environment))
			if err != nil {
				t.Fatal(err)
			}
			if difference := cmp.Diff(test.want, got, cmp.AllowUnexported(settings{})); difference != "" {
				t.Error(difference)
			}
		})
	}
}

const queueURL = "https://sqs.eu-central-1.amazonaws.com/123456789012/keyrelay"

// TestWrongQueues sees that the queue that is missing, or wrong, is named.
func TestWrongQueues(t *testing.T) {
	for _, test := range []struct{ queue, dead, concurrency, want string }{
		{queueURL, "", "", "KEYRELAY_DEAD_QUEUE must be set"},
		{"", queueURL, "", "KEYRELAY_QUEUE must be set"},
		{queueURL, queueURL, "", "KEYRELAY_DEAD_QUEUE must be another"},
		{"keyrelay", queueURL, "", "KEYRELAY_QUEUE must be the URL"},
		{queueURL, "arn:aws:sqs:eu-central-1:123456789012:dead", "", "KEYRELAY_DEAD_QUEUE must be the URL"},
		{queueURL, "https://sqs.eu-central-1.amazonaws.com", "", "KEYRELAY_DEAD_QUEUE must be the URL"},
		{"https://sqs.eu-central-1.amazonaws.com/keyrelay", queueURL, "", "KEYRELAY_QUEUE must be the URL"},
		{"https://sqs.eu-central-1.amazonaws.com/account/keyrelay", queueURL, "", "KEYRELAY_QUEUE must be the URL"},
		{"http://sqs.eu-central-1.amazonaws.com/123456789012/keyrelay", queueURL, "", "KEYRELAY_QUEUE must be the URL"},
		{"https://sqs.cn-north-1.amazonaws.com.cn/123456789012/keyrelay/", queueURL, "", "KEYRELAY_QUEUE must be the URL"},
		{"http://foo/q", queueURL, "", "KEYRELAY_QUEUE must be the URL"},
		{queueURL, queueURL + "?wait", "", "KEYRELAY_DEAD_QUEUE must be the URL"},
		{queueURL + ".fifo", queueURL, "", "KEYRELAY_QUEUE must be a standard queue"},
		{queueURL, queueURL + "-dead", "1", "KEYRELAY_QUEUE_CONCURRENCY must be"},
		{queueURL, queueURL + "-dead", "1001", "KEYRELAY_QUEUE_CONCURRENCY must be"},
		{queueURL, queueURL + "-dead", "two", "KEYRELAY_QUEUE_CONCURRENCY must be"},
		{"", "", "2", "KEYRELAY_QUEUE_CONCURRENCY is of no use"},
	} {
		_, err := readSettings(environment(map[string]string{"KEYRELAY_QUEUE": test.queue, "KEYRELAY_DEAD_QUEUE": test.dead, "KEYRELAY_QUEUE_CONCURRENCY": test.concurrency}))
		if err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%+v: %v", test, err)
		}
	}
}

// TestQueueURLs takes those of AWS, by a VPC endpoint too, and of emulators.
func TestQueueURLs(t *testing.T) {
	for _, queue := range []string{
		"https://vpce-0a1b2c3d-e4f5.sqs.eu-central-1.vpce.amazonaws.com/123456789012/keyrelay", "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/Key_relay-1",
		"http://127.0.0.1:9324/000000000000/keyrelay", "http://localstack:4566/queue/us-east-1/000000000000/keyrelay", "http://elasticmq:9324/queue/keyrelay",
		"http://sqs.us-east-1.localhost.localstack.cloud:4566/000000000000/keyrelay",
	} {
		if _, err := readSettings(environment(map[string]string{"KEYRELAY_QUEUE": queue, "KEYRELAY_DEAD_QUEUE": queue + "-dead"})); err != nil {
			t.Errorf("%s: %v", queue, err)
		}
	}
}

// TestShapes refuses what no table, prefix or time can be, and what would do nothing.
func TestShapes(t *testing.T) {
	const arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/"
	for _, test := range []struct{ name, value, told string }{
		{"KEYRELAY_TOKEN_TABLE", "a b", "KEYRELAY_TOKEN_TABLE must"},
		{"KEYRELAY_TOKEN_TABLE", "ab", "KEYRELAY_TOKEN_TABLE must"},
		{"KEYRELAY_TOKEN_TABLE", strings.Repeat("a", 256), "KEYRELAY_TOKEN_TABLE must"},
		{"KEYRELAY_TOKEN_TABLE", "arn:aws:sqs:eu-central-1:123456789012:tokens", "KEYRELAY_TOKEN_TABLE must"},
		{"KEYRELAY_TOKEN_TABLE", arn + "tokens/index", "KEYRELAY_TOKEN_TABLE must"},
		{"KEYRELAY_TOKEN_TABLE", arn + "tokens", ""},
		{"KEYRELAY_TOKEN_TABLE", "keyrelay_tokens.1-b", ""},
		{"KEYRELAY_SECRET_PREFIX", "a b", "KEYRELAY_SECRET_PREFIX must"},
		{"KEYRELAY_SECRET_PREFIX", "staging", "KEYRELAY_SECRET_PREFIX must"},
		{"KEYRELAY_SECRET_PREFIX", strings.Repeat("a", 64) + "/", "KEYRELAY_SECRET_PREFIX must"},
		{"KEYRELAY_SECRET_PREFIX", "teams/a+b/", ""},
		{"KEYRELAY_SECRET_TTL", "48h", "KEYRELAY_SECRET_TTL must not be longer than KEYRELAY_SECRET_MAX_AGE"},
		{"KEYRELAY_SECRET_TTL", "24h", ""},
		{"KEYRELAY_SECRET_MAX_AGE", "1m", "KEYRELAY_SECRET_TTL must not be longer than KEYRELAY_SECRET_MAX_AGE"},
		{"KEYRELAY_CALLERS", `{"id": "osmos"}`, "KEYRELAY_CALLERS is of no use outside Lambda"},
		{"KEYRELAY_CALLERS", `{}`, ""},
	} {
		variables := map[string]string{test.name: test.value}
		if test.name == "KEYRELAY_TOKEN_TABLE" {
			variables["KEYRELAY_TOKEN_KEY"] = "env:KEY"
		}
		_, err := readSettings(environment(variables))
		if (err == nil) != (test.told == "") || err != nil && !strings.HasPrefix(err.Error(), test.told) {
			t.Errorf("%s=%s: %v", test.name, test.value, err)
		}
	}
	if _, err := readSettings(environment(map[string]string{"KEYRELAY_CALLERS": `{"id": "osmos"}`, "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"})); err != nil {
		t.Error(err)
	}
	if _, err := readSettings(environment(map[string]string{"KEYRELAY_SECRET_TTL": "48h", "KEYRELAY_SECRET_MAX_AGE": "0"})); err != nil {
		t.Error(err)
	}
}

// TestWrongSettings sees that each wrong variable is named, and that what may be a
// key, put where its reference belongs, is not repeated.
func TestWrongSettings(t *testing.T) {
	for _, wrong := range []string{"0", "0.0.0.0:9000", "127.0.0.1", "127.0.0.1:http", "[::1]:9000"} {
		if _, err := readSettings(environment(map[string]string{"PORT": wrong})); err == nil || !strings.HasPrefix(err.Error(), "PORT must") {
			t.Errorf("PORT=%s: %v", wrong, err)
		}
	}
	for _, wrong := range []string{"debug", "warn+2", "-4"} {
		if _, err := readSettings(environment(map[string]string{"KEYRELAY_LOG_LEVEL": wrong})); err == nil {
			t.Errorf("KEYRELAY_LOG_LEVEL=%s is taken", wrong)
		}
	}
	for variable, wrong := range map[string]string{
		"PORT":                    "http",
		"KEYRELAY_NETWORKS":       "internet",
		"KEYRELAY_CALLER_KEYS":    "the-very-key-itself",
		"KEYRELAY_SECRET_TTL":     "5 minutes",
		"KEYRELAY_SECRET_MAX_AGE": "-1h",
		"KEYRELAY_CALLERS":        `["osmos"]`,
		"KEYRELAY_LOG_LEVEL":      "loud",
	} {
		_, err := readSettings(environment(map[string]string{variable: wrong}))
		if err == nil || !strings.HasPrefix(err.Error(), variable+" must") {
			t.Errorf("%s=%s: %v", variable, wrong, err)
		} else if strings.Contains(err.Error(), "the-very-key-itself") {
			t.Errorf("the value of KEYRELAY_CALLER_KEYS is shown: %v", err)
		}
	}
}

// TestTokenTable names the setting that lacks to the other, a key that is none, and shows no key.
func TestTokenTable(t *testing.T) {
	folder := writeDocument(t, openDocument("http://127.0.0.1"))
	for _, test := range []struct{ table, key, told string }{
		{"tokens", "", "KEYRELAY_TOKEN_KEY must be set"},
		{"", "env:KEY", "KEYRELAY_TOKEN_TABLE must be set"},
		{"tokens", "the-very-key-itself", "KEYRELAY_TOKEN_KEY must be a secret reference"},
		{"tokens", "env:ABSENT_KEY", "KEYRELAY_TOKEN_KEY: The secret env:ABSENT_KEY is not set"},
		{"tokens", "env:SHORT_KEY", "KEYRELAY_TOKEN_KEY: the secret env:SHORT_KEY is shorter than 32 bytes"},
		{"tokens", "env:LONG_KEY", ""},
		{"", "", ""},
	} {
		t.Setenv("SHORT_KEY", "the-very-key-itself")
		t.Setenv("LONG_KEY", strings.Repeat("the-very-key-itself", 2))
		read, err := readSettings(environment(map[string]string{"KEYRELAY_DESTINATIONS": folder, "KEYRELAY_TOKEN_TABLE": test.table, "KEYRELAY_TOKEN_KEY": test.key}))
		if err == nil {
			_, err = wire(read, io.Discard)
		}
		if told := fmt.Sprint(err); (err == nil) != (test.told == "") || test.told != "" && !strings.HasPrefix(told, test.told) || strings.Contains(told, "the-very-key") {
			t.Errorf("%s, %s: %v", test.table, test.key, err)
		}
	}
}

func TestZeroSettings(t *testing.T) {
	if _, err := readSettings(environment(map[string]string{"KEYRELAY_SECRET_TTL": "0s"})); err == nil {
		t.Error("a time to live of 0 was taken")
	}
	got, err := readSettings(environment(map[string]string{"KEYRELAY_SECRET_MAX_AGE": "0"}))
	if err != nil || got.secretMaxAge != 0 {
		t.Error("a hard age of 0 switches it off", got.secretMaxAge, err)
	}
}

// TestOpenPortNeedsCallerKeys sees that a server that others can reach does not
// start without a word on who may use it.
func TestOpenPortNeedsCallerKeys(t *testing.T) {
	_, err := readSettings(environment(map[string]string{"PORT": "8080"}))
	if err == nil || !strings.Contains(err.Error(), "KEYRELAY_CALLER_KEYS must be set") {
		t.Error(err)
	}
}

// TestMisspeltSettings sees that a variable that only looks like a setting is named,
// and that every setting of docs/settings.md is one.
func TestMisspeltSettings(t *testing.T) {
	for _, name := range []string{"KEYRELAY_DESTINATION", "KEYRELAY_SECRETS_TTL", "KEYRELAY_", "keyrelay_destinations"} {
		if err := checkNames([]string{"PORT=80", name + "=the-value"}); err == nil || !strings.HasPrefix(err.Error(), name+" is not") || strings.Contains(err.Error(), "the-value") {
			t.Errorf("%s: %v", name, err)
		}
	}
	document, err := os.ReadFile("../docs/settings.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`KEYRELAY_[A-Z_]+`).FindAllString(string(document), -1)
	if err := checkNames(found); err != nil || len(found) < 5 {
		t.Errorf("docs/settings.md names %v: %v", found, err)
	}
}

// TestAddEnvironment sees that variables come out of one, and that none that the
// program or the SDK reads can be brought in that way.
func TestAddEnvironment(t *testing.T) {
	t.Setenv("ADDED_KEY", "before")
	if err := addEnvironment(`{"ADDED_KEY": "after"}`); err != nil || os.Getenv("ADDED_KEY") != "after" {
		t.Errorf("%v, ADDED_KEY is %s", err, os.Getenv("ADDED_KEY"))
	}
	for _, wrong := range []string{`{"AWS_REGION": "mars"}`, `{"KEYRELAY_SECRET_TTL": "1s"}`, `{"": "a-value"}`, `{"A=B": "a-value"}`, `{"A": 1}`, `a-value`} {
		if err := addEnvironment(wrong); err == nil || !strings.HasPrefix(err.Error(), "KEYRELAY_ENVIRONMENT must") || strings.Contains(err.Error(), "a-value") {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}
