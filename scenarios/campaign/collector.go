package campaign

import (
	"fmt"
	"time"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/play"
)

// Summary is the result of a campaign so far. Except for Wall and Interrupted it is a
// function of the campaign and of the number of seeds that it covers.
type Summary struct {
	Seeds     uint64                 `json:"seeds"`
	Hash      uint64                 `json:"hash"`   // of the hashes of all runs: equal if all runs are
	Failed    uint64                 `json:"failed"` // violated a property
	Undecided uint64                 `json:"undecided"`
	Events    uint64                 `json:"events"`
	Messages  uint64                 `json:"messages"` // delivered
	Outcomes  play.Outcomes          `json:"outcomes"`
	Disks     play.DiskCounts        `json:"disks"`
	Hits      scenarios.FamilyHits   `json:"hits"` // by family of faults
	Coverage  scenarios.PairCoverage `json:"coverage"`
	Simulated scenarios.Duration     `json:"simulated"` // summed over all seeds
	Wall      time.Duration          `json:"wall_ns"`
	Groups    []*Group               `json:"groups"`   // in the order of their first seeds
	Guarded   uint64                 `json:"guarded"`  // seeds that ran twice
	Differed  []uint64               `json:"differed"` // guarded seeds whose two runs differed
	Marks     []uint64               `json:"marks"`    // counts of the system's coverage marks
	LastNew   uint64                 `json:"news"`     // number of seeds until the last new mark, pair of families or signature

	Interrupted bool   `json:"interrupted,omitempty"` // the context ended before a budget was used up
	Trail       *Trail `json:"trail,omitempty"`       // if the campaign keeps one
}

// Group is the failures of one signature.
type Group struct {
	Signature string `json:"signature"`
	First     uint64 `json:"first"` // the lowest seed
	Count     uint64 `json:"count"`
}

// MarksHit counts the coverage marks that were hit.
func (s *Summary) MarksHit() (n int) {
	for _, times := range s.Marks {
		if times > 0 {
			n++
		}
	}
	return n
}

// NeverHit lists the coverage marks of sys that no run hit.
func (s *Summary) NeverHit(sys scenarios.System) (names []string) {
	for i, name := range sys.Marks {
		if i >= len(s.Marks) || s.Marks[i] == 0 {
			names = append(names, name)
		}
	}
	return names
}

// jobResult is the part of one run that the collector needs.
type jobResult struct {
	job
	result play.Result // without its history
	err    error
}

// collector puts results back into the order of their seeds and sums them up. A
// seed counts when all its runs are done.
type collector struct {
	sum         Summary
	stable      uint64       // see Campaign.Stable
	seeds       seedSequence // to be reported
	outOfOrder  map[uint64]jobResult
	firstOfTwo  map[uint64]jobResult // by guarded seed: the run that ended first
	differed    map[uint64]bool      // guarded seeds whose runs differed, not yet reported
	progress    func(*Summary, uint64, *Group)
	earlierWall time.Duration // spent by earlier runs of the campaign
	begin       time.Time
	err         error
}

func newCollector(c *Campaign, progress func(*Summary, uint64, *Group)) *collector {
	col := &collector{
		sum: c.Resume.clone(), stable: c.Stable, seeds: c.remainingSeeds(), progress: progress, earlierWall: c.Resume.Wall, begin: time.Now(),
		outOfOrder: map[uint64]jobResult{}, firstOfTwo: map[uint64]jobResult{}, differed: map[uint64]bool{},
	}
	col.sum.Interrupted = false
	if c.Trail && col.sum.Trail == nil {
		col.sum.Trail = &Trail{}
	}
	if col.sum.Seeds == 0 {
		col.sum.Coverage = scenarios.NewPairCoverage(c.shape().Families())
	}
	if col.sum.Marks == nil {
		col.sum.Marks = make([]uint64, len(c.System.Marks))
	}
	return col
}

// clone is a copy that shares nothing with s.
func (s *Summary) clone() Summary {
	c := *s
	c.Trail = s.Trail.clone()
	c.Groups, c.Differed, c.Marks = nil, append([]uint64(nil), s.Differed...), append([]uint64(nil), s.Marks...)
	for _, g := range s.Groups {
		copied := *g
		c.Groups = append(c.Groups, &copied)
	}
	return c
}

// finished reports whether no further seed is to be reported.
func (c *collector) finished() bool {
	return c.err != nil || c.stable > 0 && c.sum.Seeds-c.sum.LastNew >= c.stable
}

// updateWall updates the time that the campaign has taken.
func (c *collector) updateWall() { c.sum.Wall = c.earlierWall + time.Since(c.begin) }

func (c *collector) receive(o jobResult) {
	if o.guarded && !c.compareRuns(&o) {
		return
	}
	c.outOfOrder[o.seed] = o
	for !c.finished() {
		o, ok := c.outOfOrder[c.seeds.next]
		if !ok || c.seeds.empty {
			return
		}
		delete(c.outOfOrder, o.seed)
		c.seeds.pop()
		c.report(&o)
	}
}

// compareRuns compares the two runs of a guarded seed. It returns false for the one
// that ends first.
func (c *collector) compareRuns(o *jobResult) bool {
	other, ok := c.firstOfTwo[o.seed]
	if !ok {
		c.firstOfTwo[o.seed] = *o
		return false
	}
	delete(c.firstOfTwo, o.seed)
	if misused := misusedRun(o, &other); misused != nil {
		*o = *misused
		return true
	}
	if !sameResult(&o.result, &other.result) {
		c.differed[o.seed] = true
	}
	if o.second {
		*o, other = other, *o // so that the counts do not depend on which was first, even if they differ
	}
	if o.result.Status == play.Undecided && other.err == nil {
		o.result = other.result // it may have been decided there
	}
	return true
}

// misusedRun returns the run that was checked more closely, the second one, if only
// that has found a misuse of the harness. It has ended there, and so it is no sign of
// nondeterminism that the other one differs.
func misusedRun(one, other *jobResult) *jobResult {
	closer, first := one, other
	if other.second {
		closer, first = other, one
	}
	if closer.result.IsMisuse() && !first.result.IsMisuse() {
		return closer
	}
	return nil
}

// sameResult reports whether two runs of one seed are the same. One history may be
// decided in one run and not in the other: that depends on the machine, not on the run.
func sameResult(a, b *play.Result) bool {
	if a.Hash != b.Hash {
		return false
	}
	return a.Status == play.Undecided || b.Status == play.Undecided || a.Signature() == b.Signature()
}

// report counts o and reports it.
func (c *collector) report(o *jobResult) {
	if o.err != nil {
		c.err = fmt.Errorf("seed %d: %w", o.seed, o.err)
		return
	}
	first := c.count(o)
	c.updateWall()
	if c.progress != nil {
		c.progress(&c.sum, o.seed, first)
	}
}

// count counts o and returns its group if o is the first of it.
func (c *collector) count(o *jobResult) *Group {
	s, r := &c.sum, &o.result
	s.Seeds++
	s.Hash = keyed.Mix(s.Hash, r.Hash)
	s.Trail.addRun(r.Hash)
	s.Events += r.Stats.Events
	s.Messages += r.Stats.Delivered
	s.Simulated = addTime(s.Simulated, r.Simulated)
	s.Disks.Add(r.Disks)
	s.Outcomes.Add(r.Outcomes)
	if o.guarded {
		s.Guarded++
	}
	if c.differed[o.seed] {
		delete(c.differed, o.seed)
		s.Differed = append(s.Differed, o.seed)
	}
	s.addMarks(r.Marks)
	s.Hits.Add(r.Hits)
	s.addFamilies(r.Families)
	switch r.Status {
	case play.Violated:
		s.Failed++
	case play.Undecided:
		s.Undecided++
	default:
		return nil
	}
	return s.countFailure(o.seed, r.Signature())
}

// addMarks adds the marks that a run hit. A mark that is hit for the first time is
// new.
func (s *Summary) addMarks(marks []uint64) {
	for i, times := range marks {
		if times > 0 && s.Marks[i] == 0 {
			s.addNews(markNews(i))
		}
		s.Marks[i] += times
	}
}

// countFailure counts a failure, and returns its group if it is the first of it.
func (s *Summary) countFailure(seed uint64, signature string) *Group {
	for _, g := range s.Groups {
		if g.Signature == signature {
			g.Count++
			return nil
		}
	}
	g := &Group{Signature: signature, First: seed, Count: 1}
	s.Groups = append(s.Groups, g)
	s.addNews(signatureNews(signature))
	return g
}
