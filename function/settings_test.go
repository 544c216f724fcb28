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

// TestRefusedSettings sees that the variable that is missing, wrong or of no use is named, and
// that what may be a key, put where its reference belongs, is not repeated; and that what
// stands beside these, at each bound, is taken.
func TestRefusedSettings(t *testing.T) {
	const dead, table, both = queueURL + "-dead", "arn:aws:dynamodb:eu-central-1:123456789012:table/", "KEYRELAY_QUEUE=" + queueURL + "|KEYRELAY_DEAD_QUEUE=" + queueURL + "-dead"
	long := strings.Repeat("a", 64)
	for _, test := range []struct{ variables, told string }{
		{"PORT=http", "PORT must"}, {"PORT=0", "PORT must"}, {"PORT=0.0.0.0:9000", "PORT must"}, {"PORT=127.0.0.1", "PORT must"}, {"PORT=127.0.0.1:http", "PORT must"}, {"PORT=[::1]:9000", "PORT must"},
		{"PORT=8080", "KEYRELAY_CALLER_KEYS must be set"},
		{"KEYRELAY_CALLER_KEYS=the-very-key-itself", "KEYRELAY_CALLER_KEYS must"},
		{"KEYRELAY_NETWORKS=internet", "KEYRELAY_NETWORKS must"},
		{"KEYRELAY_LOG_LEVEL=loud", "KEYRELAY_LOG_LEVEL must"}, {"KEYRELAY_LOG_LEVEL=debug", "KEYRELAY_LOG_LEVEL must"}, {"KEYRELAY_LOG_LEVEL=warn+2", "KEYRELAY_LOG_LEVEL must"}, {"KEYRELAY_LOG_LEVEL=-4", "KEYRELAY_LOG_LEVEL must"},
		{`KEYRELAY_CALLERS=["osmos"]`, "KEYRELAY_CALLERS must"},
		{`KEYRELAY_CALLERS={"id": "osmos"}`, "KEYRELAY_CALLERS is of no use outside Lambda"},
		{`KEYRELAY_CALLERS={"id": "osmos"}|AWS_LAMBDA_RUNTIME_API=127.0.0.1:9001`, ""},
		{"KEYRELAY_CALLERS={}", ""},
		{"KEYRELAY_SECRET_PREFIX=a b", "KEYRELAY_SECRET_PREFIX must"},
		{"KEYRELAY_SECRET_PREFIX=staging", "KEYRELAY_SECRET_PREFIX must"},
		{"KEYRELAY_SECRET_PREFIX=" + long + "/", "KEYRELAY_SECRET_PREFIX must"},
		{"KEYRELAY_SECRET_PREFIX=teams/a+b/", ""},
		{"KEYRELAY_SECRET_TTL=5 minutes", "KEYRELAY_SECRET_TTL must"},
		{"KEYRELAY_SECRET_TTL=0s", "KEYRELAY_SECRET_TTL must be longer than 0"},
		{"KEYRELAY_SECRET_TTL=48h", "KEYRELAY_SECRET_TTL must not be longer than KEYRELAY_SECRET_MAX_AGE"},
		{"KEYRELAY_SECRET_TTL=24h", ""},
		{"KEYRELAY_SECRET_TTL=48h|KEYRELAY_SECRET_MAX_AGE=0", ""},
		{"KEYRELAY_SECRET_MAX_AGE=1m", "KEYRELAY_SECRET_TTL must not be longer than KEYRELAY_SECRET_MAX_AGE"},
		{"KEYRELAY_SECRET_MAX_AGE=-1h", "KEYRELAY_SECRET_MAX_AGE must"},
		{"KEYRELAY_TOKEN_TABLE=tokens", "KEYRELAY_TOKEN_KEY must be set"},
		{"KEYRELAY_TOKEN_KEY=env:KEY", "KEYRELAY_TOKEN_TABLE must be set"},
		{"KEYRELAY_TOKEN_TABLE=tokens|KEYRELAY_TOKEN_KEY=the-very-key-itself", "KEYRELAY_TOKEN_KEY must be a secret reference"},
		{"KEYRELAY_TOKEN_TABLE=a b|KEYRELAY_TOKEN_KEY=env:KEY", "KEYRELAY_TOKEN_TABLE must"},
		{"KEYRELAY_TOKEN_TABLE=ab|KEYRELAY_TOKEN_KEY=env:KEY", "KEYRELAY_TOKEN_TABLE must"},
		{"KEYRELAY_TOKEN_TABLE=" + strings.Repeat(long, 4) + "|KEYRELAY_TOKEN_KEY=env:KEY", "KEYRELAY_TOKEN_TABLE must"},
		{"KEYRELAY_TOKEN_TABLE=arn:aws:sqs:eu-central-1:123456789012:tokens|KEYRELAY_TOKEN_KEY=env:KEY", "KEYRELAY_TOKEN_TABLE must"},
		{"KEYRELAY_TOKEN_TABLE=" + table + "tokens/index|KEYRELAY_TOKEN_KEY=env:KEY", "KEYRELAY_TOKEN_TABLE must"},
		{"KEYRELAY_TOKEN_TABLE=" + table + "tokens|KEYRELAY_TOKEN_KEY=env:KEY", ""},
		{"KEYRELAY_TOKEN_TABLE=keyrelay_tokens.1-b|KEYRELAY_TOKEN_KEY=env:KEY", ""},
		{"KEYRELAY_QUEUE=" + queueURL, "KEYRELAY_DEAD_QUEUE must be set"},
		{"KEYRELAY_DEAD_QUEUE=" + queueURL, "KEYRELAY_QUEUE must be set"},
		{"KEYRELAY_QUEUE=" + queueURL + "|KEYRELAY_DEAD_QUEUE=" + queueURL, "KEYRELAY_DEAD_QUEUE must be another"},
		{"KEYRELAY_QUEUE=" + queueURL + ".fifo|KEYRELAY_DEAD_QUEUE=" + dead, "KEYRELAY_QUEUE must be a standard queue"},
		{"KEYRELAY_QUEUE_CONCURRENCY=2", "KEYRELAY_QUEUE_CONCURRENCY is of no use"},
		{both + "|KEYRELAY_QUEUE_CONCURRENCY=1", "KEYRELAY_QUEUE_CONCURRENCY must be"},
		{both + "|KEYRELAY_QUEUE_CONCURRENCY=1001", "KEYRELAY_QUEUE_CONCURRENCY must be"},
		{both + "|KEYRELAY_QUEUE_CONCURRENCY=two", "KEYRELAY_QUEUE_CONCURRENCY must be"},
	} {
		variables := map[string]string{}
		for each := range strings.SplitSeq(test.variables, "|") {
			name, value, _ := strings.Cut(each, "=")
			variables[name] = value
		}
		_, err := readSettings(environment(variables))
		if (err == nil) != (test.told == "") || err != nil && (!strings.HasPrefix(err.Error(), test.told) || strings.Contains(err.Error(), "the-very-key-itself")) {
			t.Errorf("%s: %v", test.variables, err)
		}
	}
}

// TestQueueURLs takes the queues of AWS, by a VPC endpoint too, and of emulators, and no
// other URL in the place of either queue.
func TestQueueURLs(t *testing.T) {
	for queue, taken := range map[string]bool{
		"https://vpce-0a1b2c3d-e4f5.sqs.eu-central-1.vpce.amazonaws.com/123456789012/keyrelay": true,
		"https://sqs.cn-north-1.amazonaws.com.cn/123456789012/Key_relay-1":                     true,
		"http://127.0.0.1:9324/000000000000/keyrelay":                                          true,
		"http://localstack:4566/queue/us-east-1/000000000000/keyrelay":                         true,
		"http://elasticmq:9324/queue/keyrelay":                                                 true,
		"http://sqs.us-east-1.localhost.localstack.cloud:4566/000000000000/keyrelay":           true,
		"keyrelay": false,
		"arn:aws:sqs:eu-central-1:123456789012:dead":                     false,
		"https://sqs.eu-central-1.amazonaws.com":                         false,
		"https://sqs.eu-central-1.amazonaws.com/keyrelay":                false,
		"https://sqs.eu-central-1.amazonaws.com/account/keyrelay":        false,
		"http://sqs.eu-central-1.amazonaws.com/123456789012/keyrelay":    false,
		"https://sqs.cn-north-1.amazonaws.com.cn/123456789012/keyrelay/": false,
		"http://foo/q":     false,
		queueURL + "?wait": false,
	} {
		for name, other := range map[string]string{"KEYRELAY_QUEUE": "KEYRELAY_DEAD_QUEUE", "KEYRELAY_DEAD_QUEUE": "KEYRELAY_QUEUE"} {
			_, err := readSettings(environment(map[string]string{name: queue, other: queueURL}))
			if (err == nil) != taken || err != nil && !strings.HasPrefix(err.Error(), name+" must be the URL") {
				t.Errorf("%s=%s: %v", name, queue, err)
			}
		}
	}
}

// TestTokenTable stops the start where the key of the tokens is missing or too short, and shows none.
func TestTokenTable(t *testing.T) {
	t.Setenv("SHORT_KEY", "the-very-key-itself")
	t.Setenv("LONG_KEY", strings.Repeat("the-very-key-itself", 2))
	folder := writeDocuments(t, openDocument("http://127.0.0.1"))
	for key, told := range map[string]string{
		"env:ABSENT_KEY": "KEYRELAY_TOKEN_KEY: The secret env:ABSENT_KEY is not set",
		"env:SHORT_KEY":  "KEYRELAY_TOKEN_KEY: the secret env:SHORT_KEY is shorter than 32 bytes",
		"env:LONG_KEY":   "<nil>",
	} {
		read, err := readSettings(environment(map[string]string{"KEYRELAY_DESTINATIONS": folder, "KEYRELAY_TOKEN_TABLE": "tokens", "KEYRELAY_TOKEN_KEY": key}))
		if err == nil {
			_, err = wire(read, io.Discard)
		}
		if got := fmt.Sprint(err); !strings.HasPrefix(got, told) || strings.Contains(got, "the-very-key") {
			t.Errorf("%s: %v", key, err)
		}
	}
}

// TestNoMaxAge takes 0 for no use of old secrets at all.
func TestNoMaxAge(t *testing.T) {
	if got, err := readSettings(environment(map[string]string{"KEYRELAY_SECRET_MAX_AGE": "0"})); err != nil || got.secretMaxAge != 0 {
		t.Error(got.secretMaxAge, err)
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
	for name, meant := range map[string]string{"KEYRELAY_NETWORK": "write KEYRELAY_NETWORKS", "KEYRELAY_SECRET_TLL": "write KEYRELAY_SECRET_TTL", "KEYRELAY_PORT": "write one of KEYRELAY_CALLER_KEYS, "} {
		if err := checkNames([]string{name + "=1"}); err == nil || !strings.Contains(err.Error(), meant) {
			t.Errorf("%s: %v", name, err)
		}
		t.Setenv(name, "1")
		for _, arguments := range [][]string{{"check", "."}, {"check", "--for", "lambda", "."}} {
			if err := run(t.Context(), arguments); err == nil || !strings.Contains(err.Error(), "is not a setting of keyrelay") {
				t.Errorf("%v: %v", arguments, err)
			}
		}
		if err := os.Unsetenv(name); err != nil {
			t.Fatal(err)
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
