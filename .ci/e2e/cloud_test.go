package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"keyrelay/function/fake"
)

// A cloud is an emulated AWS on this machine, with a stack in it.
type cloud struct {
	address     string
	environment []string
	emulator    *exec.Cmd
	stack       string
	build       string
	gateway     string
	key         string
}

// startCloud starts an emulator that enforces IAM policies.
func startCloud(t *testing.T) *cloud {
	t.Helper()
	port, folder := fake.FreePort(t), t.TempDir()
	started := &cloud{address: "http://127.0.0.1:" + port, stack: "keyrelay-e2e", build: t.TempDir()}
	started.environment = []string{
		"AWS_ENDPOINT_URL=" + started.address, "AWS_DEFAULT_REGION=us-east-1", "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_PAGER=",
	}
	emulator := exec.Command(filepath.Join(root(t), ".tools/aws/bin/ministack"))
	emulator.Dir = folder
	// Its functions inherit its environment, so nothing of this machine's is in it.
	emulator.Env = append([]string{
		"PATH=/usr/bin:/bin", "LANG=C.UTF-8", "HOME=" + folder, "TMPDIR=" + folder, "STATE_DIR=" + folder,
		"BIND_HOST=127.0.0.1", "GATEWAY_PORT=" + port, "IOT_MTLS_ENABLED=0", "AUTH=true",
	}, started.environment...)
	start(t, emulator)
	started.emulator = emulator
	eventually(t, "the emulated AWS answers", answers(started.address+"/_ministack/ready"))
	return started
}

// aws runs the AWS command line and decodes what it answers into value, unless that is
// nil or it answers nothing. For SQS it takes the endpoint from no variable.
func (c *cloud) aws(t *testing.T, value any, arguments ...string) {
	t.Helper()
	printed := output(t, command(t, c.environment, "aws", append(arguments, "--endpoint-url", c.address, "--output", "json")...))
	if value == nil || printed == "" {
		return
	}
	if err := json.Unmarshal([]byte(printed), value); err != nil {
		t.Fatalf("%v in the answer to aws %s:\n%s", err, strings.Join(arguments, " "), printed)
	}
}

// deploy builds the template with a folder of documents and deploys it, with
// parameters written Name=Value where they are not the default.
func (c *cloud) deploy(t *testing.T, documents string, parameters ...string) {
	t.Helper()
	build := []string{"DESTINATIONS=" + documents}
	if slices.Contains(parameters, "Later=true") {
		build = append(build, "KEYRELAY_QUEUE=Later")
	}
	output(t, command(t, build, "sam", "build", "--build-dir", c.build))
	output(t, c.deployment(t, parameters...))
}

// deployment is the command that deploys what was built.
func (c *cloud) deployment(t *testing.T, parameters ...string) *exec.Cmd {
	t.Helper()
	arguments := []string{
		"deploy", "--template-file", c.build + "/template.yaml", "--config-file", root(t) + "/samconfig.toml",
		"--stack-name", c.stack, "--no-confirm-changeset", "--parameter-overrides", "Emulated=true", "Networks=private",
	}
	return command(t, c.environment, "sam", append(arguments, parameters...)...)
}

// another is the same cloud with another stack in it.
func (c *cloud) another(t *testing.T, stack string) *cloud {
	t.Helper()
	copied := *c
	copied.stack, copied.build, copied.gateway, copied.key = stack, t.TempDir(), "", ""
	return &copied
}

// findGateway looks up the stack's gateway and the key to it.
func (c *cloud) findGateway(t *testing.T) {
	t.Helper()
	outputs := c.outputs(t)
	c.key = strings.TrimSpace(output(t, command(t, c.environment, "sh", "-c", outputs["ApiKeyCommand"])))
	id, _, found := strings.Cut(strings.TrimPrefix(outputs["Url"], "https://"), ".execute-api.us-east-1.amazonaws.com/relay")
	if !found {
		t.Fatalf("the URL to paste is not that of a REST API: %s", outputs["Url"])
	}
	c.gateway = c.address + "/restapis/" + id + "/relay/_user_request_/"
}

// outputs are what the stack tells whoever deployed it.
func (c *cloud) outputs(t *testing.T) map[string]string {
	t.Helper()
	var answer struct {
		Stacks []struct {
			Outputs []struct{ OutputKey, OutputValue string }
		}
	}
	c.aws(t, &answer, "cloudformation", "describe-stacks", "--stack-name", c.stack)
	values := make(map[string]string)
	for _, value := range answer.Stacks[0].Outputs {
		values[value.OutputKey] = value.OutputValue
	}
	return values
}

// resource is the physical name of a resource of the template.
func (c *cloud) resource(t *testing.T, name string) string {
	t.Helper()
	var answer struct {
		StackResourceDetail struct{ PhysicalResourceId string }
	}
	c.aws(t, &answer, "cloudformation", "describe-stack-resource", "--stack-name", c.stack, "--logical-resource-id", name)
	return answer.StackResourceDetail.PhysicalResourceId
}

// A call is one request of a caller.
type call struct {
	method, outbound, query, headers, mediaType, body string
}

// send sends a call to the gateway as the connector would, with its key.
func (c *cloud) send(t *testing.T, sent call) (int, http.Header, []byte) {
	t.Helper()
	answer, err := http.DefaultClient.Do(c.request(t, sent))
	if err != nil {
		t.Error(err)
		return 0, nil, nil
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Error(err)
	}
	return answer.StatusCode, answer.Header, body
}

func (c *cloud) request(t *testing.T, sent call) *http.Request {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), sent.method, c.gateway, strings.NewReader(sent.body))
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]string{
		"Accept": "*/*", "X-Api-Key": c.key, "Content-Type": sent.mediaType, "X-Osmos-Outbound-Url": sent.outbound,
		"X-Osmos-Query-Param-Fields": sent.query, "X-Relay-Header-Fields": sent.headers,
	}
	for name, value := range fields {
		if value != "" {
			request.Header.Set(name, value)
		}
	}
	return request
}
