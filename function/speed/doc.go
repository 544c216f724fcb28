// Package speed measures the whole program against what it cannot be faster than,
// in interleaved runs, and prints ratios instead of times. It holds benchmarks only:
//
//	go test -run '^$' -bench . ./function/speed
package speed
