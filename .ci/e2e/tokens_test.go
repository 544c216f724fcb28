package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"keyrelay/function/fake"
)

// TestTokenStack has the template make the table of shared tokens, the key to it and the
// rights, in an emulated AWS that enforces IAM, and functions share their tokens.
func TestTokenStack(t *testing.T) {
	startTestHost(t, firstKey)
	cloud := startCloud(t)
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "accounts.yaml"), []byte(sessionsDocument(downstreamBase, "private")), 0o600); err != nil {
		t.Fatal(err)
	}
	cloud.aws(t, nil, "secretsmanager", "create-secret", "--name", "keyrelay/accounts", "--secret-string", `{"session": `+clientOf("relay")+`}`)
	cloud.deploy(t, folder, "SharedTokens=true")
	cloud.findGateway(t)
	table := cloud.outputs(t)["TokenTableName"]
	t.Run("eight functions, one login", func(t *testing.T) { cloud.sharesTokens(t, table) })
	t.Run("the table shows nothing", func(t *testing.T) { cloud.showsNothing(t, table) })
	t.Run("the role may read and update items, and nothing else", func(t *testing.T) { cloud.grantsTable(t, table) })
	t.Run("without the parameter there is nothing of it", func(t *testing.T) {
		cloud.deploy(t, folder, "SharedTokens=false")
		var left struct{ TableNames []string }
		cloud.aws(t, &left, "dynamodb", "list-tables")
		role := cloud.outputs(t)["RoleName"]
		if decision := cloud.simulate(t, role, "dynamodb:GetItem", "arn:aws:dynamodb:us-east-1:000000000000:table/"+table); len(left.TableNames) > 0 || decision != "implicitDeny" {
			t.Errorf("%v are left, GetItem: %s", left.TableNames, decision)
		}
		if status, _, body := cloud.send(t, sessionCall()); status != http.StatusOK {
			t.Errorf("a call is answered %d %s", status, body)
		}
	})
}

func sessionCall() call {
	return call{method: http.MethodPost, outbound: downstreamBase + "/sessions/orders", mediaType: "application/json", body: `{"amount":1.10}`}
}

func (c *cloud) sharesTokens(t *testing.T, table string) {
	for range 2 {
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				if status, _, body := c.send(t, sessionCall()); status != http.StatusOK {
					t.Errorf("a call is answered %d %s", status, body)
				}
			})
		}
		group.Wait()
	}
	answer, err := http.Get(downstreamBase + "/sessions/report")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	var report sessionsReport
	if err := json.NewDecoder(answer.Body).Decode(&report); err != nil || report.Logins != 1 || report.Carried != 16 {
		t.Errorf("%+v, %v", report, err)
	}
	for _, entry := range c.requestEntries(t) {
		if strings.Contains(entry, `"unshared"`) {
			t.Errorf("the table %s is of no use: %s", table, entry)
		}
	}
}

func (c *cloud) showsNothing(t *testing.T, table string) {
	items := output(t, command(t, c.environment, "aws", "dynamodb", "scan", "--table-name", table, "--output", "json"))
	for _, word := range []string{"session-number", "accounts", "relay", "c2Vzc2lvbi1udW1iZXI"} {
		if strings.Contains(items, word) {
			t.Errorf("the table has %s in %s", word, items)
		}
	}
	if !strings.Contains(items, `"sealed"`) || !strings.Contains(items, `"expires"`) {
		t.Errorf("the table has %s", items)
	}
}

func (c *cloud) grantsTable(t *testing.T, table string) {
	role, resource := c.outputs(t)["RoleName"], "arn:aws:dynamodb:us-east-1:000000000000:table/"+table
	for action, decision := range map[string]string{
		"GetItem": "allowed", "UpdateItem": "allowed", "PutItem": "implicitDeny", "DeleteItem": "implicitDeny", "Scan": "implicitDeny",
		"Query": "implicitDeny", "DeleteTable": "implicitDeny", "UpdateTimeToLive": "implicitDeny",
	} {
		if got := c.simulate(t, role, "dynamodb:"+action, resource); got != decision {
			t.Errorf("%s: %s", action, got)
		}
		if got := c.simulate(t, role, "dynamodb:"+action, resource+"-of-another"); got != "implicitDeny" {
			t.Errorf("%s of another table: %s", action, got)
		}
	}
}

// TestSharedTokens has eight servers share tokens by a table of an emulated AWS, and
// 1,000 callers at once.
func TestSharedTokens(t *testing.T) {
	cloud := startCloud(t)
	cloud.aws(t, nil, "dynamodb", "create-table", "--table-name", "tokens", "--billing-mode", "PAY_PER_REQUEST",
		"--attribute-definitions", "AttributeName=id,AttributeType=S", "--key-schema", "AttributeName=id,KeyType=HASH")
	cloud.aws(t, nil, "secretsmanager", "create-secret", "--name", "keyrelay/token-key", "--secret-string", "a key that seals, of 32 bytes or more")
	cloud.aws(t, nil, "secretsmanager", "create-secret", "--name", "keyrelay/accounts", "--secret-string", `{"session": `+clientOf("relay")+`}`)
	program := filepath.Join(t.TempDir(), "keyrelay")
	output(t, command(t, []string{"CGO_ENABLED=0"}, "go", "build", "-o", program, "./function"))
	f := &fleet{cloud: cloud, program: program}
	t.Run("without a table instances log each other out", f.logsOut)
	t.Run("one login for each end and each expiry", f.logsInOnce)
	t.Run("an instance is killed while it logs in", f.survivesKill)
	t.Run("refresh tokens rotate at a provider that takes a second use for theft", f.rotates)
}

// A fleet is instances of the program, with what they share.
type fleet struct {
	*cloud
	program   string
	instances []*instance
}

// An instance is one of them.
type instance struct {
	process *exec.Cmd
	address string
}

const fleetSize = 8

// start starts the instances with a folder of documents. They end with the test.
func (f *fleet) start(t *testing.T, folder string, environment ...string) {
	t.Helper()
	f.instances = nil
	for range fleetSize {
		port := fake.FreePort(t)
		made := &instance{address: "http://127.0.0.1:" + port}
		made.process = command(t, append(append(environment, f.environment...), "PORT=127.0.0.1:"+port, "KEYRELAY_DESTINATIONS="+folder), f.program)
		start(t, made.process)
		f.instances = append(f.instances, made)
	}
	for _, each := range f.instances {
		eventually(t, "an instance answers", answers(each.address+"/healthz"))
	}
}

func tableSettings() []string {
	return []string{"KEYRELAY_TOKEN_TABLE=tokens", "KEYRELAY_TOKEN_KEY=secretsmanager:keyrelay/token-key"}
}

// order sends one order through an instance and returns the answer's status; 0 for none.
func (i *instance) order(t *testing.T, outbound string) int {
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, i.address, strings.NewReader(`{"amount": 1.10}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Osmos-Outbound-Url", outbound)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0
	}
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode
}

// all has so many callers order at once, spread over the instances, and returns how many were served.
func (f *fleet) all(t *testing.T, callers int, outbound string) int {
	t.Helper()
	var served atomic.Int64
	var group sync.WaitGroup
	for i := range callers {
		group.Go(func() {
			if status := f.instances[i%len(f.instances)].order(t, outbound); status/100 == 2 {
				served.Add(1)
			}
		})
	}
	group.Wait()
	return int(served.Load())
}

// serveSessions serves a sessions, and writes the document that declares it.
func serveSessions(t *testing.T, life time.Duration) (api *sessions, folder, outbound string) {
	t.Helper()
	api = &sessions{life: life}
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	folder = t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "accounts.yaml"), []byte(sessionsDocument(server.URL, "loopback")), 0o600); err != nil {
		t.Fatal(err)
	}
	return api, folder, server.URL + "/sessions/orders"
}

// logsOut is the yardstick: what becomes of callers where each instance has a token of its own.
func (f *fleet) logsOut(t *testing.T) {
	api, folder, outbound := serveSessions(t, time.Hour)
	f.start(t, folder)
	served := f.all(t, 1000, outbound)
	t.Logf("%d of 1,000 callers are served, by %d logins", served, api.take(&sessionsReport{}).Logins)
}

func (f *fleet) logsInOnce(t *testing.T) {
	const life = 25 * time.Second
	api, folder, outbound := serveSessions(t, life)
	f.start(t, folder, tableSettings()...)
	var done sessionsReport
	for _, before := range []struct {
		name string
		run  func()
	}{
		{"cold", func() {}}, {"warm", func() {}}, {"ended", api.end}, {"expired", func() { time.Sleep(life) }}, {"expired again", func() { time.Sleep(life) }},
	} {
		before.run()
		began, logins := time.Now(), 1
		if before.name == "warm" {
			logins = 0
		}
		served := f.all(t, 1000, outbound)
		report := api.take(&done)
		t.Logf("%s: %d of 1,000 served by %d logins, in %s; %d requests were refused at first", before.name, served, report.Logins, time.Since(began), report.Refused)
		if served != 1000 || report.Logins != logins || report.Carried != 1000 {
			t.Errorf("%s: %d served, %+v", before.name, served, report)
		}
	}
}

func (f *fleet) survivesKill(t *testing.T) {
	api, folder, outbound := serveSessions(t, time.Hour)
	f.start(t, folder, tableSettings()...)
	arrived := make(chan struct{}, 1)
	api.holding(arrived, make(chan struct{}))
	lost := make(chan int)
	go func() { lost <- f.instances[0].order(t, outbound) }()
	<-arrived
	if err := f.instances[0].process.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if status := <-lost; status != 0 {
		t.Errorf("the killed instance answers %d", status)
	}
	api.holding(nil, nil)
	f.instances = f.instances[1:]
	served := f.all(t, 1000, outbound)
	took, report := time.Since(began), api.take(&sessionsReport{})
	t.Logf("%d of 1,000 served by %d logins, %s after the kill", served, report.Logins, took)
	if served != 1000 || report.Logins != 1 || took < 5*time.Second || took > 20*time.Second {
		t.Errorf("%d served, %+v, in %s", served, report, took)
	}
}

// rotates uses the refresh tokens of a person at a provider that others wrote.
func (f *fleet) rotates(t *testing.T) {
	issuer := startProvider(t)
	api := &introspectingAPI{issuer: issuer}
	// The provider withdraws the refresh token with an access token that is revoked there,
	// so that this API itself refuses those that it has seen enough of.
	var refused sync.Map
	downstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, known := refused.Load(r.Header.Get("Authorization")); known {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		api.ServeHTTP(w, r)
	}))
	defer downstream.Close()
	folder, file := t.TempDir(), filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(clientOf("person")), 0o600); err != nil {
		t.Fatal(err)
	}
	write := func(reference string) {
		writePeer(t, folder, downstream.URL, "login", "{type: oauth2, x-keyrelay-secret: '"+reference+"', flows: {authorizationCode: {tokenUrl: "+issuer+
			"/token, authorizationUrl: '"+issuer+"/auth?prompt=consent', scopes: {openid: '', offline_access: '', orders.write: ''}}}}")
		document, err := os.ReadFile(filepath.Join(folder, "login.yaml"))
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, "login.yaml"), []byte(strings.Replace(string(document), "[orders.write]", "[]", 1)), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	write("file:" + file)
	logIn(t, folder)
	secret, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	f.aws(t, nil, "secretsmanager", "create-secret", "--name", "keyrelay/person", "--secret-string", string(secret))
	write("secretsmanager:keyrelay/person")
	f.start(t, folder, tableSettings()...)
	used := []string{string(secret)}
	for round := range 4 {
		if round > 0 {
			time.Sleep(10 * time.Second)
			refused.Store("Bearer "+api.last(), true)
		}
		if served := f.all(t, 200, downstream.URL+"/login"); served != 200 {
			t.Errorf("round %d: %d of 200 served", round, served)
		}
		var now struct{ SecretString string }
		f.aws(t, &now, "secretsmanager", "get-secret-value", "--secret-id", "keyrelay/person")
		if slices.Contains(used, now.SecretString) {
			t.Errorf("round %d: the refresh token was not rotated", round)
		}
		used = append(used, now.SecretString)
	}
	tokens := map[string]bool{}
	for _, delivery := range api.deliveries {
		tokens[delivery.Token] = true
	}
	t.Logf("800 requests of eight instances with %d access tokens, %d refresh tokens", len(tokens), len(used))
	if len(tokens) != 4 {
		t.Errorf("%d access tokens in 4 rounds", len(tokens))
	}
}
