package campaign

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/scenarios"
)

// MaxShards is the most campaigns that can share the seeds.
const MaxShards = 1 << 16

// Merged is the joint result of campaigns that share the seeds. With more than one shard
// the hash and LastNew of its summary have no meaning.
type Merged struct {
	Shape   scenarios.Shape
	Marks   []string
	Start   uint64
	Shards  uint64
	Missing []uint64 // shards without a file
	Partial []uint64 // shards whose campaign was interrupted, or goes on
	Summary Summary
}

// MergeStates sums up the state files of campaigns that share the seeds: of one
// build, with the same plans, and different shards.
func MergeStates(names []string) (Merged, error) {
	var first *savedState
	shards := map[uint64]*savedState{}
	for _, name := range names {
		s, err := loadState(name)
		if err != nil {
			return Merged{}, err
		}
		if first == nil {
			first = s
		}
		alike := *first
		alike.Shard = s.Shard
		if err := alike.checkSame(s); err != nil {
			return Merged{}, fmt.Errorf("%s: it cannot be added to %s: %w", name, names[0], err)
		}
		if shards[s.Shard] != nil {
			return Merged{}, fmt.Errorf("%s: shard %d/%d is in another file already", name, s.Shard, s.Shards)
		}
		shards[s.Shard] = s
	}
	if first.Shards == 1 {
		return first.merged(), nil
	}
	m := Merged{Shape: first.Shape, Marks: first.Marks, Start: first.Start, Shards: first.Shards}
	m.Summary.Marks = make([]uint64, len(m.Marks))
	for i := range m.Shards {
		if s := shards[i]; s != nil {
			m.Summary.merge(&s.Summary)
			if s.Summary.Interrupted {
				m.Partial = append(m.Partial, i)
			}
		} else {
			m.Missing = append(m.Missing, i)
		}
	}
	return m, nil
}

// merged returns the result of a campaign without shards.
func (s *savedState) merged() Merged {
	m := Merged{Shape: s.Shape, Marks: s.Marks, Start: s.Start, Shards: 1, Summary: s.Summary.clone()}
	if s.Summary.Interrupted {
		m.Partial = []uint64{0}
	}
	return m
}

// merge adds the results of seeds that s does not cover.
func (s *Summary) merge(o *Summary) {
	s.Seeds += o.Seeds
	s.Hash = keyed.Mix(s.Hash, o.Hash)
	s.Failed += o.Failed
	s.Undecided += o.Undecided
	s.Events += o.Events
	s.Messages += o.Messages
	s.Outcomes.Add(o.Outcomes)
	s.Disks.Add(o.Disks)
	s.Hits.Add(o.Hits)
	s.Coverage.Merge(o.Coverage)
	s.Simulated = addTime(s.Simulated, o.Simulated)
	s.Wall = addTime(s.Wall, o.Wall)
	s.Guarded += o.Guarded
	s.Differed = append(s.Differed, o.Differed...)
	slices.Sort(s.Differed)
	s.addMarks(o.Marks)
	for _, g := range o.Groups {
		s.mergeGroup(*g)
	}
	slices.SortFunc(s.Groups, func(a, b *Group) int { return cmp.Compare(a.First, b.First) })
}

// addTime returns the sum of two times that are not negative. From 292 years on it stays.
func addTime[D ~int64](a, b D) D {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

func (s *Summary) mergeGroup(g Group) {
	i := slices.IndexFunc(s.Groups, func(o *Group) bool { return o.Signature == g.Signature })
	if i < 0 {
		s.Groups = append(s.Groups, &g)
		return
	}
	s.Groups[i].First = min(s.Groups[i].First, g.First)
	s.Groups[i].Count += g.Count
}
