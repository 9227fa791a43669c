package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/lockstep-dst/lockstep/checker"
	"github.com/lockstep-dst/lockstep/checker/guarantee"
	"github.com/lockstep-dst/lockstep/checker/history"
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
func (o *observationFlags) judge(h history.History, stdin io.Reader, p *progress) ([]guarantee.Result, error) {
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

func (o *observationFlags) read(c *guarantee.Checker, in io.Reader, p *progress) error {
	if o.file != "-" {
		f, err := os.Open(o.file)
		if err != nil {
			return withoutPath(err)
		}
		defer f.Close()
		in = f
	}
	plain, end, err := decompress(in)
	if err != nil {
		return err
	}
	defer end()
	lines := bufio.NewScanner(p.reading(plain))
	lines.Buffer(make([]byte, 64<<10), history.MaxLine)
	lines.Split(history.ScanWholeLines)
	var bad history.BadLines
	for lines.Scan() {
		o.count++
		if err := addLine(c, lines.Bytes()); err != nil {
			bad.Add(o.count, err)
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

// guaranteeJSON is the JSON form of the verdict on one guarantee.
type guaranteeJSON struct {
	Guarantee string `json:"guarantee"`
	Verdict   string `json:"verdict"`
	Judged    int    `json:"judged"` // operations, or observations and operations, that the verdict covers
	Class     string `json:"class,omitempty"`
	Machine   string `json:"machine,omitempty"`
	Sentence  string `json:"sentence,omitempty"`
}

// String returns the verdict as a line for people, with the sentence on a violation
// if there is one.
func (n guaranteeJSON) String() string {
	text := n.Guarantee + ": " + n.Verdict
	if n.Sentence != "" {
		text += "\n" + n.Sentence
	}
	return text
}

// newGuaranteesJSON returns all verdicts; the one on linearizability comes first.
func newGuaranteesJSON(r checker.Result, operations int, guarantees []guarantee.Result) []guaranteeJSON {
	first := guaranteeJSON{"linearizability", string(r.Status), operations, r.Class, r.Machine, r.Explanation}
	if r.Status == checker.Linearizable {
		first.Verdict = string(guarantee.Holds)
	}
	all := []guaranteeJSON{first}
	for _, v := range guarantees {
		all = append(all, newGuaranteeJSON(v))
	}
	return all
}

func newGuaranteeJSON(v guarantee.Result) guaranteeJSON {
	return guaranteeJSON{string(v.Guarantee), string(v.Status), v.Judged, v.Class, v.Machine, v.Explanation}
}

// worst returns the overall verdict.
func worst(ofHistory checker.Status, guarantees []guarantee.Result) checker.Status {
	if slices.ContainsFunc(guarantees, func(v guarantee.Result) bool { return v.Status == guarantee.Violated }) {
		return checker.Violated
	}
	return ofHistory
}
