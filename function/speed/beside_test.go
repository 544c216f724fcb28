package speed_test

import (
	"fmt"
	"os"
	"testing"
)

// BenchmarkBeside compares this tree's program with that of another tree, whose folder
// KEYRELAY_BESIDE names (.ci/beside makes that of a commit): as a server, and as a
// function. It shows what one change, or those since a commit, made of the speed.
func BenchmarkBeside(b *testing.B) {
	folder := os.Getenv("KEYRELAY_BESIDE")
	if folder == "" {
		b.Skip("KEYRELAY_BESIDE names no folder; .ci/beside COMMIT makes one")
	}
	downstream, program, other := startDownstream(b), buildRelay(b), buildRelay(b, "-C", folder)
	here, there := startServer(b, program, downstream), startServer(b, other, downstream)
	for _, connections := range []int{16, 64} {
		b.Run(fmt.Sprintf("connections=%d", connections), func(b *testing.B) {
			compare(b, here.loads(b, connections), there.loads(b, connections), 1.25, 1.25)
		})
	}
	b.Run("invocation", func(b *testing.B) {
		event := restEvent(downstream, record(1<<10))
		compare(b, startRelay(b, program, downstream, event).runs(b, 250), startRelay(b, other, downstream, event).runs(b, 250), 1.25, 1.25)
	})
}
