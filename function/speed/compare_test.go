package speed_test

import (
	"slices"
	"testing"
	"time"
)

// A measurement does the same work at each call, and returns how long it took and the
// processor time that a program used for it.
type measurement func() (elapsed, cpu time.Duration)

// compare takes two measurements in turn, so that the noise of the machine stays out of
// their ratios, holds these to the most that they may be, and returns the middle of those
// of time.
func compare(b *testing.B, measured, yardstick measurement, mostTime, mostCPU float64) float64 {
	b.Helper()
	var times, cpus []float64
	for b.Loop() {
		measuredTime, measuredCPU := measured()
		yardstickTime, yardstickCPU := yardstick()
		times = append(times, float64(measuredTime)/float64(yardstickTime))
		cpus = append(cpus, float64(measuredCPU)/float64(yardstickCPU))
	}
	hold(b, "time-ratio", times, mostTime)
	hold(b, "cpu-ratio", cpus, mostCPU)
	b.ReportMetric(0, "ns/op")
	return median(times)
}

// hold reports the median of the ratios of all rounds, and what it may be at most, which
// one round may keep for all on a noisy machine: it is there so that no change loses the
// speed unseen, and docs/speed.md has the figures.
func hold(b *testing.B, name string, ratios []float64, most float64) {
	b.Helper()
	b.ReportMetric(median(ratios), name)
	if slices.Min(ratios) > most {
		b.Errorf("%s is %.2f, and may be %.2f", name, ratios, most)
	}
}

// median is the middle of the values, or half-way between the two in the middle.
func median(values []float64) float64 {
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}
