// Command lockstep tortures replicated state machines in a deterministic
// simulator, replays what failed, and judges recorded histories.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Exit codes.
const (
	exitFine      = 0
	exitViolated  = 1  // a property does not hold
	exitUsage     = 2  // wrong flags, unreadable input or unwritable output
	exitHarness   = 3  // the harness itself is at fault, as by nondeterminism
	exitUndecided = 4  // a history took longer to judge than allowed
	exitRejected  = 5  // a client's operation had no effect
	exitUnknown   = 6  // a client's operation may have taken effect
	exitStopped   = 7  // a node stopped by itself
	exitNeverHit  = 8  // a campaign did not reach all that it should
	exitNobody    = 9  // no node, or no majority of them, has answered in time, and nothing was changed
	exitDamaged   = 10 // the log of a node is damaged, or not all there

	exitInapplicable = 125 // an expected verdict cannot be checked: git bisect skips the commit
)

// failure is an error with an exit code of its own; without one it is
// exitUsage. An empty text has been said already.
type failure struct {
	code int
	text string
}

func (f *failure) Error() string { return f.text }

// answered is a failure after an answer that says as much, in JSON if that was asked
// for.
type answered struct{ *failure }

// Unwrap is for errors.As.
func (a answered) Unwrap() error { return a.failure }

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	cmd, out := root(), &output{Writer: os.Stdout}
	cmd.SetOut(out)
	strict(cmd)
	err := cmd.ExecuteContext(ctx)
	code := exitFine
	if err != nil {
		code = exitUsage
	}
	var f *failure
	if errors.As(err, &f) {
		code = f.code
	}
	if err != nil && err.Error() != "" && !errors.As(err, &answered{}) && asksForJSON(os.Args[1:]) {
		tellError(out, code, err)
	}
	if out.err != nil && !errors.Is(err, out.err) {
		fmt.Fprintln(os.Stderr, "lockstep: output:", out.err)
		code = max(code, exitUsage)
	}
	if err != nil && err.Error() != "" {
		fmt.Fprintln(os.Stderr, "lockstep:", err)
	}
	return code
}

// output keeps the first error of writing, so that not every print must look.
type output struct {
	io.Writer
	err error
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	n, err := o.Writer.Write(p)
	if o.err == nil {
		o.err = err
	}
	return n, err
}
