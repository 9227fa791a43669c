package steward

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/fleet"
	"github.com/lockstep-dst/lockstep/scenarios/harness/board"
)

// keep keeps the failures of a campaign, a record of it, and its state, as fuzz --out and
// --state do. The state is the last: a process that ends before it, or finds no room, does all
// once more, and there is one record.
func (s *Steward) keep(c *fleet.Campaign, e *Ending) error {
	if err := os.MkdirAll(s.Out, 0o777); err != nil {
		return err
	}
	r, err := endOf(c, e.Report)
	if err != nil {
		return err
	}
	e.plans = r.Plans
	for _, f := range e.Findings {
		if err := s.keepFailure(e, f.Triage); err != nil {
			return err
		}
	}
	if err := s.record(c, e, r); err != nil {
		return err
	}
	if e.HasState() {
		return e.WriteState(s.stateFile(c))
	}
	return os.WriteFile(s.noStateFile(c), []byte(e.withoutState()), 0o666)
}

// record appends the record of a campaign, unless there is one, and looks up how its failures
// stand.
func (s *Steward) record(c *fleet.Campaign, e *Ending, r board.Record) (err error) {
	known := false
	if e.Standings, known, err = board.StandingsOf(s.Out, c.Key()); err != nil || known {
		return err
	}
	if err := board.AppendRecord(s.Out, r); err != nil {
		return err
	}
	e.Standings, _, err = board.StandingsOf(s.Out, c.Key())
	return err
}

// endOf returns the record of a campaign that has ended. It has all its failures; the seeds that
// it says it ran have no gap, so that no failure counts as gone in a range without a result.
func endOf(c *fleet.Campaign, report *fleet.Report) (r board.Record, err error) {
	m, first, last, ok := report.Sum()
	if !ok {
		if m, err = nothingOf(c); err != nil {
			return r, err
		}
		first, last = c.First, c.First
	}
	r = recordOf(c, &m)
	r.Campaign, r.Ended, r.First, r.Last, r.Interrupted = c.Key(), time.Now().UTC(), first, last, report.Seeds < report.Total
	return r, nil
}

// nothingOf returns the result of no seed of a campaign.
func nothingOf(c *fleet.Campaign) (m campaign.Merged, err error) {
	probe, err := campaign.ParsePart("the probe", c.Probe)
	if err != nil {
		return m, err
	}
	var j campaign.Joint
	if err := j.Append(probe); err != nil {
		return m, err
	}
	m = j.Merged()
	m.Summary = campaign.Summary{Marks: make([]uint64, len(m.Marks))}
	return m, nil
}

// withoutState is the text in place of a state.
func (e *Ending) withoutState() string {
	var b strings.Builder
	fmt.Fprintf(&b, "campaign %s has no state, since its first range has no result: %s\n", e.Name, e.Verdict)
	for _, t := range e.Troubles {
		fmt.Fprintf(&b, "range %d (worker %s): %s\n", t.Range, t.Worker, t.Text)
	}
	return b.String()
}

// unsafeInNames matches the characters that the name of a folder does not have.
var unsafeInNames = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// keepFailure keeps the plan and the verdict of a failure in a folder. The commit that brought
// it earlier, if it has been there, is not the one that has brought it back.
func (s *Steward) keepFailure(e *Ending, t *fleet.TriageResult) error {
	if t == nil || len(t.Plan) == 0 {
		return nil
	}
	dir := s.failureDir(e, t)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for _, name := range []string{bisectText, bisectJSON} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "shrunk.json"), t.Plan, 0o666),
		os.WriteFile(filepath.Join(dir, "verdict.txt"), []byte(t.Verdict), 0o666),
	)
}
