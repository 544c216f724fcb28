package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"
)

// TestLater has records accepted and delivered later, by the queues of the template
// in an emulated AWS that enforces IAM: each subtest continues where the one before
// ended.
func TestLater(t *testing.T) {
	startTestHost(t, firstKey)
	cloud := startCloud(t)
	cloud.aws(t, nil, "secretsmanager", "create-secret", "--name", "keyrelay/orders", "--secret-string", `{"api_key":"`+firstKey+`"}`)
	cloud.deploy(t, ".ci/e2e/testdata/later", "Later=true", "ThrottleRate=1000", "ThrottleBurst=1000")
	cloud.findGateway(t)
	outputs := cloud.outputs(t)
	later := &later{cloud: cloud, queue: outputs["QueueUrl"], dead: outputs["DeadQueueUrl"], source: cloud.resource(t, "QueueEvents")}
	// The emulator takes a number of the template's parameters for a text, and then reads no queue.
	cloud.aws(t, nil, "lambda", "update-event-source-mapping", "--uuid", later.source, "--scaling-config", "MaximumConcurrency=2")
	// In AWS the right to SendMessage is that to SendMessageBatch too; the emulator takes it for another.
	cloud.aws(t, nil, "iam", "put-role-policy", "--role-name", outputs["RoleName"], "--policy-name", "emulated", "--policy-document",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sqs:SendMessageBatch","Resource":"`+outputs["QueueArn"]+`"}]}`)

	t.Run("the role may send, and receive from its own queue", later.grantsLeastPrivilege)
	t.Run("the event source invokes the alias", later.invokesAlias)
	t.Run("how fast records are accepted, and delivered", later.acceptsFast)
	t.Run("a thousand records, an API that fails, and another one", later.losesNothing)
	t.Run("a function is killed in the middle of its batch", later.survivesKill)
	t.Run("what cannot be delivered waits with its reason and is sent again", later.redrivesDead)
	t.Run("the operator sees it", later.isSeen)
	t.Run("without TLS the queues answer nobody", later.refusesPlainHTTP)
}

// A later is a stack that delivers later, with the URLs of its queues and the name of
// its event source.
type later struct {
	*cloud
	queue, dead, source string
}

func (l *later) grantsLeastPrivilege(t *testing.T) {
	outputs := l.outputs(t)
	queue, dead := outputs["QueueArn"], outputs["DeadQueueArn"]
	for resource, actions := range map[string][]string{
		queue:                   {"SendMessage", "ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility", "GetQueueAttributes"},
		dead:                    {"SendMessage"},
		queue + "-of-another":   nil,
		"arn:aws:sqs:eu-west-1": nil,
	} {
		for action, decision := range l.simulateAll(t, outputs["RoleName"], resource, "SendMessage", "ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility",
			"GetQueueAttributes", "SetQueueAttributes", "PurgeQueue", "DeleteQueue", "StartMessageMoveTask", "AddPermission") {
			if (decision == "allowed") != slices.Contains(actions, action) {
				t.Errorf("%s on %s: %s", action, resource, decision)
			}
		}
	}
}

// simulateAll asks the policy simulator about actions of SQS on one resource.
func (l *later) simulateAll(t *testing.T, role, resource string, actions ...string) map[string]string {
	t.Helper()
	var answer struct {
		EvaluationResults []struct{ EvalActionName, EvalDecision string }
	}
	arguments := []string{"iam", "simulate-principal-policy", "--policy-source-arn", "arn:aws:iam::000000000000:role/" + role, "--resource-arns", resource, "--action-names"}
	for _, action := range actions {
		arguments = append(arguments, "sqs:"+action)
	}
	l.aws(t, &answer, arguments...)
	decisions := make(map[string]string)
	for _, result := range answer.EvaluationResults {
		decisions[strings.TrimPrefix(result.EvalActionName, "sqs:")] = result.EvalDecision
	}
	if len(decisions) != len(actions) {
		t.Fatalf("the simulator gave %d answers", len(decisions))
	}
	return decisions
}

// invokesAlias looks at the event source, which a rollback has to reach, too.
func (l *later) invokesAlias(t *testing.T) {
	var sources struct {
		EventSourceMappings []struct{ FunctionArn, EventSourceArn string }
	}
	l.aws(t, &sources, "lambda", "list-event-source-mappings")
	if len(sources.EventSourceMappings) != 1 || sources.EventSourceMappings[0].FunctionArn != l.outputs(t)["AliasArn"] {
		t.Errorf("the event sources are %v", sources.EventSourceMappings)
	}
}

// orderTo is a record for a ledger of the test host.
func orderTo(ledger, number string) call {
	return call{
		method: http.MethodPost, outbound: downstreamBase + "/ledgers/" + ledger + "/orders", mediaType: "application/json",
		body: fmt.Sprintf(`{"number":%q,"amount":1}`, number),
	}
}

// accept sends a call that is to be delivered later and returns how long it took
// until it was accepted.
func (l *later) accept(t *testing.T, sent call) time.Duration {
	t.Helper()
	request := l.request(t, sent)
	request.Header.Set("Prefer", "respond-async")
	began := time.Now()
	status, header, body := send(t, request)
	if status != http.StatusAccepted || header.Get("Preference-Applied") != "respond-async" {
		t.Errorf("%.100s is answered %d %v %.1000s", sent.body, status, header, body)
	}
	return time.Since(began)
}

// acceptOrders has so many orders accepted, one request each, by eight callers at
// once. Their numbers begin with prefix.
func (l *later) acceptOrders(t *testing.T, ledger, prefix string, number int) {
	t.Helper()
	var running sync.WaitGroup
	for first := range 8 {
		running.Go(func() {
			for i := first; i < number; i += 8 {
				l.accept(t, orderTo(ledger, prefix+strconv.Itoa(i)))
			}
		})
	}
	running.Wait()
}

// acceptBatch has so many orders accepted in one request.
func (l *later) acceptBatch(t *testing.T, ledger, prefix string, number int) {
	t.Helper()
	sent, records := orderTo(ledger, ""), make([]string, number)
	for i := range records {
		records[i] = orderTo(ledger, prefix+strconv.Itoa(i)).body
	}
	sent.body = "[" + strings.Join(records, ",") + "]"
	l.accept(t, sent)
}

// acceptsFast measures what one SendMessage costs beside one call of the API, in turn,
// and then how fast deliveries are, while nothing else goes on.
func (l *later) acceptsFast(t *testing.T) {
	l.aws(t, nil, "lambda", "update-event-source-mapping", "--uuid", l.source, "--no-enabled")
	var later, atOnce []time.Duration
	for i := range 30 {
		later = append(later, l.accept(t, orderTo("orders", "later-"+strconv.Itoa(i))))
		request := l.request(t, orderTo("orders", "at-once-"+strconv.Itoa(i)))
		request.Header.Set("Idempotency-Key", "at-once-"+strconv.Itoa(i))
		began := time.Now()
		if status, _, body := send(t, request); status != http.StatusOK {
			t.Errorf("%d %s", status, body)
		}
		atOnce = append(atOnce, time.Since(began))
	}
	slices.Sort(later)
	slices.Sort(atOnce)
	t.Logf("accepted after %s, delivered at once, to an API that answers at once, after %s: ratio %.2f (medians of 30 through the emulated gateway)",
		later[15], atOnce[15], float64(later[15])/float64(atOnce[15]))
	l.acceptBatch(t, "orders", "fast-", 500)
	began := time.Now()
	l.aws(t, nil, "lambda", "update-event-source-mapping", "--uuid", l.source, "--enabled")
	l.awaitBooked(t, "orders", 560)
	t.Logf("%.0f deliveries a second, two batches of ten at a time", (560-30)/time.Since(began).Seconds())
}

// awaitBooked waits until a ledger has so many orders, and expects each once.
func (l *later) awaitBooked(t *testing.T, ledger string, number int) ledgerReport {
	t.Helper()
	var report ledgerReport
	eventually(t, fmt.Sprintf("%d orders are booked in %s", number, ledger), func() bool {
		report = readLedger(t, ledger)
		return len(report.Booked) >= number
	})
	for order, times := range report.Booked {
		if times != 1 {
			t.Errorf("order %s was booked %d times", order, times)
		}
	}
	return report
}

// losesNothing has an API fail a fifth of its requests and fall silent for a while,
// during which another API gets its records.
func (l *later) losesNothing(t *testing.T) {
	before := len(readLedger(t, "orders").Booked)
	setLedger(t, "orders", silent)
	began := time.Now()
	for i := range 5 {
		l.acceptBatch(t, "orders", fmt.Sprintf("batch-%d-", i), 100)
	}
	l.acceptOrders(t, "orders", "single-", 500)
	t.Logf("1,000 records are accepted after %s", time.Since(began))
	l.servesAnother(t, before)
	setLedger(t, "orders", flaky)
	began = time.Now()
	report := l.awaitBooked(t, "orders", before+1000)
	t.Logf("1,000 records are delivered %s after the API came back, in %d requests", time.Since(began), report.Requests)
}

// servesAnother measures how long the records of an API take that is up while one
// is down.
func (l *later) servesAnother(t *testing.T, booked int) {
	for _, state := range []string{silent, down} {
		setLedger(t, "orders", state)
		before := len(readLedger(t, "tickets").Booked)
		began := time.Now()
		l.acceptOrders(t, "tickets", state+"-", 50)
		accepted := time.Since(began)
		l.awaitBooked(t, "tickets", before+50)
		t.Logf("while orders is %s, 50 tickets are accepted in %s and delivered after %s", state, accepted, time.Since(began))
		if now := len(readLedger(t, "orders").Booked); now != booked {
			t.Errorf("orders was not %s: it booked %d orders", state, now-booked)
		}
	}
}

// survivesKill kills every process of the function while it delivers. Its records
// are visible again after the queue's timeout, which the operator makes shorter here.
func (l *later) survivesKill(t *testing.T) {
	l.aws(t, nil, "sqs", "set-queue-attributes", "--queue-url", l.queue, "--attributes", "VisibilityTimeout=15")
	setLedger(t, "killed", slow)
	l.acceptBatch(t, "killed", "", 30)
	var underWay int
	eventually(t, "orders are under way", func() bool {
		underWay = readLedger(t, "killed").UnderWay
		return underWay > 0
	})
	t.Logf("%d processes killed with %d orders under way", l.killFunction(t), underWay)
	setLedger(t, "killed", up)
	// What was under way is booked, and since nobody knows that it comes again.
	eventually(t, "what was under way comes again", func() bool { return readLedger(t, "killed").Requests >= 30+underWay })
	l.awaitBooked(t, "killed", 30)
	l.aws(t, nil, "sqs", "set-queue-attributes", "--queue-url", l.queue, "--attributes", "VisibilityTimeout=180")
}

// message is a message of a queue as the AWS command line shows it.
type message struct {
	Body, ReceiptHandle string
	MessageAttributes   map[string]struct{ DataType, StringValue string }
}

// deadMessages are all messages of the dead-letter queue, which stay there.
func (l *later) deadMessages(t *testing.T) []message {
	t.Helper()
	var received struct{ Messages []message }
	l.aws(t, &received, "sqs", "receive-message", "--queue-url", l.dead, "--message-attribute-names", "All",
		"--max-number-of-messages", "10", "--visibility-timeout", "1")
	return received.Messages
}

// redrivesDead sends records that their API refuses, and a message of nobody's. The
// API is fixed, the message deleted and the records redriven, as docs/deploy.md says;
// the emulator has no StartMessageMoveTask, so that they are moved one by one.
func (l *later) redrivesDead(t *testing.T) {
	for i := range 3 {
		poison := orderTo("poison", strconv.Itoa(i))
		poison.body = strings.Replace(poison.body, `"amount":1`, `"amount":0`, 1)
		l.accept(t, poison)
	}
	l.aws(t, nil, "sqs", "send-message", "--queue-url", l.queue, "--message-body", "nobody's")
	var messages []message
	eventually(t, "four messages are dead", func() bool {
		messages = l.deadMessages(t)
		return len(messages) == 4
	})
	var got []string
	for _, message := range messages {
		reason := message.MessageAttributes
		got = append(got, reason["problem"].StringValue+" "+reason["status"].StringValue+" "+reason["destination"].StringValue)
		if reason["detail"].StringValue == "" {
			t.Errorf("a dead letter has no detail: %v", message)
		}
		if strings.Contains(message.Body, firstKey) || strings.Contains(message.Body, l.key) {
			t.Errorf("a message holds a key: %s", message.Body)
		}
	}
	slices.Sort(got)
	refused := "downstream-status 422 orders"
	if difference := cmp.Diff([]string{refused, refused, refused, "message-invalid 400 "}, got); difference != "" {
		t.Errorf("the reasons differ (-want +got):\n%s", difference)
	}
	setLedger(t, "poison", fixed)
	for _, message := range messages {
		if message.Body != "nobody's" {
			reason, err := json.Marshal(message.MessageAttributes)
			if err != nil {
				t.Fatal(err)
			}
			l.aws(t, nil, "sqs", "send-message", "--queue-url", l.queue, "--message-body", message.Body, "--message-attributes", string(reason))
		}
		l.aws(t, nil, "sqs", "delete-message", "--queue-url", l.dead, "--receipt-handle", message.ReceiptHandle)
	}
	l.awaitBooked(t, "poison", 3)
	if left := l.deadMessages(t); len(left) != 0 {
		t.Errorf("still dead: %v", left)
	}
}

// isSeen adds up what the log's entries say, as CloudWatch would, and expects every
// metric of the dashboard and of the alarms there, or of SQS for these queues.
func (l *later) isSeen(t *testing.T) {
	sums := make(map[metric]float64)
	for _, entry := range slices.Concat(l.requestEntries(t), l.entries(t, `"message":"delivery"`)) {
		addMetrics(t, sums, entry)
	}
	function := "FunctionName=" + l.resource(t, "Relay")
	for _, name := range []string{"Queued", "Delivered", "DeliveryRetried", "Dead", "DeliveryAge"} {
		t.Logf("%s: %.0f", name, sums[metric{"keyrelay", name, function}])
		if !slices.Contains(l.shownMetrics(t), metric{"keyrelay", name, function}) {
			t.Errorf("the dashboard does not show %s", name)
		}
	}
	if queued, delivered := sums[metric{"keyrelay", "Queued", function}], sums[metric{"keyrelay", "Delivered", function}]; queued == 0 || delivered < queued {
		t.Errorf("the metrics say that %.0f records were queued and %.0f delivered", queued, delivered)
	}
	if watched, _ := l.alarm(t, "LateAlarm"); sums[watched] == 0 {
		t.Errorf("the alarm for late records watches %v, which no log entry has", watched)
	}
	for alarm, queue := range map[string]string{"WaitingAlarm": l.queue, "DeadAlarm": l.dead} {
		watched, _ := l.alarm(t, alarm)
		if watched.namespace != "AWS/SQS" || watched.dimensions != "QueueName="+path.Base(queue) {
			t.Errorf("%s watches %v", alarm, watched)
		}
	}
}

// refusesPlainHTTP gives the queue the policy of the template, which is left out in the
// emulator since that has no TLS: now nobody gets in.
func (l *later) refusesPlainHTTP(t *testing.T) {
	text, err := os.ReadFile(l.build + "/template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var template struct {
		Resources struct {
			QueuePolicy struct {
				Properties struct {
					PolicyDocument map[string]any `yaml:"PolicyDocument"`
				} `yaml:"Properties"`
			} `yaml:"QueuePolicy"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(text, &template); err != nil {
		t.Fatal(err)
	}
	policy, err := json.Marshal(template.Resources.QueuePolicy.Properties.PolicyDocument)
	if err != nil {
		t.Fatal(err)
	}
	attributes, err := json.Marshal(map[string]string{"Policy": string(policy)})
	if err != nil {
		t.Fatal(err)
	}
	l.aws(t, nil, "sqs", "set-queue-attributes", "--queue-url", l.queue, "--attributes", string(attributes))
	send := []string{"sqs", "send-message", "--queue-url", l.queue, "--message-body", "in the clear", "--endpoint-url", l.address}
	printed, err := command(t, l.environment, "aws", send...).CombinedOutput()
	if err == nil || !strings.Contains(string(printed), "AccessDenied") {
		t.Errorf("a message over plain HTTP: %s", printed)
	}
}
