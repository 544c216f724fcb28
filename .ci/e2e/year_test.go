package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// The documents of the year: one that every caller may use, and one for each of two
// connectors. None says where its secret is.
func yearDocuments(t *testing.T, openPath string) string {
	t.Helper()
	folder := t.TempDir()
	for name, members := range map[string]string{
		"open":    openPath + "\n",
		"orders":  "/orders\nx-keyrelay-callers: [osmos]\n",
		"tickets": "/tickets\nx-keyrelay-callers: [crm]\n",
	} {
		document := "openapi: 3.1.0\ninfo: {title: " + name + ", version: '1'}\nx-keyrelay-network: private # the tests' own test host\n" +
			"security: [{key: []}]\ncomponents: {securitySchemes: {key: {type: apiKey, in: header, name: X-Api-Key}}}\nservers:\n  - url: " + downstreamBase + members
		if err := os.WriteFile(filepath.Join(folder, name+".yaml"), []byte(document), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// TestYear lives through an operator's year, as docs/operate.md has it: each subtest
// continues where the one before ended.
func TestYear(t *testing.T) {
	startTestHost(t, firstKey)
	cloud := startCloud(t)
	for _, prefix := range []string{"keyrelay/", "keyrelay-staging/"} {
		for _, name := range []string{"open", "orders", "tickets"} {
			cloud.aws(t, nil, "secretsmanager", "create-secret", "--name", prefix+name, "--secret-string", `{"key":"`+firstKey+`"}`)
		}
	}
	year := &year{cloud: cloud, staging: cloud.another(t, "keyrelay-e2e-staging")}
	t.Run("two stages", year.deploysStages)
	t.Run("two connectors", year.tellsConnectors)
	t.Run("a secret is rotated", cloud.rotatesSecret)
	t.Run("the key of a connector is rotated at the gateway", year.rotatesGatewayKey)
	t.Run("the key of a caller is rotated over HTTP", year.rotatesCallerKey)
	t.Run("a bad document is rolled back", year.rollsBack)
	t.Run("a key is revoked at the API", year.noticesRevocation)
	t.Run("delete", year.deletes)
}

// A year is a production stack and another stage of it.
type year struct {
	*cloud
	staging *cloud
}

func (y *year) deploysStages(t *testing.T) {
	documents := yearDocuments(t, "/v1")
	y.deploy(t, documents, "Caller1=osmos", "Caller2=crm")
	y.staging.deploy(t, documents, "SecretPrefix=keyrelay-staging/", "Caller1=osmos")
	y.useKeyOf(t, "osmos-1")
	y.staging.useKeyOf(t, "osmos-1")
	const secrets = "arn:aws:secretsmanager:us-east-1:000000000000:secret:"
	for _, question := range []struct {
		stage            *cloud
		resource, expect string
	}{
		{y.cloud, "keyrelay/open-AbCdEf", "allowed"}, {y.cloud, "keyrelay-staging/open-AbCdEf", "implicitDeny"},
		{y.staging, "keyrelay-staging/open-AbCdEf", "allowed"}, {y.staging, "keyrelay/open-AbCdEf", "implicitDeny"},
	} {
		if decision := y.simulate(t, question.stage.outputs(t)["RoleName"], "secretsmanager:GetSecretValue", secrets+question.resource); decision != question.expect {
			t.Errorf("%s may read %s: %s", question.stage.stack, question.resource, decision)
		}
	}
	// Without its own secret a stage has none, whatever the other one has: IAM is enforced here.
	y.aws(t, nil, "secretsmanager", "delete-secret", "--secret-id", "keyrelay-staging/orders", "--force-delete-without-recovery")
	if got := y.staging.invoke(t, "osmos=", "/orders"); got.problem != "secret-unavailable" {
		t.Errorf("a stage without its secret answers %d %s", got.StatusCode, got.Body)
	}
	for _, stage := range []*cloud{y.cloud, y.staging} {
		if status, _, body := stage.send(t, order("/v1/orders")); status != http.StatusOK {
			t.Errorf("%s: %d %s", stage.stack, status, body)
		}
	}
}

// useKeyOf has the stack's gateway called with the API key of that ending.
func (c *cloud) useKeyOf(t *testing.T, ending string) {
	t.Helper()
	c.findGateway(t)
	keys := bufio.NewScanner(strings.NewReader(output(t, command(t, c.environment, "sh", "-c", c.outputs(t)["CallerKeysCommand"]))))
	for keys.Scan() {
		if fields := strings.Fields(keys.Text()); len(fields) == 2 && fields[0] == c.stack+"-"+ending {
			c.key = fields[1]
			return
		}
	}
	t.Fatalf("there is no key of %s", ending)
}

// An invocation is what the function answered.
type invocation struct {
	StatusCode int
	Body       string
	problem    string
}

// invoke calls the function as the gateway of AWS does, with the id of the API key
// that CallerKeyIds gives a caller ("osmos="), which the emulated gateway leaves out.
func (c *cloud) invoke(t *testing.T, caller, path string) invocation {
	t.Helper()
	id := ""
	for _, pair := range strings.Fields(c.outputs(t)["CallerKeyIds"]) {
		if rest, found := strings.CutPrefix(pair, caller); found {
			id = rest
		}
	}
	event := fmt.Sprintf(`{"resource":"/","path":"/","httpMethod":"POST","headers":{"Content-Type":"application/json","X-Osmos-Outbound-Url":%q},
		"requestContext":{"requestId":"request-of-%s","identity":{"apiKeyId":%q}},"body":"{}","isBase64Encoded":false}`, downstreamBase+path, strings.TrimSuffix(caller, "="), id)
	file := filepath.Join(t.TempDir(), "answer.json")
	c.aws(t, nil, "lambda", "invoke", "--function-name", c.outputs(t)["AliasArn"], "--payload", event, file)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got invocation
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if got.StatusCode >= 400 {
		got.problem = problem(t, []byte(got.Body))
	}
	return got
}

func (y *year) tellsConnectors(t *testing.T) {
	for _, test := range []struct{ caller, path, problem string }{
		{"osmos=", "/orders", ""}, {"osmos=", "/tickets", "caller-not-allowed"}, {"osmos=", "/v1", ""},
		{"crm=", "/tickets", ""}, {"crm=", "/orders", "caller-not-allowed"},
		{"nobody=", "/orders", "caller-not-allowed"}, {"nobody=", "/v1", ""},
	} {
		if got := y.invoke(t, test.caller, test.path); got.problem != test.problem {
			t.Errorf("%s at %s: %d %s", test.caller, test.path, got.StatusCode, got.Body)
		}
	}
	if records := strings.Join(y.records(t), ""); !strings.Contains(records, `"requestId":"request-of-crm","caller":"crm"`) {
		t.Error("the log does not name the connector crm by its request")
	}
}

func (c *cloud) rotatesSecret(t *testing.T) {
	stop := c.callers(t, 3)
	for _, name := range []string{"open", "orders", "tickets"} {
		c.aws(t, nil, "secretsmanager", "put-secret-value", "--secret-id", "keyrelay/"+name, "--secret-string", `{"key":"`+secondKey+`"}`)
	}
	changeKey(t, secondKey)
	t.Logf("%d calls, none failed", stop(20))
}

func (y *year) rotatesGatewayKey(t *testing.T) {
	documents := yearDocuments(t, "/v1")
	before := y.key
	stop := y.callers(t, 2)
	y.deploy(t, documents, "Caller1=osmos", "Caller2=crm", "Caller3=osmos")
	stop(5)
	y.useKeyOf(t, "osmos-3")
	stop = y.callers(t, 2)
	y.deploy(t, documents, `Caller1=""`, "Caller2=crm", "Caller3=osmos")
	t.Logf("%d calls with the new key while the old one went, none failed", stop(5))
	if got := y.invoke(t, "osmos=", "/orders"); got.StatusCode != http.StatusOK {
		t.Errorf("the connector with its new key: %d %s", got.StatusCode, got.Body)
	}
	request := y.request(t, order("/v1/orders"))
	request.Header.Set("X-Api-Key", before)
	if status, _, body := send(t, request); status != http.StatusForbidden {
		t.Errorf("the old key: %d %s, want 403", status, body)
	}
}

func (y *year) rotatesCallerKey(t *testing.T) {
	y.aws(t, nil, "secretsmanager", "create-secret", "--name", "keyrelay/callers", "--secret-string", `{"osmos": "the-old-key-of-osmos"}`)
	folder, port := yearDocuments(t, "/v1"), freePort(t)
	program := filepath.Join(t.TempDir(), "keyrelay")
	output(t, command(t, []string{"CGO_ENABLED=0"}, "go", "build", "-o", program, "./function"))
	start(t, command(t, append([]string{
		"PORT=" + port, "KEYRELAY_DESTINATIONS=" + folder, "KEYRELAY_CALLER_KEYS=secretsmanager:keyrelay/callers", "KEYRELAY_SECRET_TTL=1s",
	}, y.environment...), program))
	address := "http://127.0.0.1:" + port
	eventually(t, "the server answers", answers(address+"/healthz"))
	status := func(key string) int {
		request := y.request(t, call{method: http.MethodPost, outbound: downstreamBase + "/orders/1", mediaType: "application/json", body: "{}"})
		request.URL.Host = strings.TrimPrefix(address, "http://")
		request.URL.Path, request.Host = "/", ""
		request.Header.Set("X-Api-Key", key)
		got, _, _ := send(t, request)
		return got
	}
	put := func(value string) {
		y.aws(t, nil, "secretsmanager", "put-secret-value", "--secret-id", "keyrelay/callers", "--secret-string", value)
	}
	var key atomic.Value
	key.Store("the-old-key-of-osmos")
	done, failed := make(chan struct{}), make(chan int, 1)
	go func() {
		defer close(failed)
		for calls := 0; ; calls++ {
			select {
			case <-done:
				t.Logf("%d calls over HTTP, none failed", calls)
				return
			default:
				if got := status(key.Load().(string)); got != http.StatusOK {
					failed <- got
					return
				}
			}
		}
	}()
	put(`{"osmos": ["the-new-key-of-osmos", "the-old-key-of-osmos"]}`)
	eventually(t, "the new key is accepted", func() bool { return status("the-new-key-of-osmos") == http.StatusOK })
	key.Store("the-new-key-of-osmos")
	put(`{"osmos": "the-new-key-of-osmos"}`)
	eventually(t, "the old key is refused", func() bool { return status("the-old-key-of-osmos") == http.StatusUnauthorized })
	close(done)
	if got, ok := <-failed; ok {
		t.Errorf("a call under way got %d", got)
	}
}

func (y *year) rollsBack(t *testing.T) {
	var before struct{ FunctionVersion string }
	y.aws(t, &before, "lambda", "get-alias", "--function-name", y.outputs(t)["FunctionName"], "--name", "live")
	y.deploy(t, yearDocuments(t, "/elsewhere"), "Caller2=crm", "Caller3=osmos")
	if status, _, body := y.send(t, order("/v1/orders")); status != http.StatusForbidden || problem(t, body) != "destination-not-declared" {
		t.Fatalf("the bad document does not do harm: %d %s", status, body)
	}
	outputs := y.outputs(t)
	if versions := output(t, command(t, y.environment, "sh", "-c", outputs["VersionsCommand"])); !strings.Contains(versions, before.FunctionVersion+"\t") {
		t.Errorf("the versions are %s, without %s", versions, before.FunctionVersion)
	}
	output(t, command(t, y.environment, "sh", "-c", outputs["RollBackCommand"]+" "+before.FunctionVersion))
	if status, _, body := y.send(t, order("/v1/orders")); status != http.StatusOK {
		t.Errorf("after one command: %d %s", status, body)
	}
}

func (y *year) noticesRevocation(t *testing.T) {
	changeKey(t, "a-key-that-nobody-has")
	if status, _, _ := y.send(t, order("/v1/orders")); status != http.StatusUnauthorized {
		t.Fatalf("the API's own answer does not pass: %d", status)
	}
	sums := make(map[metric]float64)
	var named bool
	for _, record := range y.records(t) {
		addMetrics(t, sums, record)
		named = named || strings.Contains(record, `"blame":"credential"`) && strings.Contains(record, `"destination":"open"`) &&
			strings.Contains(record, `"scheme":"key"`) && strings.Contains(record, `"detail":"The API answered 401`) && strings.Contains(record, `"level":"ERROR"`)
	}
	if !named {
		t.Error("no log entry names the credential that the API refuses")
	}
	watched, _ := y.alarm(t, "CredentialAlarm")
	if sums[watched] != 1 {
		t.Errorf("the alarm for credentials watches %v, which has %v, want 1", watched, sums[watched])
	}
	y.aws(t, nil, "cloudwatch", "put-metric-data", "--namespace", watched.namespace, "--metric-name", watched.name, "--dimensions", watched.dimensions, "--value", "1")
	if _, state := y.alarm(t, "CredentialAlarm"); state != "ALARM" {
		t.Errorf("the alarm is %s", state)
	}
	credential := metric{"keyrelay", "CredentialFaults", "Destination=open,FunctionName=" + y.resource(t, "Relay") + ",Scheme=key"}
	if sums[credential] != 1 {
		t.Errorf("the metric %v has %v, want 1", credential, sums[credential])
	}
}

func (y *year) deletes(t *testing.T) {
	for _, stage := range []*cloud{y.cloud, y.staging} {
		output(t, command(t, stage.environment, "sam", "delete", "--stack-name", stage.stack, "--no-prompts"))
	}
	var left struct{ Functions []any }
	y.aws(t, &left, "lambda", "list-functions")
	if len(left.Functions) > 0 {
		t.Errorf("functions are left: %v", left.Functions)
	}
}
