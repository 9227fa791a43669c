package steward

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/fleet"
	"github.com/lockstep-dst/lockstep/scenarios/fleet/bisect"
	"github.com/lockstep-dst/lockstep/scenarios/harness/board"
)

// Repository is the place of the source of the programs, in which failures are traced back
// to the commit that brought them.
type Repository struct {
	Dir     string // in it, as for bisect.Open
	Package string
	Temp    string // directory for temporary files; empty: the system's
}

// Culprit is the commit that brought a failure, or the reason why it was not found.
type Culprit struct {
	Signature string         `json:"signature"`
	Result    *bisect.Result `json:"result,omitempty"`
	Trouble   string         `json:"trouble,omitempty"`
}

// Files of a search, in the folder of the failure.
const (
	bisectText = "bisect.txt"
	bisectJSON = "bisect.json"
)

// Bounds of the searches of one campaign: the queue is not looked after meanwhile.
const (
	traceTimeout = 10 * time.Minute
	maxTraced    = 5
)

// trace looks for the commits of the failures that are new, or have come back.
func (s *Steward) trace(ctx context.Context, c *fleet.Campaign, e *Ending) {
	if s.Repository == nil || c.Commit == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, traceTimeout)
	defer cancel()
	b, err := bisect.Open(ctx, s.Repository.Dir, s.Repository.Package, s.Repository.Temp)
	if err != nil {
		s.Log.Error("no failure is traced back to a commit", "campaign", c.Name, "error", err)
		return
	}
	defer func() {
		if err := b.Close(); err != nil {
			s.Log.Warn("a worktree was not removed", "error", err)
		}
	}()
	for _, standing := range e.Standings {
		f := e.finding(standing.Signature)
		if f == nil || len(e.Culprits) == maxTraced || standing.Word != board.New && standing.Word != board.Regressed {
			continue
		}
		culprit := Culprit{Signature: f.Signature}
		if culprit.Result, err = s.traceOne(ctx, b, c, e, f); err != nil {
			culprit.Trouble = err.Error()
		}
		e.Culprits = append(e.Culprits, culprit)
		s.Log.Info("a failure was traced back", "campaign", c.Name, "signature", f.Signature, "commit", culprit.commit(), "trouble", culprit.Trouble)
	}
}

func (c *Culprit) commit() string {
	if c.Result == nil {
		return ""
	}
	return c.Result.First
}

// finding returns the finding of a signature, if its plan is kept and the failure was
// repeated.
func (e *Ending) finding(signature string) *fleet.Finding {
	for i := range e.Findings {
		f := &e.Findings[i]
		if f.Signature == signature && f.Triage != nil && f.Triage.Confirmed && len(f.Triage.Plan) > 0 {
			return f
		}
	}
	return nil
}

func (s *Steward) traceOne(ctx context.Context, b *bisect.Builder, c *fleet.Campaign, e *Ending, f *fleet.Finding) (*bisect.Result, error) {
	good := c.Good
	if good == "" {
		var err error
		if good, err = board.LastGood(s.Out, c.Key(), f.Signature); err != nil {
			return nil, err
		}
	}
	if good == "" {
		return nil, fmt.Errorf("%w: no earlier campaign of a known commit ran seed %d without it: give submit --good", bisect.ErrGood, f.First)
	}
	dir := s.failureDir(e, f.Triage)
	search := &bisect.Search{Builder: b, Good: good, Bad: c.Commit, Plan: filepath.Join(dir, "shrunk.json"), Signature: f.Signature}
	r, err := search.Run(ctx)
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	return r, errors.Join(
		os.WriteFile(filepath.Join(dir, bisectText), []byte(r.Text()), 0o666),
		os.WriteFile(filepath.Join(dir, bisectJSON), append(data, '\n'), 0o666),
	)
}

// failureDir is the folder of a failure. The names come from strangers. A seed has another plan in
// campaigns of other plans, so these are in the name.
func (s *Steward) failureDir(e *Ending, t *fleet.TriageResult) string {
	name := unsafeInNames.ReplaceAllString(fmt.Sprintf("%s-%d-%s", e.System, t.Job.Seed, t.Job.Signature), "-")
	return filepath.Join(s.Out, fmt.Sprintf("failure-%s-%.8s", name[:min(len(name), 150)], e.plans))
}
