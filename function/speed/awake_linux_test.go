package speed_test

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"testing"
	"unsafe"
)

func init() { roles["awake"] = stayAwake }

// keepAwake keeps the machine's processors from sleeping until the benchmark ends, and
// says so if it cannot. An invocation is a chain of processes that wake each other, and a
// virtual processor that sleeps takes up to a tenth of a millisecond to do so: that is the
// machine's time, which differs from day to day, and not the function's.
func keepAwake(b *testing.B) (problem string) {
	b.Helper()
	awake := start(b, os.Args[0], roleVariable+"=awake")
	said, _ := awake.output.ReadString('\n')
	awake.drain()
	if said != "awake\n" {
		return "The processors sleep between invocations: " + said
	}
	return ""
}

// stayAwake turns on each processor that has nothing else to do, behind all other
// programs (SCHED_IDLE, sched(7)).
func stayAwake() {
	const policyIdle = 5
	turning := make(chan syscall.Errno)
	for range runtime.NumCPU() {
		go func() {
			runtime.LockOSThread()
			var priority int32
			_, _, failed := syscall.RawSyscall(syscall.SYS_SCHED_SETSCHEDULER, 0, policyIdle, uintptr(unsafe.Pointer(&priority)))
			turning <- failed
			for failed == 0 {
				runtime.KeepAlive(priority)
			}
		}()
	}
	for range runtime.NumCPU() {
		if failed := <-turning; failed != 0 {
			fmt.Println(failed)
			os.Exit(1)
		}
	}
	fmt.Println("awake")
	select {}
}
