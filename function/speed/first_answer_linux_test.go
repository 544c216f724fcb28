package speed_test

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"keyrelay/function/fake"
)

// What follows the first invocation of each start: so many at once, one after the
// other, and so many by one in each period of the processor's share.
const (
	invocationsAtOnce = 50
	invocationsInTurn = 25
	sharePeriod       = 20 * time.Millisecond
)

// A start is what was measured of one start of a function, in milliseconds.
type starting struct {
	// asked is from the start until the first event is asked for, first until its answer.
	asked, first float64
	// atOnce and inTurn are of the invocations after it, from the event to the answer.
	atOnce, inTurn []float64
}

// The most that keyrelay's first answer may take of the lazy function's, by memory, on a noisy machine.
func mostOfLazy() map[int]float64 { return map[int]float64{128: 0.12, 256: 0.3} }

// BenchmarkFirstAnswer measures the time from the start of a process to its first
// answer, and the warm answers after it, as AWS runs a cold start: a whole processor
// until the first event is asked for, and then the share that goes with the memory, in
// periods of 20 ms. Secrets Manager and the API are behind TLS. The function that one
// writes in an hour (testdata/lazy) is measured in turn with it.
func BenchmarkFirstAnswer(b *testing.B) {
	cloud := startCloud(b)
	cloud.how += keepAwake(b)
	relay, lazy := buildRelay(b), buildLazy(b)
	folder := "KEYRELAY_DESTINATIONS=" + cloud.documents(b)
	measured := []struct {
		name, program string
		environment   []string
	}{
		{"the lazy function", lazy, []string{"API=" + cloud.api.URL}},
		{"keyrelay", relay, []string{folder}},
		{"keyrelay, all certificate folders", relay, []string{folder, "SSL_CERT_DIR=/etc/ssl/certs"}},
		{"keyrelay, two processors", relay, []string{folder, "GOMAXPROCS=2"}},
		{"a handler that only makes the round trip", os.Args[0], []string{roleVariable + "=handler", downstreamOfRole + "=" + cloud.api.URL}},
	}
	starts := map[string]*starting{}
	firsts := map[string][]float64{}
	asked := map[string][]float64{}
	for b.Loop() {
		for _, memory := range []int{128, 256} {
			for _, each := range measured {
				key := fmt.Sprint(each.name, memory)
				if starts[key] == nil {
					starts[key] = &starting{}
				}
				once := cloud.measure(b, each.program, memory, each.environment)
				asked[key], firsts[key] = append(asked[key], once.asked), append(firsts[key], once.first)
				starts[key].atOnce = append(starts[key].atOnce, once.atOnce...)
				starts[key].inTurn = append(starts[key].inTurn, once.inTurn...)
			}
		}
	}
	table := "\n" + cloud.how + "\n| ms | first answer at 128 MB | at 256 MB | of that before the first event | warm at 128 MB, at once: middle, 90 % | one in 20 ms: middle, 90 % |\n| --- | --- | --- | --- | --- | --- |\n"
	for _, each := range measured {
		small, large := each.name+"128", each.name+"256"
		table += fmt.Sprintf("| %s | %.1f | %.1f | %.1f | %.2f, %.2f | %.2f, %.2f |\n", each.name, median(firsts[small]), median(firsts[large]), median(asked[small]),
			median(starts[small].atOnce), percentile(starts[small].atOnce), median(starts[small].inTurn), percentile(starts[small].inTurn))
	}
	b.Log(table)
	inTurn := percentile(starts["keyrelay128"].inTurn) / percentile(starts["the lazy function128"].inTurn)
	hold(b, "slow-tenth-of-lazy-at-128MB", []float64{inTurn}, 2)
	for memory, most := range mostOfLazy() {
		ratio := median(firsts[fmt.Sprint("keyrelay", memory)]) / median(firsts[fmt.Sprint("the lazy function", memory)])
		if cloud.how != "" {
			most = 1
		}
		hold(b, fmt.Sprintf("of-lazy-at-%dMB", memory), []float64{ratio}, most)
	}
	b.ReportMetric(0, "ns/op")
}

// percentile is the 90th of sorted values.
func percentile(sorted []float64) float64 { return sorted[len(sorted)*9/10] }

// A cloud is what a function finds around it.
type cloud struct {
	manager, api *httptest.Server
	environment  []string
	// start starts a process in the share, where the system's certificate roots hold the cloud's.
	start func(*exec.Cmd) error
	share *share
	// how says what of a Lambda function's surroundings could not be made.
	how string
}

func startCloud(b *testing.B) *cloud {
	b.Helper()
	c := &cloud{manager: httptest.NewUnstartedServer(fake.NewSecrets(map[string]string{"key": "0123456789abcdef"}))}
	c.api = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"id":"o-1","state":"accepted","items":[1,2,3]}`)
	}))
	for _, server := range []*httptest.Server{c.manager, c.api} {
		server.StartTLS() // with one certificate for both
		b.Cleanup(server.Close)
	}
	root := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.api.Certificate().Raw})
	c.environment = []string{
		"AWS_ENDPOINT_URL_SECRETS_MANAGER=" + c.manager.URL, "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=AKIDEXAMPLE",
		"AWS_SECRET_ACCESS_KEY=example", "AWS_SAM_LOCAL=true", "AWS_LAMBDA_FUNCTION_NAME=speed",
	}
	bundle := filepath.Join(b.TempDir(), "bundle.pem")
	system, _ := os.ReadFile("/etc/ssl/certs/ca-certificates.crt")
	if err := os.WriteFile(bundle, append(system, root...), 0o600); err != nil {
		b.Fatal(err)
	}
	var replaced, grouped error
	c.start = onThread(b, func() (end func()) {
		replaced = replaceFile(bundle, "/etc/ssl/certs/ca-certificates.crt")
		c.share, grouped = newShare()
		return c.share.remove
	})
	if replaced != nil {
		c.environment = append(c.environment, "SSL_CERT_FILE="+bundle)
		c.how += "SSL_CERT_FILE names the roots: no mount namespace can be made here. "
	}
	if grouped != nil {
		c.how += "The processor is whole: no control group can be made here. "
	}
	return c
}

// documents declares the API with a key of Secrets Manager.
func (c *cloud) documents(b *testing.B) string {
	b.Helper()
	folder := documents(b, c.api.URL)
	file := filepath.Join(folder, "downstream.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	text = bytes.Replace(text, []byte("env:DOWNSTREAM_KEY"), []byte("secretsmanager:key"), 1)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		b.Fatal(err)
	}
	return folder
}

// measure starts a program once.
func (c *cloud) measure(b *testing.B, program string, memory int, environment []string) (measured starting) {
	b.Helper()
	served := &function{event: restEvent(c.api.URL, record(1<<10)), next: make(chan struct{}), done: make(chan struct{})}
	command := exec.Command(program)
	var began time.Time
	var once sync.Once
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	asked := make(chan time.Time, 1)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		once.Do(func() {
			asked <- time.Now()
			c.share.set(b, memory)
		})
		served.ServeHTTP(w, r)
	})}
	go func() { _ = server.Serve(listener) }()
	defer server.Close()
	command.Env = append(append(slices.Clone(c.environment), environment...),
		"AWS_LAMBDA_RUNTIME_API="+listener.Addr().String(), "AWS_LAMBDA_FUNCTION_MEMORY_SIZE="+strconv.Itoa(memory))
	command.Stderr = os.Stderr
	c.share.set(b, wholeProcessor)
	c.share.place(command)
	began = time.Now()
	if err := c.start(command); err != nil {
		b.Fatal(err)
	}
	defer func() { _ = command.Process.Kill(); _ = command.Wait() }()
	measured.asked = milliseconds((<-asked).Sub(began))
	served.next <- struct{}{}
	<-served.done
	measured.first = milliseconds(time.Since(began))
	for range invocationsAtOnce {
		measured.atOnce = append(measured.atOnce, served.once())
	}
	for range invocationsInTurn {
		time.Sleep(sharePeriod)
		measured.inTurn = append(measured.inTurn, served.once())
	}
	return measured
}

// once makes one invocation, and returns the time from its event to its answer.
func (f *function) once() float64 {
	f.next <- struct{}{}
	<-f.done
	return milliseconds(f.answered.Sub(f.handed))
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// onThread returns what starts processes from a thread on which prepare was called, and
// at last end: a process begins in the namespaces and control groups of that thread.
func onThread(b *testing.B, prepare func() (end func())) func(*exec.Cmd) error {
	type order struct {
		command *exec.Cmd
		err     chan error
	}
	commands, ready, ended := make(chan order), make(chan struct{}), make(chan struct{})
	go func() {
		runtime.LockOSThread() // for good: no other goroutine finds itself there
		defer close(ended)
		defer prepare()()
		close(ready)
		for each := range commands {
			each.err <- each.command.Start()
		}
	}()
	<-ready
	b.Cleanup(func() { close(commands); <-ended })
	return func(command *exec.Cmd) error {
		each := order{command, make(chan error)}
		commands <- each
		return <-each.err
	}
}

// replaceFile has this thread find one file in place of another.
func replaceFile(file, in string) error {
	if err := syscall.Unshare(syscall.CLONE_FS | syscall.CLONE_NEWNS); err != nil {
		return err
	}
	if err := syscall.Mount("none", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return err
	}
	return syscall.Mount(file, in, "", syscall.MS_BIND, "")
}

// A share is a control group whose processes have a part of a processor. They begin in
// it: to move a process that runs takes the kernel some 10 ms, for which its first
// answer would wait.
type share struct {
	folder *os.File
	// version is that of control groups.
	version int
}

// wholeProcessor stands for as much as there is.
const wholeProcessor = 0

// newShare makes a control group, of version 2 or 1, for what this thread starts.
func newShare() (*share, error) {
	name := fmt.Sprintf("keyrelay-speed-%d", os.Getpid())
	for version, parent := range map[int]string{2: "/sys/fs/cgroup", 1: "/sys/fs/cgroup/cpu"} {
		path := filepath.Join(parent, name)
		if os.Mkdir(path, 0o755) != nil {
			continue
		}
		folder, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		made := &share{folder, version}
		if made.limit(wholeProcessor) == nil && made.favour() == nil && made.move(made.folder.Name()) == nil {
			return made, nil
		}
		made.remove()
	}
	return nil, fmt.Errorf("no control group")
}

// remove removes the group from the thread that made it.
func (s *share) remove() {
	if s == nil {
		return
	}
	_ = s.move(filepath.Dir(s.folder.Name()))
	_ = os.Remove(s.folder.Name())
	_ = s.folder.Close()
}

// move has what this thread starts begin in a group. In version 2 it is the command that
// names its group, since a thread has none of its own.
func (s *share) move(group string) error {
	if s.version == 2 {
		return nil
	}
	return write(filepath.Join(group, "tasks"), strconv.Itoa(syscall.Gettid()))
}

// place has a process begin in the group.
func (s *share) place(command *exec.Cmd) {
	if s != nil && s.version == 2 {
		command.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(s.folder.Fd())}
	}
}

// favour has the group's processes go before others, which there are none of in Lambda.
func (s *share) favour() error {
	if s.version == 2 {
		return write(filepath.Join(s.folder.Name(), "cpu.weight"), "10000")
	}
	return write(filepath.Join(s.folder.Name(), "cpu.shares"), "262144")
}

// set gives the group what AWS gives a function of so much memory.
func (s *share) set(b *testing.B, memory int) {
	if s == nil {
		return
	}
	if err := s.limit(memory); err != nil {
		b.Error(err)
	}
}

func (s *share) limit(memory int) error {
	period := int(sharePeriod / time.Microsecond)
	quota := strconv.Itoa(period * memory / 1769)
	if s.version == 2 {
		if memory == wholeProcessor {
			quota = "max"
		}
		return write(filepath.Join(s.folder.Name(), "cpu.max"), quota+" "+strconv.Itoa(period))
	}
	if memory == wholeProcessor {
		quota = "-1"
	}
	if err := write(filepath.Join(s.folder.Name(), "cpu.cfs_period_us"), strconv.Itoa(period)); err != nil {
		return err
	}
	return write(filepath.Join(s.folder.Name(), "cpu.cfs_quota_us"), quota)
}

// write writes to a file that is there, or else this is no control group.
func write(file, text string) error {
	opened, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer opened.Close()
	_, err = opened.WriteString(text)
	return err
}
