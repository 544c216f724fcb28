package mask_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"keyrelay/function/gateway"
	"keyrelay/function/mask"
)

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// randomText is the same for a seed.
func randomText(seed uint64, length int) string {
	random := rand.New(rand.NewPCG(seed, 1))
	text := make([]byte, length)
	for i := range text {
		text[i] = letters[random.IntN(len(letters))]
	}
	return string(text)
}

// nearly is a text of what a caller sends who knows all of a secret but its last
// letters: it begins in thousands of places like the secret.
func nearly(secret string, seed uint64, length int) []byte {
	random := rand.New(rand.NewPCG(seed, 2))
	var text bytes.Buffer
	for text.Len() < length {
		known := len(secret) - 1 - random.IntN(len(secret)/2)
		text.WriteString(secret[:known] + "*" + randomText(random.Uint64(), random.IntN(8)))
		if random.IntN(50) == 0 {
			text.WriteString("%41\\" + randomText(random.Uint64(), 100)) // an escape, and what could be base64
		}
	}
	return text.Bytes()[:length]
}

// workOf makes the test binary mask a text and end, so that the counters of its
// coverage say how often each statement ran.
const workOf = "KEYRELAY_TEST_MASK"

// TestWork counts what is done for a text that is made of a secret: as much as for
// any other secret of its length, statement by statement.
func TestWork(t *testing.T) {
	if seed := os.Getenv(workOf); seed != "" {
		number, _ := strconv.ParseUint(seed, 10, 64)
		text := nearly(randomText(1, 32), 1, workLength)
		if number == 0 { // the control: the secret itself is in the text
			number, text = 1, append(text[:workLength/2], strings.Repeat(randomText(1, 32), workLength/64)...)
		}
		mask.New(randomText(number, 32)).Mask(&gateway.Response{Body: text})
		return
	}
	if testing.Short() {
		t.Skip("builds a test binary that counts")
	}
	binary := filepath.Join(t.TempDir(), "counting.test")
	if output, err := exec.Command("go", "test", "-c", "-covermode=count", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	own := countsOf(t, binary, "1")
	for _, other := range []string{"2", "3", "4", "5"} {
		if place, difference := largestDifference(own, countsOf(t, binary, other)); difference > workLength/50 {
			t.Errorf("secret %s: %s ran %d times more or less often than for the secret that the text is made of", other, place, difference)
		}
	}
	if _, difference := largestDifference(own, countsOf(t, binary, "0")); difference <= workLength/50 {
		t.Error("the count shows no difference where the text holds the secret")
	}
}

const workLength = 1 << 18

// TestKeyIsDrawn shows that nobody can prepare a text that looks like a secret to the
// search: no two searches take the same texts for alike.
func TestKeyIsDrawn(t *testing.T) {
	if secret := randomText(1, 32); mask.SameKey(mask.New(secret), mask.New(secret)) {
		t.Error("two Maskers have one key")
	}
}

// countsOf says how often each part of the package ran.
func countsOf(t *testing.T, binary, seed string) map[string]int {
	profile := filepath.Join(t.TempDir(), "profile")
	command := exec.Command(binary, "-test.run=^TestWork$", "-test.coverprofile="+profile)
	command.Env = append(os.Environ(), workOf+"="+seed)
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	text, err := os.ReadFile(profile)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for line := range strings.Lines(string(text)) {
		// file:line.column,line.column statements count
		if fields := strings.Fields(line); len(fields) == 3 {
			counts[fields[0]], _ = strconv.Atoi(fields[2])
		}
	}
	if len(counts) < 20 {
		t.Fatalf("a profile of %d parts:\n%s", len(counts), text)
	}
	return counts
}

func largestDifference(a, b map[string]int) (place string, difference int) {
	for each, count := range a {
		if other := max(count-b[each], b[each]-count); other > difference {
			place, difference = each, other
		}
	}
	return place, difference
}

// BenchmarkSpread plays the attack: one text that is made of a secret, masked for
// that secret and for random ones of its length, thousands of times, interleaved. A
// caller learns from it how much the secrets' times differ; no caller can tell them
// from one secret's own times, measured in the same way. The control is a search
// that stops where a text stops to be the secret.
func BenchmarkSpread(b *testing.B) {
	const secrets, length = 16, 1 << 16
	text := nearly(randomText(1, 32), 1, length)
	search := func(secret string) func() {
		masker, response := mask.New(secret), &gateway.Response{Body: text}
		return func() { masker.Mask(response) }
	}
	naive := func(secret string) func() {
		return func() { bytes.Contains(text, []byte(secret)) }
	}
	spread := func(searcher func(string) func(), seeds func(int) uint64) func(*testing.B) {
		return func(b *testing.B) {
			var searches [secrets]func()
			var times [secrets][]time.Duration
			for i := range searches {
				searches[i] = searcher(randomText(seeds(i), 32))
			}
			for b.Loop() {
				for _, i := range rand.Perm(secrets) {
					start := time.Now()
					searches[i]()
					times[i] = append(times[i], time.Since(start))
				}
			}
			var middle []time.Duration
			for _, each := range times {
				slices.Sort(each)
				middle = append(middle, each[len(each)/2])
			}
			b.ReportMetric(100*float64(slices.Max(middle)-slices.Min(middle))/float64(slices.Min(middle)), "%spread")
			b.ReportMetric(100*float64(middle[0]-slices.Min(middle[1:]))/float64(slices.Min(middle)), "%first")
			b.ReportMetric(float64(slices.Min(middle).Microseconds()), "µs/op")
			b.ReportMetric(0, "ns/op")
		}
	}
	others, same := func(i int) uint64 { return uint64(i + 1) }, func(int) uint64 { return 1 }
	b.Run("secrets", spread(search, others))
	b.Run("one-secret", spread(search, same))
	b.Run("control-secrets", spread(naive, others))
	b.Run("control-one-secret", spread(naive, same))
}
