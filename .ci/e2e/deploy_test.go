package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/google/go-cmp/cmp"
)

// The two keys of the downstream's life. They protect nothing.
const (
	firstKey  = "first-key-of-the-test-downstream"
	secondKey = "second-key-of-the-test-downstream"
)

// TestDeploy deploys the template to an emulated AWS and lives with it: each
// subtest continues where the one before ended.
func TestDeploy(t *testing.T) {
	startTestHost(t, firstKey)
	cloud := startCloud(t)
	cloud.aws(t, nil, "secretsmanager", "create-secret", "--name", "keyrelay/orders", "--secret-string", `{"api_key":"`+firstKey+`"}`)
	cloud.aws(t, nil, "secretsmanager", "create-secret", "--name", "other/orders", "--secret-string", `{"api_key":"`+firstKey+`"}`)
	cloud.deploy(t, ".ci/e2e/testdata/first")
	cloud.findGateway(t)

	t.Run("a caller without the key is turned away", cloud.refusesCallersWithoutKey)
	t.Run("a record is relayed", cloud.relaysRecords)
	t.Run("axios with its defaults", cloud.servesAxios)
	t.Run("what a document does not declare is refused", cloud.refusesTheUndeclared)
	t.Run("a secret that the role may not read, and one that is missing", cloud.saysWhichSecret)
	t.Run("bodies that are not text", cloud.relaysBytes)
	t.Run("a record of 4 MB", cloud.relaysLargeRecords)
	t.Run("ten callers at once", cloud.servesTenCallers)
	t.Run("the secret is rotated", cloud.survivesRotation)
	t.Run("the role may do nothing else", cloud.grantsLeastPrivilege)
	t.Run("the log's metrics raise the alarm", cloud.raisesAlarms)
	t.Run("a second deploy", cloud.survivesDeploy)
	t.Run("delete", cloud.isDeleted)
	t.Run("a function URL, and every option", cloud.hasOtherWays)
	t.Run("a name of its own, and who may come", cloud.hasSurroundings)
	t.Run("a private gateway", cloud.isPrivate)
	t.Run("what the emulator does not know", cloud.lacksResources)
}

// order is a call that succeeds.
func order(path string) call {
	return call{
		method: http.MethodPost, outbound: downstreamBase + path, query: "customer", headers: "tenant=X-Tenant",
		mediaType: "application/json", body: `{"customer":"c-42","tenant":"north","amount":19.90}`,
	}
}

func (c *cloud) refusesCallersWithoutKey(t *testing.T) {
	request := c.request(t, order("/v1/orders"))
	request.Header.Del("X-Api-Key")
	if status, _, body := send(t, request); status != http.StatusForbidden {
		t.Errorf("got %d %s, want 403", status, body)
	}
}

func (c *cloud) relaysRecords(t *testing.T) {
	status, header, body := c.send(t, order("/v1/orders?source=osmos"))
	got := []any{status, header.Get("X-Received-Method"), header.Get("X-Received-Query"), header.Get("X-Received-Tenant"), header.Get("Proxy-Status"), string(body)}
	want := []any{200, "POST", "source=osmos&customer=c-42", "north", "keyrelay; received-status=200", `{"amount":19.90}`}
	if difference := cmp.Diff(want, got); difference != "" {
		t.Errorf("(-want +got):\n%s", difference)
	}
}

func (c *cloud) servesAxios(t *testing.T) {
	connector := command(t, []string{"NODE_PATH=.tools/node/node_modules"}, "node", ".ci/e2e/testdata/connector.cjs", c.gateway, c.key, downstreamBase+"/v1/orders")
	want := `{"status":200,"query":"customer=c-42","tenant":"north","data":{"amount":19.5,"note":"€"}}`
	if difference := cmp.Diff(want, strings.TrimSpace(output(t, connector))); difference != "" {
		t.Errorf("(-want +got):\n%s", difference)
	}
}

func (c *cloud) refusesTheUndeclared(t *testing.T) {
	for _, outbound := range []string{"/v2/orders", "/v1x/orders", "/"} {
		status, _, body := c.send(t, order(outbound))
		if status != http.StatusForbidden || problem(t, body) != "destination-not-declared" {
			t.Errorf("%s: got %d %s, want 403 destination-not-declared", outbound, status, body)
		}
	}
}

// problem is the name of a problem that keyrelay answered with.
func problem(t *testing.T, body []byte) string {
	t.Helper()
	var answer struct{ Type string }
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Errorf("%v in %q", err, body)
	}
	return strings.TrimPrefix(answer.Type, "urn:keyrelay:problem:")
}

func (c *cloud) saysWhichSecret(t *testing.T) {
	for path, reference := range map[string]string{"/outside/orders": "secretsmanager:other/orders", "/missing/orders": "secretsmanager:keyrelay/missing"} {
		status, header, body := c.send(t, order(path))
		if status != http.StatusServiceUnavailable || problem(t, body) != "secret-unavailable" || header.Get("Retry-After") == "" {
			t.Errorf("%s: got %d %s, want 503 secret-unavailable with Retry-After", path, status, body)
		}
		log := strings.Join(c.requestEntries(t), "")
		if !strings.Contains(log, reference+" ") || strings.Contains(log+string(body), firstKey) || !strings.Contains(string(body), reference+" ") {
			t.Errorf("%s: log and answer must name %s, and nothing of a secret's value: %s", path, reference, body)
		}
	}
}

func (c *cloud) relaysBytes(t *testing.T) {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	sent := call{method: http.MethodPut, outbound: downstreamBase + "/v1/picture", mediaType: "application/octet-stream", body: string(every)}
	status, _, body := c.send(t, sent)
	if difference := cmp.Diff(every, body); status != http.StatusOK || difference != "" {
		t.Errorf("got %d (-want +got):\n%s", status, difference)
	}
}

func (c *cloud) relaysLargeRecords(t *testing.T) {
	text := strings.Repeat("0123456789abcdef", 4<<20/16)
	sent := order("/v1/orders")
	sent.body = `{"customer":"c-42","tenant":"north","text":"` + text + `"}`
	status, _, body := c.send(t, sent)
	if want := `{"text":"` + text + `"}`; status != http.StatusOK || string(body) != want {
		t.Errorf("got %d and %d bytes, want 200 and the %d that were sent", status, len(body), len(want))
	}
}

func (c *cloud) servesTenCallers(t *testing.T) {
	stop := c.callers(t, 10)
	calls := stop(50)
	if calls < 50 {
		t.Errorf("only %d calls were made", calls)
	}
}

// callers starts callers that send orders one after the other. Every call must
// succeed. The func that it returns waits for so many further calls, ends the
// callers, and returns how many calls were made in all.
func (c *cloud) callers(t *testing.T, number int) func(further int) int {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	made := make(chan struct{}, 1<<16)
	var running sync.WaitGroup
	for range number {
		running.Go(func() {
			for ctx.Err() == nil {
				if status, _, body := c.send(t, order("/v1/orders")); status != http.StatusOK {
					t.Errorf("a call failed: %d %s", status, body)
				}
				made <- struct{}{}
			}
		})
	}
	return func(further int) int {
		before := len(made)
		eventually(t, "the callers are served", func() bool { return len(made) >= before+further })
		cancel()
		running.Wait()
		return len(made)
	}
}

func (c *cloud) survivesRotation(t *testing.T) {
	stop := c.callers(t, 4)
	c.aws(t, nil, "secretsmanager", "put-secret-value", "--secret-id", "keyrelay/orders", "--secret-string", `{"api_key":"`+secondKey+`"}`)
	changeKey(t, secondKey)
	t.Logf("%d calls, none failed", stop(40))
	if !strings.Contains(strings.Join(c.requestEntries(t), ""), `"replayed":true`) {
		t.Error("no log entry says that a call was replayed with the new key")
	}
}

func (c *cloud) survivesDeploy(t *testing.T) {
	stop := c.callers(t, 3)
	c.deploy(t, ".ci/e2e/testdata/second")
	t.Logf("%d calls, none failed", stop(20))
	if status, _, body := c.send(t, order("/v2/orders")); status != http.StatusOK {
		t.Errorf("the changed document does not hold: %d %s", status, body)
	}
}

func (c *cloud) isDeleted(t *testing.T) {
	output(t, command(t, c.environment, "sam", "delete", "--stack-name", c.stack, "--no-prompts"))
	var left struct{ Functions []any }
	c.aws(t, &left, "lambda", "list-functions")
	if len(left.Functions) > 0 {
		t.Errorf("functions are left: %v", left.Functions)
	}
}

// hasOtherWays deploys with every option away from its default, and calls the
// function URL as a caller who signs and as one who does not.
func (c *cloud) hasOtherWays(t *testing.T) {
	c.deploy(t, ".ci/e2e/testdata/second", "Entry=function-url", "Tracing=on", "Memory=512", "Timeout=20", "ReservedConcurrency=5",
		"LogRetentionDays=7", "SecretKeyArn=arn:aws:kms:us-east-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab", "SecretTtl=60s",
		"SubnetIds=subnet-1,subnet-2", "SecurityGroupIds=sg-1", "AlarmTopicArn=arn:aws:sns:us-east-1:000000000000:alarms")
	id, _, found := strings.Cut(strings.TrimPrefix(c.outputs(t)["Url"], "https://"), ".lambda-url.us-east-1.on.aws/")
	if !found {
		t.Fatalf("the URL to paste is not that of a function: %s", c.outputs(t)["Url"])
	}
	c.gateway = c.address + "/_aws/lambda-url/" + id + "/"
	if status, _, body := c.send(t, order("/v2/orders")); status != http.StatusForbidden {
		t.Errorf("without a signature: got %d %s, want 403", status, body)
	}
	status, header, body := send(t, signed(t, c.request(t, order("/v2/orders")), order("").body))
	if status != http.StatusOK || header.Get("X-Received-Query") != "customer=c-42" {
		t.Errorf("got %d %v %s, want 200 and the moved field", status, header, body)
	}
	var function struct{ MemorySize, Timeout int }
	c.aws(t, &function, "lambda", "get-function-configuration", "--function-name", c.resource(t, "Relay"))
	if function.MemorySize != 512 || function.Timeout != 20 {
		t.Errorf("the function has %+v", function)
	}
	if decision := c.simulate(t, c.outputs(t)["RoleName"], "kms:Decrypt", "arn:aws:kms:us-east-1:000000000000:key/other"); decision != "implicitDeny" {
		t.Errorf("the role may decrypt with another key: %s", decision)
	}
	output(t, command(t, c.environment, "sam", "delete", "--stack-name", c.stack, "--no-prompts"))
}

// hasSurroundings deploys with what can stand around the gateway, as far as the
// emulator knows it. What it does not know is in TestTemplate.
func (c *cloud) hasSurroundings(t *testing.T) {
	c.deploy(t, ".ci/e2e/testdata/second", "DomainName=relay.example.com", "CertificateArn=arn:aws:acm:us-east-1:000000000000:certificate/1234abcd",
		"BasePath=v1", "DefaultEndpoint=off", "AllowedAddresses=198.51.100.0/24,203.0.113.7/32", "NamelessKey=on",
		"LogKeyArn=arn:aws:kms:us-east-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab", `Environment="{\"ORDERS_KEY\":\"a-value\"}"`)
	var mapped struct {
		Items []struct{ BasePath, RestAPIID, Stage string }
	}
	c.aws(t, &mapped, "apigateway", "get-base-path-mappings", "--domain-name", "relay.example.com")
	if len(mapped.Items) != 1 || mapped.Items[0].BasePath != "v1" || mapped.Items[0].Stage != "relay" {
		t.Errorf("the domain leads to %v", mapped.Items)
	}
	var function struct {
		Environment struct{ Variables map[string]string }
	}
	c.aws(t, &function, "lambda", "get-function-configuration", "--function-name", c.resource(t, "Relay"))
	if got := function.Environment.Variables["KEYRELAY_ENVIRONMENT"]; got != `{"ORDERS_KEY":"a-value"}` {
		t.Errorf("the function gets the variables %s", got)
	}
	// A version sees no changed variable by itself.
	output(t, c.deployment(t, `Environment="{\"ORDERS_KEY\":\"another\"}"`, "Release=2"))
	c.aws(t, &function, "lambda", "get-function-configuration", "--function-name", c.resource(t, "Relay"), "--qualifier", "live")
	if got := function.Environment.Variables["KEYRELAY_ENVIRONMENT"]; got != `{"ORDERS_KEY":"another"}` {
		t.Errorf("after a release callers' version has the variables %s", got)
	}
	outputs := c.outputs(t)
	for _, name := range []string{"FunctionName", "AliasArn", "ApiId", "KeyId", "PlanId", "LogGroup", "AccessLogGroup", "DomainTarget", "RoleName", "DashboardUrl", "VersionsCommand", "RollBackCommand"} {
		if outputs[name] == "" {
			t.Errorf("there is no output %s", name)
		}
	}
	var logs struct {
		LogGroups []struct{ LogGroupName, KmsKeyID string }
	}
	c.aws(t, &logs, "logs", "describe-log-groups", "--log-group-name-prefix", outputs["LogGroup"])
	if len(logs.LogGroups) != 1 || !strings.HasPrefix(logs.LogGroups[0].KmsKeyID, "arn:aws:kms:") {
		t.Errorf("the log is kept as %v", logs.LogGroups)
	}
	output(t, command(t, c.environment, "sam", "delete", "--stack-name", c.stack, "--no-prompts"))
}

// isPrivate deploys a private gateway, whose policy and endpoints the emulator does not
// keep: TestTemplate looks at them.
func (c *cloud) isPrivate(t *testing.T) {
	output(t, c.deployment(t, "VpcEndpointIds=vpce-1,vpce-2", "AllowedAddresses=10.1.0.0/16"))
	c.findGateway(t)
	if status, _, body := c.send(t, order("/v2/orders")); status != http.StatusOK {
		t.Errorf("got %d %s, want 200", status, body)
	}
	output(t, command(t, c.environment, "sam", "delete", "--stack-name", c.stack, "--no-prompts"))
}

// lacksResources expects the emulator to refuse these and no others. One that it has
// come to know belongs into a deployment above.
func (c *cloud) lacksResources(t *testing.T) {
	printed, _ := c.deployment(t, "Emulated=false", "WebAclArn=arn:aws:wafv2:us-east-1:000000000000:regional/webacl/guard/1234abcd").CombinedOutput()
	const refused = "Unrecognized resource types: [AWS::Logs::QueryDefinition, AWS::WAFv2::WebACLAssociation]"
	if !strings.Contains(string(printed), refused) {
		t.Errorf("the emulator does not say %s but:\n%s", refused, printed)
	}
}

// signed signs a request as an AWS principal does, with Signature Version 4.
func signed(t *testing.T, request *http.Request, body string) *http.Request {
	t.Helper()
	hash := sha256.Sum256([]byte(body))
	credentials := aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}
	if err := v4.NewSigner().SignHTTP(t.Context(), credentials, request, hex.EncodeToString(hash[:]), "lambda", "us-east-1", time.Now()); err != nil {
		t.Fatal(err)
	}
	return request
}
