package check

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/lockstep-dst/lockstep/checker"
	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/spf13/cobra"
)

// advanceAfter is the number of operations after which a stream is judged: few
// enough that a violation is soon told, many enough that it costs nothing.
const advanceAfter = 256

// judgeStream judges a history of lockstep while it is read, and keeps what is in
// flight only. The source that it returns has no operations.
func (c *check) judgeStream(cmd *cobra.Command, name string) (h source, r checker.Result, count int, err error) {
	plain, end, err := openInput(name, cmd.InOrStdin())
	if err != nil {
		return h, r, 0, err
	}
	defer end()
	h, lines, err := c.source.openStream(bufio.NewReaderSize(plain, 64<<10))
	if err != nil {
		return h, r, 0, err
	}
	ctx := cmd.Context()
	if cmd.Flags().Changed("budget") || cmd.Flags().Changed("timeout") {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.budget)
		defer cancel()
	}
	s := checker.NewStream(ctx, h.History, checker.Options{Memory: int64(c.memory), Explain: true})
	r.Status = checker.Linearizable
	for r.Status != checker.Violated {
		op, err := lines.Next()
		if err == io.EOF {
			r = s.Finish()
			break
		}
		if err == nil {
			err = s.Add(op)
		}
		if err != nil {
			return h, r, count, err
		}
		if count++; count%advanceAfter == 0 {
			r = s.Advance(op.Call)
		}
	}
	return h, r, count, nil
}

// openStream reads the header of a history of lockstep, and returns the history
// without its operations, and a reader of these.
func (s *historyFlags) openStream(in *bufio.Reader) (h source, lines *history.Reader, err error) {
	g, err := detectFormat(in)
	if err != nil {
		return h, nil, err
	}
	if s.format != formatAuto && s.format != formatLockstep || g.format != formatLockstep {
		return h, nil, errors.New("--stream is for histories in the format of lockstep, of which the lines are in order of call: leave it out")
	}
	if err := s.refuseJepsen(); err != nil {
		return h, nil, err
	}
	if lines, err = history.NewReader(in); err != nil {
		return h, nil, err
	}
	h.Model, h.Definitions, h.Initial = lines.Header.Model, lines.Header.Definitions, lines.Header.Initial
	return h, lines, s.adopt(&h.History)
}

// runStream is run with --stream.
func (c *check) runStream(cmd *cobra.Command, name string) error {
	h, r, count, err := c.judgeStream(cmd, name)
	if err == nil && count == 0 {
		err = fmt.Errorf("%w: the file ends, and there was no operation in it", history.ErrFormat)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := c.print(cmd.OutOrStdout(), h, count, r, nil); err != nil {
		return err
	}
	if r.Status == checker.Undecided {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: without --stream the whole history is judged together, which decides more\n", cmd.Root().Name())
	}
	return ExitCode(r.Status)
}
