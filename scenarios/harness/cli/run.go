package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/lockstep-dst/lockstep/node/printable"
	"github.com/spf13/cobra"
)

// Run executes a command with the arguments of the process, and returns its exit
// code. SIGINT and SIGTERM end the context of the command; a second one ends the
// process. Errors go to the standard error, and as JSON to the standard output if
// -o json is among the arguments.
//
// All that the command prints is made printable: keys, ids, errors and plans come from
// others, and a terminal must not obey them.
func Run(cmd *cobra.Command) int {
	ignored := signal.Ignored(os.Interrupt)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, func() { endAtNextSignal(stop, ignored) })
	plain, errs := printable.NewWriter(os.Stdout), newErrorOutput(os.Stderr)
	out := &stickyWriter{Writer: plain, file: os.Stdout}
	prepare(cmd, out)
	cmd.SetErr(errs)
	err := cmd.ExecuteContext(ctx)
	lost := out.done != "" && out.err != nil
	if lost {
		err = &Error{Code: Unknown, Text: fmt.Sprintf("%s, but the answer could not be written: %v", out.done, out.err), Printed: true}
	}
	code := CodeOf(err)
	told := err == nil || err.Error() == ""
	if !told && !isPrinted(err) && wantsJSON(os.Args[1:]) {
		printJSONError(out, code, err)
	}
	if err := plain.Flush(); out.err == nil {
		out.err = err
	}
	if out.err != nil && !lost && !errors.Is(err, out.err) {
		fmt.Fprintf(errs, "%s: output: %v\n", cmd.Name(), out.err)
		code = max(code, Usage)
	}
	if !told {
		fmt.Fprintf(errs, "%s: %s\n", cmd.Name(), indented(err))
	}
	_ = errs.Flush()
	return int(code)
}

// indented returns the text of an error, in which only the first line begins at the
// margin: others may have written a part of it.
func indented(err error) string { return strings.ReplaceAll(err.Error(), "\n", "\n  ") }

// prepare lets Run print errors, in place of cobra, and makes arguments strict.
func prepare(cmd *cobra.Command, out io.Writer) {
	cmd.SilenceUsage, cmd.SilenceErrors = true, true // Run prints
	cmd.SetFlagErrorFunc(flagError)
	cmd.SetOut(out)
	strictArgs(cmd)
}

// CodeOf returns the exit code of an error.
func CodeOf(err error) Code {
	var coded *Error
	switch {
	case err == nil:
		return OK
	case errors.As(err, &coded):
		return coded.Code
	}
	return Usage
}

func isPrinted(err error) bool {
	var coded *Error
	return errors.As(err, &coded) && coded.Printed
}

// errorOutput is the standard error, made printable. A StatusLine writes to the file
// itself, since what moves the cursor of a terminal is not printable.
type errorOutput struct {
	*printable.Writer
	file *os.File
}

func newErrorOutput(f *os.File) *errorOutput { return &errorOutput{printable.NewWriter(f), f} }

// stickyWriter keeps the first write error, so that not every print must check for
// one.
type stickyWriter struct {
	io.Writer
	file *os.File // to which it writes in the end
	err  error
	done string // see BeginAnswer
}

// BeginAnswer says that a command is about to print its answer to a request for a change. A
// reader that has gone does not end the process any more. If done is not empty, the change
// is made, and an answer that cannot be written is told on the standard error, after done:
// the exit code is Unknown then.
func BeginAnswer(cmd *cobra.Command, done string) {
	signal.Ignore(syscall.SIGPIPE)
	if out, ok := cmd.OutOrStdout().(*stickyWriter); ok {
		out.done = done
	}
}

// Write implements io.Writer.
func (o *stickyWriter) Write(p []byte) (int, error) {
	n, err := o.Writer.Write(p)
	if o.err == nil {
		o.err = err
	}
	return n, err
}
