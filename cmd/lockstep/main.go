// Command lockstep runs nodes of a replicated state-machine service, and tests them
// in a deterministic simulator. It runs campaigns, replays and shrinks their
// failures, checks recorded histories, runs nodes and clusters, is their client,
// loads them, and inspects their logs.
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
	exitOK          = 0
	exitViolated    = 1  // a property does not hold
	exitUsage       = 2  // wrong flags, unreadable input or unwritable output
	exitHarness     = 3  // the harness itself is at fault, as by nondeterminism
	exitUndecided   = 4  // the check of a history exceeded its time limit
	exitRejected    = 5  // a client's operation had no effect
	exitUnknown     = 6  // a client's operation may have taken effect
	exitStopped     = 7  // a node stopped by itself
	exitNeverHit    = 8  // a campaign never hit a coverage mark
	exitUnreachable = 9  // no node, or no majority, has responded in time, and nothing was changed
	exitDamaged     = 10 // the log of a node is damaged, or incomplete

	exitInapplicable = 125 // an expected verdict cannot be checked: git bisect skips the commit
)

// exitError is an error with an exit code; other errors exit with exitUsage. An
// empty text means that the error is printed already.
type exitError struct {
	code int
	text string
}

func (f *exitError) Error() string { return f.text }

// printedError is a failure that the command's output has reported already, in JSON
// if requested.
type printedError struct{ *exitError }

// Unwrap returns the exitError, for errors.As.
func (a printedError) Unwrap() error { return a.exitError }

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	cmd, out := root(), &stickyWriter{Writer: os.Stdout}
	cmd.SetOut(out)
	strictArgs(cmd)
	err := cmd.ExecuteContext(ctx)
	code := exitOK
	if err != nil {
		code = exitUsage
	}
	var f *exitError
	if errors.As(err, &f) {
		code = f.code
	}
	if err != nil && err.Error() != "" && !errors.As(err, &printedError{}) && wantsJSON(os.Args[1:]) {
		printJSONError(out, code, err)
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

// stickyWriter keeps the first write error, so that not every print must check for
// one.
type stickyWriter struct {
	io.Writer
	err error
}

// Write implements io.Writer.
func (o *stickyWriter) Write(p []byte) (int, error) {
	n, err := o.Writer.Write(p)
	if o.err == nil {
		o.err = err
	}
	return n, err
}
