package steward

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/fleet"
	"github.com/lockstep-dst/lockstep/scenarios/harness/board"
)

// keep keeps the failures of a campaign, a record of it, and its state, as fuzz --out and
// --state do. The state is the last: a process that ends before it does all once more, and
// the campaign then has two records.
func (s *Steward) keep(c *fleet.Campaign, e *Ending) error {
	if err := os.MkdirAll(s.Out, 0o777); err != nil {
		return err
	}
	for _, f := range e.Findings {
		if err := s.keepFailure(e.System, f.Triage); err != nil {
			return err
		}
	}
	j, err := e.Joint()
	if err != nil {
		return err
	}
	m := j.Merged()
	r := recordOf(c, &m)
	r.Ended = time.Now().UTC()
	if err := board.AppendRecord(s.Out, r); err != nil {
		return err
	}
	if e.Standings, err = board.LastStandings(s.Out); err != nil {
		return err
	}
	return j.WriteState(s.stateFile(c))
}

// unsafeInNames matches the characters that the name of a folder does not have.
var unsafeInNames = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// keepFailure keeps the plan and the verdict of a failure in a folder.
func (s *Steward) keepFailure(system string, t *fleet.TriageResult) error {
	if t == nil || len(t.Plan) == 0 {
		return nil
	}
	dir := s.failureDir(system, t)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "shrunk.json"), t.Plan, 0o666),
		os.WriteFile(filepath.Join(dir, "verdict.txt"), []byte(t.Verdict), 0o666),
	)
}
