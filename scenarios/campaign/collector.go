package campaign

import (
	"fmt"
	"time"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/scenarios"
)

// Summary is what a campaign has shown so far. But for Wall it is a function of
// the campaign and of how many seeds it covers.
type Summary struct {
	Seeds     uint64                 `json:"seeds"`
	Hash      uint64                 `json:"hash"`   // of the hashes of all runs: equal if all that happened is
	Failed    uint64                 `json:"failed"` // violated a property
	Undecided uint64                 `json:"undecided"`
	Events    uint64                 `json:"events"`
	Messages  uint64                 `json:"messages"` // delivered
	Outcomes  Outcomes               `json:"outcomes"`
	Disks     Disks                  `json:"disks"`
	Hits      scenarios.FamilyHits   `json:"hits"` // by family of faults
	Coverage  scenarios.PairCoverage `json:"coverage"`
	Simulated scenarios.Duration     `json:"simulated"` // summed over all seeds
	Wall      time.Duration          `json:"wall_ns"`
	Groups    []*Group               `json:"groups"`   // in the order of their first seeds
	Guarded   uint64                 `json:"guarded"`  // seeds that ran twice
	Differed  []uint64               `json:"differed"` // those of them whose runs differed
	Marks     []uint64               `json:"marks"`    // how often each of the system's was come by
	News      uint64                 `json:"news"`     // how many seeds it took until the last mark was reached, the last pair of families met and the last signature seen
}

// Group is the failures of one signature.
type Group struct {
	Signature string `json:"signature"`
	First     uint64 `json:"first"` // the lowest seed
	Count     uint64 `json:"count"`
}

// Reached counts the marks that were come by.
func (s *Summary) Reached() (n int) {
	for _, times := range s.Marks {
		if times > 0 {
			n++
		}
	}
	return n
}

// Cold lists the marks of sys that no run came by.
func (s *Summary) Cold(sys scenarios.System) (names []string) {
	for i, name := range sys.Marks {
		if i >= len(s.Marks) || s.Marks[i] == 0 {
			names = append(names, name)
		}
	}
	return names
}

// outcome is what the collector needs of one run.
type outcome struct {
	job
	result Result // without its history
	err    error
}

// collector puts outcomes back into the order of their seeds and sums them up. A
// seed counts when all its runs are done.
type collector struct {
	sum      Summary
	stable   uint64 // see Campaign.Stable
	seeds    seeds  // to be told
	ahead    map[uint64]outcome
	guarded  map[uint64]outcome // the one that came first of a guarded seed's two
	differs  map[uint64]bool    // guarded seeds whose runs differed, not yet told
	progress func(*Summary, uint64, *Group)
	before   time.Duration // spent by earlier runs of the campaign
	begin    time.Time
	err      error
}

func newCollector(c *Campaign, progress func(*Summary, uint64, *Group)) *collector {
	col := &collector{
		sum: c.Done.clone(), stable: c.Stable, seeds: c.seeds(), progress: progress, before: c.Done.Wall, begin: time.Now(),
		ahead: map[uint64]outcome{}, guarded: map[uint64]outcome{}, differs: map[uint64]bool{},
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
	c.Groups, c.Differed, c.Marks = nil, append([]uint64(nil), s.Differed...), append([]uint64(nil), s.Marks...)
	for _, g := range s.Groups {
		copied := *g
		c.Groups = append(c.Groups, &copied)
	}
	return c
}

// full reports whether nothing more is to be told.
func (c *collector) full() bool {
	return c.err != nil || c.stable > 0 && c.sum.Seeds-c.sum.News >= c.stable
}

// clock brings the time that the campaign has taken up to date.
func (c *collector) clock() { c.sum.Wall = c.before + time.Since(c.begin) }

func (c *collector) take(o outcome) {
	if o.guarded && !c.compare(&o) {
		return
	}
	c.ahead[o.seed] = o
	for !c.full() {
		o, ok := c.ahead[c.seeds.next]
		if !ok || c.seeds.empty {
			return
		}
		delete(c.ahead, o.seed)
		c.seeds.take()
		c.tell(&o)
	}
}

// compare holds the two runs of a guarded seed against each other. It is false
// for the one that comes first.
func (c *collector) compare(o *outcome) bool {
	other, ok := c.guarded[o.seed]
	if !ok {
		c.guarded[o.seed] = *o
		return false
	}
	delete(c.guarded, o.seed)
	if o.result.Hash != other.result.Hash || o.result.Signature() != other.result.Signature() {
		c.differs[o.seed] = true
	}
	if o.again {
		*o = other // so that what is counted does not depend on which was first, even if they differ
	}
	return true
}

// tell counts o in and tells of it.
func (c *collector) tell(o *outcome) {
	if o.err != nil {
		c.err = fmt.Errorf("seed %d: %w", o.seed, o.err)
		return
	}
	first := c.add(o)
	c.clock()
	if c.progress != nil {
		c.progress(&c.sum, o.seed, first)
	}
}

// add counts o in and returns its group if o is the first of it.
func (c *collector) add(o *outcome) *Group {
	s, r := &c.sum, &o.result
	s.Seeds++
	s.Hash = keyed.Mix(s.Hash, r.Hash)
	s.Events += r.Stats.Events
	s.Messages += r.Stats.Delivered
	s.Simulated += r.Simulated
	s.Disks.Add(r.Disks)
	s.Outcomes.Add(r.Outcomes)
	if o.guarded {
		s.Guarded++
	}
	if c.differs[o.seed] {
		delete(c.differs, o.seed)
		s.Differed = append(s.Differed, o.seed)
	}
	s.addMarks(r.Marks)
	s.Hits.Add(r.Hits)
	before, _ := s.Coverage.Pairs()
	s.Coverage.AddFamilies(r.Families)
	if met, _ := s.Coverage.Pairs(); met > before {
		s.News = s.Seeds
	}
	switch r.Status {
	case Violated:
		s.Failed++
	case Undecided:
		s.Undecided++
	default:
		return nil
	}
	return s.group(o.seed, r.Signature())
}

// addMarks adds up what a run came by. A mark that is reached for the first time
// is news.
func (s *Summary) addMarks(marks []uint64) {
	for i, times := range marks {
		if times > 0 && s.Marks[i] == 0 {
			s.News = s.Seeds
		}
		s.Marks[i] += times
	}
}

// group counts a failure, and returns its group if it is the first of it.
func (s *Summary) group(seed uint64, signature string) *Group {
	for _, g := range s.Groups {
		if g.Signature == signature {
			g.Count++
			return nil
		}
	}
	g := &Group{Signature: signature, First: seed, Count: 1}
	s.Groups = append(s.Groups, g)
	s.News = s.Seeds
	return g
}
