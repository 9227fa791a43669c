package campaign

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/scenarios"
)

// Joint is the state of a campaign that ran in parts. But for the times it is that of one
// campaign that ran all the seeds: the same counts, groups and hash. The zero value is
// empty.
type Joint struct{ state *savedState }

// Append adds the part that begins with the seed behind the last one.
func (j *Joint) Append(p *Part) error {
	if j.state == nil {
		s := *p.state
		s.Summary = s.Summary.clone()
		s.Summary.Trail = nil
		j.state = &s
		return nil
	}
	if next := j.Next(); p.Start() != next {
		return fmt.Errorf("%w: it begins with seed %d, want %d", ErrPart, p.Start(), next)
	}
	if err := (&Part{j.state}).SameCampaign(p); err != nil {
		return err
	}
	j.state.Summary.join(p.Summary())
	return nil
}

// Next is the first seed that the joint campaign has not run. It is not to be called before
// a part was appended.
func (j *Joint) Next() uint64 { return j.state.Start + j.state.Summary.Seeds }

// Merged returns the result as that of one shard with all the seeds: that of none, if
// nothing was appended.
func (j *Joint) Merged() Merged {
	if j.state == nil {
		return Merged{Shards: 1}
	}
	return j.state.merged()
}

// WriteState saves the result in a file, which it replaces atomically: a campaign of all
// the seeds resumes from it.
func (j *Joint) WriteState(name string) error {
	if j.state == nil {
		return fmt.Errorf("%s: %w: there is none to keep", name, ErrPart)
	}
	return j.state.write(name)
}

// join adds the results of the seeds that follow the seeds of s.
func (s *Summary) join(o *Summary) {
	hash, lastNew := s.Hash, s.LastNew
	for h := range o.Trail.runs {
		hash = keyed.Mix(hash, h)
	}
	known := s.known()
	for _, n := range o.Trail.News {
		if !known[n.What] {
			lastNew = s.Seeds + n.Seeds
		}
	}
	s.merge(o)
	s.Hash, s.LastNew, s.Interrupted = hash, lastNew, o.Interrupted
}

// known has all that the seeds of s have shown, as News tell it.
func (s *Summary) known() map[string]bool {
	known := map[string]bool{}
	for i, times := range s.Marks {
		known[markNews(i)] = times > 0
	}
	for _, p := range s.Coverage.MetSince(&scenarios.PairCoverage{}) {
		known[pairNews(p)] = true
	}
	for _, g := range s.Groups {
		known[signatureNews(g.Signature)] = true
	}
	return known
}

// JoinStates joins the parts of a campaign in state files, which may be given in any order.
// They must be consecutive.
func JoinStates(names []string) (*Joint, error) {
	var parts []*Part
	called := map[*Part]string{}
	for _, name := range names {
		p, err := ReadPart(name)
		if err != nil {
			return nil, err
		}
		parts, called[p] = append(parts, p), name
	}
	slices.SortFunc(parts, func(a, b *Part) int { return cmp.Compare(a.Start(), b.Start()) })
	j := &Joint{}
	for _, p := range parts {
		if err := j.Append(p); err != nil {
			return nil, fmt.Errorf("%s: %w", called[p], err)
		}
	}
	return j, nil
}
