package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"keyrelay/function/fake"
)

// yearDocuments writes the documents of the year: orders, which every caller may use,
// and one for each of two connectors. None says where its secret is.
func yearDocuments(t *testing.T, folder, ordersPath string) {
	t.Helper()
	for name, members := range map[string]string{
		"orders":   ordersPath + "\n",
		"invoices": "/invoices\nx-keyrelay-callers: [osmos]\n",
		"tickets":  "/tickets\nx-keyrelay-callers: [crm]\n",
	} {
		document := "openapi: 3.1.0\ninfo: {title: " + name + ", version: '1'}\nx-keyrelay-network: private # the tests' own test host\n" +
			"security: [{key: []}]\ncomponents: {securitySchemes: {key: {type: apiKey, in: header, name: X-Api-Key}}}\nservers:\n  - url: " + downstreamBase + members
		if err := os.WriteFile(filepath.Join(folder, name+".yaml"), []byte(document), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestYear lives through an operator's year in a clone of the project, by the commands
// of docs/deploy.md and docs/operate.md: each subtest continues where the one before
// ended. What is not committed is not tested.
func TestYear(t *testing.T) {
	startTestHost(t, firstKey)
	cloud := startCloud(t)
	cloud.stack = "keyrelay"
	folder := cloneProject(t)
	year := &year{
		cloud: cloud, staging: cloud.another(t, "keyrelay-staging"), folder: folder,
		deploying: openManual(t, folder, "deploy.md", cloud.environment), operating: openManual(t, folder, "operate.md", cloud.environment),
	}
	year.operating.beginning = year.operating.find(t, "Operate keyrelay", "sh", 0)
	year.operating.beginning.run = true
	t.Run("a stack", year.deploysStack)
	t.Run("another stage", year.deploysStage)
	t.Run("two connectors", year.tellsConnectors)
	t.Run("a secret is rotated", year.rotatesSecret)
	t.Run("the key of a connector is rotated at the gateway", year.rotatesGatewayKey)
	t.Run("the key of a caller is rotated over HTTP", year.rotatesCallerKey)
	t.Run("a bad document is rolled back", year.rollsBack)
	t.Run("a new version of keyrelay", year.upgrades)
	t.Run("a key is revoked at the API", year.noticesRevocation)
	t.Run("delete", year.deletes)
	if !t.Failed() {
		year.operating.isDone(t, "Pin the base image by its digest") // asks an image registry
	}
}

// A year is a production stack and another stage of it.
type year struct {
	*cloud
	staging              *cloud
	folder, topic        string
	deploying, operating *manual
}

// documents is the operator's own folder of them.
func (y *year) documents() string { return filepath.Join(y.folder, "my-relay/destinations") }

// putSecret writes the file that the manuals put into the secret keyrelay/orders.
func (y *year) putSecret(t *testing.T, key string) string {
	t.Helper()
	value := `{"key":"` + key + `"}`
	if err := os.WriteFile(filepath.Join(y.folder, "keyrelay/orders-secret.json"), []byte(value), 0o600); err != nil {
		t.Fatal(err)
	}
	return value
}

func (y *year) deploysStack(t *testing.T) {
	y.deploying.follow(t, "1. Say which API", 0)
	y.operating.set(t, `parameter_overrides = "Architecture=x86_64"`)
	yearDocuments(t, y.documents(), "/v1")
	if printed := y.deploying.follow(t, "1. Say which API", 1); !strings.Contains(printed, "3 documents, no fault") {
		t.Errorf("make check prints %s", printed)
	}
	y.deploying.beginning = y.deploying.find(t, "1. Say which API", "sh", 1)
	value := y.putSecret(t, firstKey)
	y.deploying.follow(t, "2. Make the secret", 0)
	for _, name := range []string{"keyrelay/invoices", "keyrelay/tickets"} {
		y.aws(t, nil, "secretsmanager", "create-secret", "--name", name, "--secret-string", value)
	}
	printed := y.deploying.follow(t, "3. Deploy", 0)
	for _, name := range []string{"Url", "ApiKeyCommand", "DashboardUrl"} {
		if !strings.Contains(printed, name) {
			t.Errorf("the deploy does not print %s", name)
		}
	}
	y.findGateway(t)
	if printed := y.deploying.follow(t, "3. Deploy", 1); !strings.Contains(printed, "\n"+y.key+"\n") {
		t.Errorf("the key is printed as %s, it is %s", printed, y.key)
	}
	y.deploying.beginning.text += y.deploying.find(t, "3. Deploy", "sh", 1).text
	tried := y.deploying.follow(t, "4. Set up the connector", 0, `"$(out Url)"`, y.gateway, "https://api.example.com/v2/orders", downstreamBase+"/v1/orders")
	if !strings.Contains(tried, "/v1/orders?customer=c-42") {
		t.Errorf("the dry run: %s", tried)
	}
	if status, _, body := y.send(t, order("/v1/orders")); status != http.StatusOK {
		t.Errorf("the first request: %d %s", status, body)
	}
}

func (y *year) deploysStage(t *testing.T) {
	y.operating.configure(t, "Stages", 0)
	y.operating.follow(t, "Stages", 0)
	// The API of the test has a private address.
	y.operating.follow(t, "Stages", 1, "KEYRELAY_SECRET_PREFIX", "KEYRELAY_NETWORKS=private KEYRELAY_SECRET_PREFIX")
	const secrets = "arn:aws:secretsmanager:us-east-1:000000000000:secret:"
	for _, question := range []struct {
		stage            *cloud
		resource, expect string
	}{
		{y.cloud, "keyrelay/orders-AbCdEf", "allowed"}, {y.cloud, "keyrelay-staging/orders-AbCdEf", "implicitDeny"},
		{y.staging, "keyrelay-staging/orders-AbCdEf", "allowed"}, {y.staging, "keyrelay/orders-AbCdEf", "implicitDeny"},
	} {
		if decision := y.simulate(t, question.stage.outputs(t)["RoleName"], "secretsmanager:GetSecretValue", secrets+question.resource); decision != question.expect {
			t.Errorf("%s may read %s: %s", question.stage.stack, question.resource, decision)
		}
	}
	y.staging.findGateway(t)
	// Without its own secret a stage has none, whatever the other one has: IAM is enforced here.
	if status, _, body := y.staging.send(t, order("/v1/orders")); status != http.StatusServiceUnavailable || problem(t, body) != "secret-unavailable" {
		t.Errorf("a stage without its secret answers %d %s", status, body)
	}
	y.aws(t, nil, "secretsmanager", "create-secret", "--name", "keyrelay-staging/orders", "--secret-string", `{"key":"`+firstKey+`"}`)
	eventually(t, "the stage has its secret", func() bool {
		status, _, _ := y.staging.send(t, order("/v1/orders"))
		return status == http.StatusOK
	})
}

// useKeyOf has the stack's gateway called with the API key of that name, one of those
// that CallerKeysCommand printed.
func (c *cloud) useKeyOf(t *testing.T, name, printed string) {
	t.Helper()
	for line := range strings.Lines(printed) {
		if fields := strings.Fields(line); len(fields) == 2 && fields[0] == name {
			c.key = fields[1]
			return
		}
	}
	t.Fatalf("there is no key %s in %s", name, printed)
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
	y.topic = strings.TrimSpace(y.operating.follow(t, "Alarms in a chat", 0))
	y.operating.parameters += " AlarmTopicArn=" + y.topic
	y.operating.configure(t, "Several connectors", 0)
	y.useKeyOf(t, "keyrelay-osmos-1", y.operating.follow(t, "Several connectors", 0))
	for _, test := range []struct{ caller, path, problem string }{
		{"osmos=", "/invoices", ""}, {"osmos=", "/tickets", "caller-not-allowed"}, {"osmos=", "/v1", ""},
		{"crm=", "/tickets", ""}, {"crm=", "/invoices", "caller-not-allowed"},
		{"nobody=", "/invoices", "caller-not-allowed"}, {"nobody=", "/v1", ""},
	} {
		if got := y.invoke(t, test.caller, test.path); got.problem != test.problem {
			t.Errorf("%s at %s: %d %s", test.caller, test.path, got.StatusCode, got.Body)
		}
	}
	if records := strings.Join(y.requestEntries(t), ""); !strings.Contains(records, `"requestId":"request-of-crm","caller":"crm"`) {
		t.Error("the log does not name the connector crm by its request")
	}
}

func (y *year) rotatesSecret(t *testing.T) {
	stop := y.callers(t, 3)
	value := y.putSecret(t, secondKey)
	y.operating.follow(t, "Rotate a secret", 0)
	for _, name := range []string{"keyrelay/invoices", "keyrelay/tickets"} {
		y.aws(t, nil, "secretsmanager", "put-secret-value", "--secret-id", name, "--secret-string", value)
	}
	changeKey(t, secondKey)
	t.Logf("%d calls, none failed", stop(20))
}

func (y *year) rotatesGatewayKey(t *testing.T) {
	before, version := y.key, y.version(t)
	stop := y.callers(t, 2)
	y.operating.configure(t, "Rotate a connector's key", 0)
	printed := y.operating.follow(t, "Rotate a connector's key", 0)
	stop(5)
	y.useKeyOf(t, "keyrelay-osmos-3", printed)
	stop = y.callers(t, 2)
	y.operating.configure(t, "Rotate a connector's key", 1)
	y.operating.follow(t, "Rotate a connector's key", 1)
	t.Logf("%d calls with the new key while the old one went, none failed", stop(5))
	if got := y.invoke(t, "osmos=", "/invoices"); got.StatusCode != http.StatusOK {
		t.Errorf("the connector with its new key: %d %s", got.StatusCode, got.Body)
	}
	request := y.request(t, order("/v1/orders"))
	request.Header.Set("X-Api-Key", before)
	if status, _, body := send(t, request); status != http.StatusForbidden {
		t.Errorf("the old key: %d %s, want 403", status, body)
	}
	// Each of the two deploys made a version, and left the one before.
	if versions := output(t, command(t, y.environment, "sh", "-c", y.outputs(t)["VersionsCommand"])); y.version(t) == version || !strings.Contains(versions, "\n"+version+"\t") {
		t.Errorf("after version %s callers reach %s; there are %s", version, y.version(t), versions)
	}
}

// version is the one that callers reach.
func (y *year) version(t *testing.T) string {
	t.Helper()
	var alias struct{ FunctionVersion string }
	y.aws(t, &alias, "lambda", "get-alias", "--function-name", y.outputs(t)["FunctionName"], "--name", "live")
	return alias.FunctionVersion
}

func (y *year) rotatesCallerKey(t *testing.T) {
	y.aws(t, nil, "secretsmanager", "create-secret", "--name", "keyrelay/callers", "--secret-string", `{"osmos": "the-old-key-of-osmos"}`)
	port := fake.FreePort(t)
	program := filepath.Join(t.TempDir(), "keyrelay")
	output(t, command(t, []string{"CGO_ENABLED=0"}, "go", "build", "-o", program, "./function"))
	start(t, command(t, append([]string{
		"PORT=" + port, "KEYRELAY_DESTINATIONS=" + y.documents(), "KEYRELAY_CALLER_KEYS=secretsmanager:keyrelay/callers", "KEYRELAY_SECRET_TTL=1s",
	}, y.environment...), program))
	address := "http://127.0.0.1:" + port
	eventually(t, "the server answers", answers(address+"/healthz"))
	status := func(key string) int {
		request := y.request(t, call{method: http.MethodPost, outbound: downstreamBase + "/invoices/1", mediaType: "application/json", body: "{}"})
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
	before := y.version(t)
	yearDocuments(t, y.documents(), "/elsewhere")
	y.operating.follow(t, "Add or change an API", 0)
	if status, _, body := y.send(t, order("/v1/orders")); status != http.StatusForbidden || problem(t, body) != "destination-not-declared" {
		t.Fatalf("the bad document does not do harm: %d %s", status, body)
	}
	if versions := y.operating.follow(t, "Roll back", 0, ` 7"`, " "+before+`"`); !strings.Contains(versions, "\n"+before+"\t") {
		t.Errorf("the versions are %s, without %s", versions, before)
	}
	if status, _, body := y.send(t, order("/v1/orders")); status != http.StatusOK {
		t.Errorf("after one command: %d %s", status, body)
	}
	yearDocuments(t, y.documents(), "/v1")
}

// upgrades also deploys the document that is fixed.
func (y *year) upgrades(t *testing.T) {
	before := y.version(t)
	releaseProject(t, y.folder)
	y.operating.follow(t, "Upgrade", 0)
	if status, _, body := y.send(t, order("/v1/orders")); status != http.StatusOK || y.version(t) == before {
		t.Errorf("at version %s: %d %s", y.version(t), status, body)
	}
	commit := strings.TrimSpace(output(t, exec.Command("git", "-C", y.folder+"/keyrelay", "describe", "--always", "--tags")))
	if log := strings.Join(y.entries(t, `"message":"serving"`), ""); !strings.Contains(log, `"message":"serving","version":"`+commit) {
		t.Errorf("no log entry says that %s serves", commit)
	}
}

func (y *year) deletes(t *testing.T) {
	y.operating.follow(t, "Take it away", 0)
	output(t, command(t, y.environment, "sam", "delete", "--stack-name", y.staging.stack, "--no-prompts"))
	var left struct{ Functions []any }
	y.aws(t, &left, "lambda", "list-functions")
	if len(left.Functions) > 0 {
		t.Errorf("functions are left: %v", left.Functions)
	}
}
