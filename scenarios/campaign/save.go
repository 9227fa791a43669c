package campaign

import (
	"bufio"
	"context"
	"os"
	"path/filepath"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/lockstep-dst/lockstep/sim"
)

// Save runs a plan again and saves the results in a directory, which it makes:
// plan.json, history.jsonl, trace.txt and verdict.txt.
func Save(ctx context.Context, dir string, sys scenarios.System, p *scenarios.Plan, o play.Options) (play.Result, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return play.Result{}, err
	}
	var r play.Result
	err := writeFile(filepath.Join(dir, "trace.txt"), func(w *bufio.Writer) error {
		o.Trace = sim.WriteTrace(w)
		o.Explain, o.CrossCheck = true, true
		var err error
		r, err = play.Run(ctx, sys, p, o)
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
		{"history.jsonl", func(w *bufio.Writer) error { return history.Write(w, annotated(r.History, p)) }},
		{"verdict.txt", func(w *bufio.Writer) error { _, err := w.WriteString(r.Text(p)); return err }},
	} {
		if err := writeFile(filepath.Join(dir, f.name), f.write); err != nil {
			return r, err
		}
	}
	return r, nil
}

// annotated is a history with the faults of its plan as annotations.
func annotated(h history.History, p *scenarios.Plan) history.History {
	for i := range p.Faults {
		f := &p.Faults[i]
		if f.At < p.Heal.At {
			h.Annotations = append(h.Annotations, history.Annotation{
				Start: int64(f.At), End: int64(min(f.At+f.For, p.Heal.At)), Text: f.String(),
			})
		}
	}
	return h
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
