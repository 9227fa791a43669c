package campaign

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/lockstep-dst/lockstep/checker"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// Save runs a plan again and keeps all that it shows in a directory, which it
// makes: plan.json, history.jsonl, trace.txt and verdict.txt.
func Save(ctx context.Context, dir string, sys scenarios.System, p *scenarios.Plan, o Options) (Result, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return Result{}, err
	}
	var r Result
	err := writeFile(filepath.Join(dir, "trace.txt"), func(w *bufio.Writer) error {
		o.Trace = func(l sim.Line) { fmt.Fprintln(w, l) }
		var err error
		r, err = Run(ctx, sys, p, o)
		return err
	})
	if err != nil {
		return r, err
	}
	for _, f := range []struct {
		name  string
		write func(w *bufio.Writer) error
	}{
		{"plan.json", func(w *bufio.Writer) error { _, err := w.Write(scenarios.Encode(p)); return err }},
		{"history.jsonl", func(w *bufio.Writer) error { return checker.Write(w, r.History) }},
		{"verdict.txt", func(w *bufio.Writer) error { _, err := w.WriteString(r.Text(p)); return err }},
	} {
		if err := writeFile(filepath.Join(dir, f.name), f.write); err != nil {
			return r, err
		}
	}
	return r, nil
}

// Text is the verdict with all that was derived from the seed. It is a pure
// function of the plan.
func (r *Result) Text(p *scenarios.Plan) string {
	verdict := string(r.Status)
	if r.Status == Violated {
		verdict = fmt.Sprintf("violated %s at %v", r.Signature(), r.Violation.At)
	}
	return fmt.Sprintf("%s, seed %d: %s\n%s\nhash %016x\n\n%s", p.System, p.Seed, verdict, r.Sentence(), r.Hash, p.Summary())
}

func writeFile(name string, write func(*bufio.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	err = write(w)
	if e := w.Flush(); err == nil {
		err = e
	}
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}
