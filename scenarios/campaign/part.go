package campaign

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/node/input"
	"github.com/lockstep-dst/lockstep/scenarios"
)

// ErrPart is wrapped by errors about the state of a part of a campaign.
var ErrPart = errors.New("not a part of a campaign")

// Part is the state file of a campaign that kept a Trail, checked: it may come from another
// machine.
type Part struct{ state *savedState }

// ReadPart reads the part of a campaign from a file.
func ReadPart(name string) (*Part, error) {
	data, err := input.ReadFile(name, maxState)
	if err != nil {
		return nil, err
	}
	return ParsePart(name, data)
}

// ParsePart parses the state file of a part; name is its name in errors.
func ParsePart(name string, data []byte) (*Part, error) {
	s, err := parseState(name, data)
	if err != nil {
		return nil, err
	}
	p := &Part{s}
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", name, ErrPart, err)
	}
	return p, nil
}

// Build names the code that ran the part.
func (p *Part) Build() string { return p.state.Build }

// Start is the first seed of the part.
func (p *Part) Start() uint64 { return p.state.Start }

// Guard is the percentage of seeds that ran twice.
func (p *Part) Guard() int { return p.state.Guard }

// Shape is the shape of the plans.
func (p *Part) Shape() scenarios.Shape { return p.state.Shape }

// Summary is the result of the part. It is not to be changed.
func (p *Part) Summary() *Summary { return &p.state.Summary }

// SameRuns reports whether two parts of the same seeds had the same runs. It asks for the
// same verdicts only where all histories were decided: that depends on the machine.
func (p *Part) SameRuns(o *Part) bool {
	a, b := p.state.Summary, o.state.Summary
	if a.Undecided+b.Undecided > 0 {
		return slices.Equal(a.Trail.Hashes, b.Trail.Hashes)
	}
	a.Wall, b.Wall = 0, 0
	return sameJSON(a, b)
}

func (p *Part) check() error {
	s := p.state
	switch {
	case s.Format != stateFormat || s.Version != stateVersion:
		return fmt.Errorf("it is %q of version %d, want %q of version %d", s.Format, s.Version, stateFormat, stateVersion)
	case s.Shards != 1:
		return fmt.Errorf("it is of shard %d/%d, want consecutive seeds", s.Shard, s.Shards)
	case s.Summary.Trail == nil:
		return errors.New("it has no trail: run it with fuzz --trail")
	case s.Summary.Seeds == 0:
		return errors.New("it has no seeds")
	case s.Start+(s.Summary.Seeds-1) < s.Start:
		return errors.New("its seeds pass the largest seed")
	case len(s.Summary.Marks) != len(s.Marks):
		return fmt.Errorf("it counts %d marks of %d", len(s.Summary.Marks), len(s.Marks))
	}
	if err := s.Summary.checkCounts(); err != nil {
		return err
	}
	if err := s.checkFailures(); err != nil {
		return err
	}
	return s.Summary.checkTrail()
}

// maxCount bounds each count of a part, so that no sum of parts overflows. Times are summed
// by addTime.
const maxCount = math.MaxUint64 >> 20

func (s *Summary) checkCounts() error {
	counts := append([]uint64{s.Seeds, s.Events, s.Messages, s.Disks.Stops, s.Disks.Refusals}, s.Marks...)
	counts = append(append(counts, s.Hits[:]...), s.Disks.Hits[:]...)
	for _, n := range []int{s.Outcomes.Committed, s.Outcomes.Transitions, s.Outcomes.Rejected, s.Outcomes.Unknown} {
		counts = append(counts, uint64(n)) // a negative number is a large one
	}
	if slices.Max(counts) > maxCount {
		return fmt.Errorf("a count is %d, more than can be", slices.Max(counts))
	}
	if s.Simulated < 0 || s.Wall < 0 {
		return fmt.Errorf("it took a time of %v, and simulated one of %v, less than can be", s.Wall, s.Simulated)
	}
	return nil
}

// maxSignature bounds a signature, in bytes.
const maxSignature = 1 << 10

func (s *savedState) checkFailures() error {
	sum := &s.Summary
	last := s.Start + (sum.Seeds - 1)
	inside := func(seed uint64) bool { return seed >= s.Start && seed <= last }
	var failed uint64
	seen := map[string]bool{}
	for i, g := range sum.Groups {
		switch {
		case g == nil || g.Signature == "" || len(g.Signature) > maxSignature || seen[g.Signature]:
			return fmt.Errorf("groups[%d]: want a signature of at most %d bytes, each once", i, maxSignature)
		case !inside(g.First) || g.Count == 0 || g.Count > sum.Seeds:
			return fmt.Errorf("groups[%d]: %d failures, the first with seed %d: want some of the seeds %d to %d", i, g.Count, g.First, s.Start, last)
		}
		seen[g.Signature] = true
		failed += g.Count
	}
	switch {
	case sum.Failed > sum.Seeds || sum.Undecided > sum.Seeds || sum.Failed+sum.Undecided != failed || failed > sum.Seeds:
		return fmt.Errorf("%d failed and %d undecided of %d seeds, and %d in groups", sum.Failed, sum.Undecided, sum.Seeds, failed)
	case sum.Guarded > sum.Seeds || uint64(len(sum.Differed)) > sum.Guarded || !slices.IsSorted(sum.Differed) || slices.ContainsFunc(sum.Differed, func(d uint64) bool { return !inside(d) }):
		return fmt.Errorf("of %d seeds %d ran twice, and %d of them differed: want the seeds that did, in order", sum.Seeds, sum.Guarded, len(sum.Differed))
	}
	return nil
}

// checkTrail holds the trail to the summary: its hashes lead to the hash of all runs,
// and its news are in order.
func (s *Summary) checkTrail() error {
	if uint64(len(s.Trail.Hashes)) != hashSize*s.Seeds {
		return fmt.Errorf("its trail has %d bytes of hashes for %d seeds, want %d of each", len(s.Trail.Hashes), s.Seeds, hashSize)
	}
	var hash, at uint64
	for h := range s.Trail.runs {
		hash = keyed.Mix(hash, h)
	}
	if hash != s.Hash {
		return fmt.Errorf("its trail leads to the hash %016x, and not to %016x", hash, s.Hash)
	}
	for _, n := range s.Trail.News {
		if n.Seeds < max(at, 1) || n.Seeds > s.Seeds {
			return fmt.Errorf("its trail has news after %d of %d seeds, and before that after %d", n.Seeds, s.Seeds, at)
		}
		at = n.Seeds
	}
	if at != s.LastNew {
		return fmt.Errorf("its trail has the last news after %d seeds, and the summary after %d", at, s.LastNew)
	}
	return nil
}

// SameCampaign names the first difference between the campaigns of which two parts are.
func (p *Part) SameCampaign(o *Part) error {
	alike := *p.state
	alike.Start = o.state.Start
	if err := alike.checkSame(o.state); err != nil {
		return fmt.Errorf("%w: %w", ErrPart, err)
	}
	return nil
}

// Run returns the hash of the run of a seed of the part.
func (p *Part) Run(seed uint64) (hash uint64, ok bool) {
	if seed < p.Start() || seed-p.Start() >= p.state.Summary.Seeds {
		return 0, false
	}
	return binary.LittleEndian.Uint64(p.state.Summary.Trail.Hashes[hashSize*(seed-p.Start()):]), true
}
