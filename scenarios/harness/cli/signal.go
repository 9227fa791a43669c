package cli

import (
	"os"
	"os/signal"
	"syscall"
)

// endAtNextSignal has the next SIGINT or SIGTERM end the process at once. stop gives both
// their usual effect back, which is just that, but for the first process of a container,
// from which the kernel keeps signals without a handler, and where SIGINT was ignored, as
// in a background process of a script.
func endAtNextSignal(stop func(), ignored bool) {
	if os.Getpid() != 1 && !ignored {
		stop()
		return
	}
	next := make(chan os.Signal, 1)
	signal.Notify(next, os.Interrupt, syscall.SIGTERM)
	stop()
	go func() {
		s := <-next
		os.Exit(128 + int(s.(syscall.Signal))) // as a shell reports a process that a signal has ended
	}()
}
