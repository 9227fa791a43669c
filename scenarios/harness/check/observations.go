package check

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/lockstep-dst/lockstep/checker/guarantee"
	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/spf13/cobra"
)

// observationFlags holds the flags for observations and their check.
type observationFlags struct {
	guarantee.Options
	file  string
	count int // observations read
}

func (o *observationFlags) validate(cmd *cobra.Command) error {
	if o.Deadline < 0 {
		return fmt.Errorf("--stream-deadline %v: want 0 or more", o.Deadline)
	}
	for _, name := range []string{"observations", "stream-deadline", "others"} {
		if o.file == "" && cmd.Flags().Changed(name) {
			return fmt.Errorf("--%s: want a file with --observations", name)
		}
	}
	return nil
}

// judge reads the observations and returns a verdict on each guarantee, or nil if
// there is no file.
func (o *observationFlags) judge(h history.History, stdin io.Reader, p *cli.Progress) ([]guarantee.Result, error) {
	if o.file == "" {
		return nil, nil
	}
	c, err := guarantee.New(h, o.Options)
	if err != nil {
		return nil, fmt.Errorf("--observations: %w", err)
	}
	if err := o.read(c, stdin, p); err != nil {
		return nil, fmt.Errorf("%s: %w", o.file, err)
	}
	return c.Results(), nil
}

func (o *observationFlags) read(c *guarantee.Checker, stdin io.Reader, p *cli.Progress) error {
	plain, end, err := openInput(o.file, stdin)
	if err != nil {
		return err
	}
	defer end()
	lines := bufio.NewScanner(p.Reading(plain))
	lines.Buffer(make([]byte, 64<<10), history.MaxLine)
	lines.Split(history.ScanWholeLines)
	var bad history.BadLines
	for lines.Scan() {
		o.count++
		if err := addLine(c, lines.Bytes()); err != nil {
			bad.Add(o.count, err)
		}
		if bad.Full() {
			bad.Stop()
			break
		}
	}
	return errors.Join(bad.Err(), lines.Err())
}

// addLine adds the observation of one line.
func addLine(c *guarantee.Checker, line []byte) error {
	if line[len(line)-1] != '\n' {
		return errors.New("does not end in a newline, so the file was cut off: delete the line, or end it if it is whole")
	}
	seen, err := guarantee.ParseLine(line)
	if err != nil {
		return err
	}
	return c.Add(seen)
}
