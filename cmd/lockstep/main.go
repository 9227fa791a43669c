// Command lockstep tortures replicated state machines in a deterministic
// simulator, replays what failed, and judges recorded histories.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// Exit codes. 5 and 6 are kept for commands that act on a running cluster.
const (
	exitFine      = 0
	exitViolated  = 1 // a property does not hold
	exitUsage     = 2 // wrong flags or unreadable input
	exitHarness   = 3 // the harness itself is at fault, as by nondeterminism
	exitUndecided = 4 // a history took longer to judge than allowed
)

// failure is an error with an exit code of its own; without one it is
// exitUsage. An empty text has been said already.
type failure struct {
	code int
	text string
}

func (f *failure) Error() string { return f.text }

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	err := root().ExecuteContext(ctx)
	if err == nil {
		return exitFine
	}
	code := exitUsage
	var f *failure
	if errors.As(err, &f) {
		code = f.code
	}
	if text := err.Error(); text != "" {
		fmt.Fprintln(os.Stderr, "lockstep:", text)
	}
	return code
}
