package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go/logging"

	"keyrelay/function/destination"
	"keyrelay/function/fake"
)

// A surroundings is what the relay program has around it.
type surroundings struct {
	// folder holds the documents.
	folder string
	// downstream is the sample API at address api; nil with documents of one's own.
	downstream *downstream
	api        string
	// secrets is the address of the endpoint of secrets with the token that it asks for as its
	// path; empty for AWS itself.
	secrets string
	// own are that endpoint's secrets where they were read from a file; nil for the samples'.
	own *fake.Secrets
	// inFile are one's own secrets as the file had them when the relay read it.
	inFile map[string]string
	// shift is how far the ports are from the usual ones.
	shift int
	// read are the files as they were when the relay read them, looked as they were at the
	// last look.
	read, looked map[string]stamp
	// closers end what was started, the last one first.
	closers []func()
}

// run starts everything, tells the story, serves until stop ends, and stops what it started.
func run(stop context.Context, chosen options, out io.Writer) error {
	printed := newPrinter(out)
	around, err := surround(chosen, printed)
	defer around.close()
	if err != nil {
		return err
	}
	defer around.keepSecrets(chosen.secrets, printed)
	log, err := openLog(chosen.log)
	if err != nil {
		return err
	}
	defer log.Close()
	if chosen.secrets != "" {
		fmt.Fprintf(log, `{"level":"INFO","message":"start","detail":%s}`+"\n", quoteJSON("The file "+chosen.secrets+" stands in for AWS Secrets Manager."))
	}
	callers, err := around.listen(relayPort, "relay", printed)
	if err != nil {
		return err
	}
	defer callers.Close()
	started := &launcher{
		chosen: chosen, around: around, relay: callers.Addr().String(), token: rand.Text(), recorder: &recorder{}, out: printed,
		log: func(line []byte) { _, _ = log.Write(append(servingAt(line, callers.Addr().String()), '\n')) },
	}
	defer started.close()
	if err := started.launch(stop); err != nil {
		return unlessStopped(stop, err)
	}
	defer serve(callers, guardRelay(started.recorder))()
	return unlessStopped(stop, started.serve(stop))
}

// servingAt is a log line of the relay with the address that callers use: its own is behind the recorder.
func servingAt(line []byte, address string) []byte {
	before, after, found := bytes.Cut(line, []byte(`"address":"`))
	if _, rest, closed := bytes.Cut(after, []byte(`"`)); found && closed && bytes.Contains(before, []byte(`"message":"serving"`)) {
		return slices.Concat(before, []byte(`"address":"`+address+`"`), rest)
	}
	return bytes.Clone(line)
}

// surround starts the samples, or takes one's own documents.
func surround(chosen options, out *printer) (*surroundings, error) {
	around := &surroundings{folder: chosen.destinations, shift: chosen.port - relayPort, read: stamps(chosen)}
	if chosen.destinations == "" {
		if err := around.samples(out); err != nil {
			return around, err
		}
	}
	if chosen.secrets == "" {
		return around, nil
	}
	around.own = fake.NewSecretsFile(filepath.Base(chosen.secrets), nil)
	return around, around.serveSecrets(around.own, out)
}

// samples starts the sample downstream and its secrets, and writes the documents.
func (s *surroundings) samples(out *printer) error {
	listener, err := s.listen(downstreamPort, "downstream", out)
	if err != nil {
		return err
	}
	s.downstream, s.api = &downstream{}, listener.Addr().String()
	s.closers = append(s.closers, serve(listener, s.downstream))
	if err := s.serveSecrets(sampleSecrets(), out); err != nil {
		return err
	}
	if s.folder, err = os.MkdirTemp("", "keyrelay-local-"); err != nil {
		return err
	}
	s.closers = append(s.closers, func() { _ = os.RemoveAll(s.folder) })
	return writeSamples(s.folder, portOf(listener))
}

// listen opens a port, usual or as far from it as PORT says, and says so where another is taken.
func (s *surroundings) listen(usual int, what string, out *printer) (net.Listener, error) {
	port := usual + s.shift
	listener, err := openFrom(port)
	if err == nil && portOf(listener) != port {
		moved := fmt.Sprintf("Port %d is in use by another program, so the %s is at %d.", port, what, portOf(listener))
		fmt.Fprintln(out, out.styled(accent, moved))
	}
	return listener, err
}

// serveSecrets serves an endpoint of secrets, which has queues too.
func (s *surroundings) serveSecrets(secrets *fake.Secrets, out *printer) error {
	listener, err := s.listen(secretsPort, "endpoint of secrets", out)
	if err != nil {
		return err
	}
	token := rand.Text()
	s.secrets = listener.Addr().String() + "/" + token
	queues := fake.NewQueues(queueName, deadQueueName)
	s.closers = append(s.closers, serve(listener, guardSecrets(token, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS.") {
			queues.ServeHTTP(w, r)
			return
		}
		secrets.ServeHTTP(w, r)
	}))))
	return nil
}

// The names of the queues for what is delivered later.
const (
	queueName     = "keyrelay"
	deadQueueName = "keyrelay-dead"
	// queueAccount is the account that they are in.
	queueAccount = "/000000000000/"
)

func (s *surroundings) close() {
	for i := len(s.closers) - 1; i >= 0; i-- {
		s.closers[i]()
	}
}

// environment is that of the relay. With the samples nothing of this machine's AWS
// settings, keys or proxies gets into it; with documents of one's own all of it does,
// since they may name it, but for AWS settings where a file stands in for AWS.
func (s *surroundings) environment() []string {
	var environment []string
	if s.downstream == nil {
		environment = os.Environ()
	}
	environment = append(environment, "KEYRELAY_DESTINATIONS="+s.folder)
	if s.secrets != "" {
		environment = slices.DeleteFunc(environment, func(variable string) bool { return strings.HasPrefix(variable, "AWS_") })
		environment = append(environment, awsVariables(s.secrets)...)
		environment = append(environment, "AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "AWS_EC2_METADATA_DISABLED=true",
			"AWS_ENDPOINT_URL_SQS=http://"+s.secrets, "KEYRELAY_QUEUE=http://"+loopback+queueAccount+queueName, "KEYRELAY_DEAD_QUEUE=http://"+loopback+queueAccount+deadQueueName)
	}
	return environment
}

// awsVariables are the variables by which the AWS SDK takes an endpoint's secrets.
func awsVariables(endpoint string) []string {
	return []string{"AWS_ENDPOINT_URL_SECRETS_MANAGER=http://" + endpoint, "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local"}
}

// documents reads the documents as the relay does, and what there is in them to call.
func (s *surroundings) documents() (*destination.Set, []operation, error) {
	var settings destination.Config
	if s.downstream == nil {
		settings.SecretPrefix = os.Getenv("KEYRELAY_SECRET_PREFIX")
	}
	set, err := destination.Load(s.folder, settings)
	if err != nil {
		return nil, nil, err
	}
	operations, err := readOperations(s.folder, set, settings)
	return set, operations, err
}

// connect makes the client that reads secrets as the relay does.
func (s *surroundings) connect(ctx context.Context) (*secretsmanager.Client, error) {
	if s.secrets != "" {
		return fake.Connect("http://"+s.secrets, nil)(ctx)
	}
	loaded, err := config.LoadDefaultConfig(ctx, config.WithLogger(logging.Nop{}))
	if err != nil {
		return nil, err
	}
	return secretsmanager.NewFromConfig(loaded), nil
}

// introduce prints what there is; the address of the page comes last.
func (w *workbench) introduce(out *printer, chosen options, around *surroundings, page net.Listener) {
	w.list(out)
	fmt.Fprintf(out, "The relay serves on http://%s, its log goes to %s, until Ctrl-C.", w.relay, chosen.log)
	if around.downstream != nil {
		fmt.Fprintf(out, " Try it by hand, or open the page below:\n%s", w.tryCommand(around.api))
	}
	fmt.Fprintf(out, "\nWorkbench: %s\n", out.styled(bold, "http://"+page.Addr().String()+"/?token="+w.token))
}

// list prints each document with what it attaches, and the warnings.
func (w *workbench) list(out *printer) {
	out.title("The documents and what they attach")
	for _, each := range w.documents {
		for _, attached := range each.Attachments {
			state := "secret read"
			switch {
			case attached.Problem != "":
				state = out.styled(accent, attached.Problem)
			case !attached.Read:
				state = "no secret needed"
			}
			made := attached.Scheme + ": " + attached.What
			if from := attached.From(); from != "" {
				made += ", from " + from
			}
			out.line(each.Name, made+": "+state)
		}
		if len(each.Attachments) == 0 {
			out.line(each.Name, "no credential")
		}
	}
	for _, each := range w.set.Warnings() {
		if each.AtStart {
			out.line("warning", out.styled(accent, each.String()))
		}
	}
}

// tryCommand is a request to send by hand. It works pasted as it is.
func (w *workbench) tryCommand(api string) string {
	return "curl -sS http://" + w.relay + "/ -H 'Content-Type: application/json' " +
		"-H 'X-Osmos-Outbound-Url: http://" + api + "/post' -H 'X-Osmos-Query-Param-Fields: customer' " +
		`-d '{"customer":"c-42","amount":19.90}'`
}

// openLog opens the file that the relay's log goes to, anew.
func openLog(file string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		return nil, fmt.Errorf("the folder of the log %s cannot be made", file)
	}
	log, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_TRUNC|os.O_APPEND, 0o600) // #nosec G304 -- the file that the person names
	if err != nil {
		return nil, fmt.Errorf("the log %s cannot be written", file)
	}
	return log, nil
}

// unlessStopped returns no error where things failed because they were stopped.
func unlessStopped(stop context.Context, err error) error {
	if stop.Err() != nil {
		return nil //nolint:nilerr // what a stop breaks off has not failed
	}
	return err
}

// endedBy says why the relay ended. Ctrl-C at a terminal reaches the relay as soon
// as this program, so the relay may be the first to notice.
func endedBy(stop context.Context) error {
	select {
	case <-stop.Done():
		return nil
	case <-time.After(time.Second):
		return errors.New("the relay ended by itself; its log says why")
	}
}
