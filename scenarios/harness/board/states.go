package board

import (
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/campaign"
)

// stateFile is a state file of a campaign, which may be running in another process.
type stateFile struct {
	name    string
	changed time.Time
	size    int64
	figures Figures
	series  series
	err     error
}

// read reads the file if it has changed, and reports whether it has.
func (s *stateFile) read() bool {
	info, err := os.Stat(s.name)
	if err != nil {
		was := s.err
		s.err, s.changed, s.size = err, time.Time{}, 0
		return was == nil || was.Error() != err.Error()
	}
	if info.ModTime().Equal(s.changed) && info.Size() == s.size {
		return false
	}
	s.changed, s.size = info.ModTime(), info.Size()
	m, err := campaign.MergeStates([]string{s.name})
	if s.err = err; err != nil {
		return true
	}
	s.figures = figuresOf(s.name, &m)
	s.series.add(&s.figures.Record)
	return true
}

// figuresOf returns the figures of a state file.
func figuresOf(name string, m *campaign.Merged) Figures {
	stage := "ended"
	if len(m.Partial) > 0 {
		stage = "runs, or was interrupted"
	}
	return Figures{Name: filepath.Base(name), Stage: stage, Record: RecordOf(m)}
}

// RecordOf returns the record of campaigns by their states. It has no time, build, command
// or lines that repeat failures: these are in no state.
func RecordOf(m *campaign.Merged) Record {
	sum := &m.Summary
	r := Record{
		Version: recordVersion, System: m.Shape.System, Profile: string(m.Shape.Profile), Plans: plansID(m.Shape),
		First: m.Start, Last: m.Start + (max(sum.Seeds, 1)-1)*m.Shards, Shards: m.Shards, Seeds: sum.Seeds, Failed: sum.Failed, Undecided: sum.Undecided,
		Differed: uint64(len(sum.Differed)), Marks: Reached{sum.MarksHit(), len(m.Marks)}, Seconds: sum.Wall.Seconds(),
	}
	r.Pairs.Hit, r.Pairs.Of = sum.Coverage.Pairs()
	if r.Seconds > 0 {
		r.SeedsPerSecond = float64(r.Seeds) / r.Seconds
	}
	for i, g := range sum.Groups {
		if i == maxSignatures {
			r.More = len(sum.Groups) - i
			break
		}
		r.Signatures = append(r.Signatures, Signature{Signature: g.Signature, Count: g.Count, First: g.First})
	}
	return r
}

// now returns the figures with all samples; ok is false if the file cannot be read.
func (s *stateFile) now() (f Figures, ok bool) {
	f = s.figures
	f.Samples = slices.Clone(s.series.samples)
	return f, s.err == nil && f.Record.System != ""
}
