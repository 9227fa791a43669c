// Package check is the command that judges recorded histories, of lockstep's clients
// and of Jepsen, and the forms of verdicts that other commands print too.
//
// Other modules should not import it: docs/API.md promises nothing of it.
package check

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/lockstep-dst/lockstep/checker"
	"github.com/lockstep-dst/lockstep/checker/guarantee"
	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/node/printable"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/spf13/cobra"
)

// Command returns the command check, which judges a recorded history.
func Command() *cobra.Command {
	var c check
	cmd := &cobra.Command{
		Use:   "check HISTORY.jsonl",
		Short: "Judge whether a recorded history is linearizable",
		Long: `Judge whether a recorded history is linearizable (- reads standard input): one in
the format that docs/HISTORY.md describes, or one of Jepsen, as EDN, log or JSON, or
a report of etcd's robustness tests: operations.json of a client, or the directory
with all of them. It may be compressed with gzip or zstd.

The model of a history is in its header, or else given by --model, and the state in
which each object begins by --initial, as in --initial 0:

  lifecycle      machines of the built-in definition (propose, read)
  machine:FILE   machines of the definition in a file, in YAML or JSON (propose, read)
` + modelHelp() + `
What else was observed of the machines in the same run, as streams, local reads and
the final states of nodes, is judged with --observations: one verdict for each
guarantee, see docs/GUARANTEES.md.`,
		Args: cli.Exactly(1, "a history file, or - for standard input"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c.json = cli.AsJSON(cmd)
			return c.run(cmd, args[0])
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.source.format, "format", formatAuto, "format of the history: auto (by its first bytes), lockstep, jepsen or etcd")
	f.StringVar(&c.source.model, "model", "", "model of the history (default: that of its header; for Jepsen's: cas-register)")
	f.StringVar(&c.source.failed, "failed", failedNone, "what a :cas, :acquire, :release or :dequeue of Jepsen that failed without :error claims: none (but that it had no effect) or illegal (that it was impossible: another value, a lock that was held or was not, an empty queue)")
	f.BoolVar(&c.source.independent, "independent", false, "the values of Jepsen's operations are [key value], each key an object of its own; always so for kv and machines")
	f.StringVar(&c.source.initial, "initial", "", "state of each object before its first operation, as in 0, [1 2] for a queue, set or list, or {a 50 b 50} for a bank (default: that of the header, or else of the model)")
	f.StringVar(&c.source.nilRead, "nil-read", nilUnwritten, "what a read of Jepsen that ends with nil claims: unwritten (that there was no value) or any (nothing; Knossos reads it so)")
	f.StringVar(&c.observations.file, "observations", "", "judge other observations, too: a file as docs/GUARANTEES.md describes, or - for standard input")
	f.DurationVar(&c.observations.Deadline, "stream-deadline", 0, "with --observations: how long an observed watch may keep back a version that is known (0: for ever)")
	f.BoolVar(&c.observations.Open, "others", false, "with --observations: others than the history's clients may have used the machines")
	f.StringVar(&c.html, "html", "", "write a page about the verdict to this file: the contradiction, the operations of each client in time, and the order found")
	f.DurationVar(&c.budget, "budget", time.Minute, "give up after judging for so long; the verdict is then undecided")
	f.Var(&c.memory, "memory", "give up when judging needs more than this, as in 512MiB; the verdict is then undecided")
	f.BoolVar(&c.stream, "stream", false, "judge while reading, as of a pipe that goes on, in the memory of what is in flight; undecided where too many orders are possible. --budget then counts from the beginning, and there is none by default")
	f.DurationVar(&c.budget, "timeout", time.Minute, "as --budget")
	f.StringVar(&c.source.failed, "failed-cas", failedNone, "as --failed")
	f.StringVar(&c.html, "viz", "", "as --html")
	for _, name := range renamed {
		if err := f.MarkHidden(name.old); err != nil {
			panic(err) // the flag does not exist
		}
	}
	cli.CompleteFlag(cmd, "format", func() []string { return formats })
	cli.CompleteFlag(cmd, "model", completeModel)
	cli.CompleteFlag(cmd, "nil-read", func() []string { return []string{nilUnwritten, nilAny} })
	cli.CompleteFlag(cmd, "failed", func() []string { return []string{failedNone, failedIllegal} })
	return cmd
}

type check struct {
	source       historyFlags
	observations observationFlags
	json         bool
	html         string // file
	stream       bool
	budget       time.Duration
	memory       byteSize
}

func (c *check) run(cmd *cobra.Command, name string) error {
	if err := c.validate(cmd); err != nil {
		return err
	}
	if c.stream {
		return c.runStream(cmd, name)
	}
	if name == "-" && c.observations.file == "-" {
		return errors.New("--observations -: the history is read from standard input already; give one of them as a file")
	}
	p := cli.NewProgress(cmd.ErrOrStderr())
	defer p.End()
	h, err := c.source.read(name, cmd.InOrStdin(), p)
	if err == nil && len(h.Operations) == 0 && c.observations.file == "" {
		err = fmt.Errorf("%w: the file ends, and there was no operation in it", history.ErrFormat)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	guarantees, err := c.observations.judge(h.History, cmd.InOrStdin(), p)
	if err != nil {
		return err
	}
	p.Begin(func(since time.Duration) string {
		return fmt.Sprintf("checking: %d operations, %v of %v at most", len(h.Operations), since.Truncate(time.Second), c.budget)
	})
	r := checker.Check(cmd.Context(), h.History, checker.Options{Timeout: c.budget, Memory: int64(c.memory), Explain: true, Model: h.model})
	p.End()
	if err := c.print(cmd.OutOrStdout(), h, len(h.Operations), r, guarantees); err != nil {
		return err
	}
	verdict := Worst(r.Status, guarantees)
	if c.html != "" {
		if err := c.writePage(cmd, name, h, r); err != nil {
			return pageError(verdict, fmt.Errorf("%s: %w", pageFlag(cmd), err))
		}
	}
	return ExitCode(verdict)
}

// renamed are flags with the names that they had before.
var renamed = []struct{ old, now string }{{"timeout", "budget"}, {"failed-cas", "failed"}, {"viz", "html"}}

func (c *check) validate(cmd *cobra.Command) error {
	for _, name := range renamed {
		if cmd.Flags().Changed(name.old) && cmd.Flags().Changed(name.now) {
			return fmt.Errorf("--%s is the old name of --%s: give one of them", name.old, name.now)
		}
	}
	flag := "--budget"
	if cmd.Flags().Changed("timeout") {
		flag = "--timeout"
	}
	if c.budget <= 0 {
		return fmt.Errorf("%s %v: want more than 0", flag, c.budget)
	}
	if err := c.observations.validate(cmd); err != nil {
		return err
	}
	if c.stream && (c.html != "" || c.observations.file != "") {
		return fmt.Errorf("--stream: %s and --observations need the whole history: leave one of them out", pageFlag(cmd))
	}
	if c.html == "" && cmd.Flags().Changed(pageFlag(cmd)[2:]) {
		return fmt.Errorf("%s: want a file", pageFlag(cmd))
	}
	return c.source.validate()
}

// checkJSON is the JSON form of a verdict on a history.
type checkJSON struct {
	Verdict       checker.Status `json:"verdict"`
	Operations    int            `json:"operations"`
	Skipped       int            `json:"skipped,omitempty"` // lines without an operation
	Machine       string         `json:"machine,omitempty"`
	Operation     string         `json:"operation,omitempty"`
	Class         string         `json:"class,omitempty"`
	Sentence      string         `json:"sentence,omitempty"`
	Contradiction []string       `json:"contradiction,omitempty"` // ids, in order of call
	Premise       string         `json:"premise,omitempty"`
	NilReads      []string       `json:"nil_reads,omitempty"` // ids of reads of nil on which the verdict depends

	Account *checker.Account `json:"account,omitempty"`

	Observations int         `json:"observations,omitempty"`
	Guarantees   []Guarantee `json:"guarantees,omitempty"`
}

// print prints the verdict on the history, and one on each guarantee if there are
// observations.
func (c *check) print(out io.Writer, h source, operations int, r checker.Result, guarantees []guarantee.Result) error {
	if c.json {
		j := checkJSON{
			Verdict: Worst(r.Status, guarantees), Operations: operations, Skipped: h.skipped,
			Machine: r.Machine, Class: r.Class, Sentence: r.Explanation, Contradiction: IDs(r.Contradiction), Premise: r.Premise, NilReads: h.decisiveNilReads(r), Account: r.Account,
		}
		if r.Culprit != nil {
			j.Operation = r.Culprit.ID
		}
		if c.observations.file != "" {
			j.Observations, j.Guarantees = c.observations.count, newGuarantees(r, operations, guarantees)
		}
		return json.NewEncoder(out).Encode(j)
	}
	if c.observations.file != "" {
		fmt.Fprintf(out, "%s: %d operations, %d observations%s\n", Worst(r.Status, guarantees), operations, c.observations.count, h.skippedText())
		for _, v := range newGuarantees(r, operations, guarantees) {
			if _, err := fmt.Fprintln(out, v); err != nil {
				return err
			}
		}
		_, err := io.WriteString(out, r.Evidence()+h.nilHint(r))
		return err
	}
	_, err := fmt.Fprintf(out, "%s: %d operations%s\n", r.Status, operations, h.skippedText())
	if err == nil && r.Explanation != "" {
		_, err = fmt.Fprintf(out, "%s\n%s%s", printable.String(r.Explanation), r.Evidence(), h.nilHint(r))
	}
	return err
}

// skippedText counts the lines without an operation, if there are any.
func (h *source) skippedText() string {
	switch h.skipped {
	case 0:
		return ""
	case 1:
		return ", 1 line without one skipped"
	}
	return fmt.Sprintf(", %d lines without one skipped", h.skipped)
}

// nilHint says how a read of nil was taken, if the verdict depends on it.
func (h *source) nilHint(r checker.Result) string {
	if len(h.decisiveNilReads(r)) == 0 {
		return ""
	}
	return "a read of nil claims that there was no value; if it claims nothing here, as in Knossos: --nil-read any\n"
}

// decisiveNilReads lists the operations of a contradiction that read nil, unless these claim
// nothing. The culprit stands for a contradiction that is too large to be known.
func (h *source) decisiveNilReads(r checker.Result) (ids []string) {
	ops := r.Contradiction
	if len(ops) == 0 && r.Culprit != nil {
		ops = []history.Operation{*r.Culprit}
	}
	for _, op := range ops {
		if h.nilReads && readsNil(&op) {
			ids = append(ids, op.ID)
		}
	}
	return ids
}

// readsNil reports whether an operation, or a read of a transaction, found no value.
func readsNil(op *history.Operation) bool {
	ops, _ := history.Transaction(op.State)
	return op.Kind == history.KindRead && op.State == history.NoValue || op.Kind == history.KindTxn && slices.ContainsFunc(ops, func(m history.MicroOp) bool {
		return !m.Write && m.Value == history.NoValue
	})
}
