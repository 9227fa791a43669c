package main

import (
	"syscall"
	"time"
)

// preciseSleep sleeps for d or less, to some 60 µs; time.Sleep may take a
// millisecond longer.
func preciseSleep(d time.Duration) {
	ts := syscall.NsecToTimespec(int64(d))
	_ = syscall.Nanosleep(&ts, nil) // interrupted: the caller looks at the clock
}
