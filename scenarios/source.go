package scenarios

import "github.com/lockstep-dst/lockstep/netmodel/keyed"

// Source makes the generator's choices. The choice 0 is always the simplest, so a
// source that shrinks towards 0 (rapid's) shrinks plans.
type Source interface {
	// Choose returns a number in [0, n), n > 0. The label names the choice; it is
	// unique among the choices of one Source.
	Choose(label string, n uint64) uint64
	// At returns the source for the i-th part of a kind. Its choices are
	// independent of all others.
	At(label string, i int) Source
}

// Seeded is the Source of campaigns: each choice is a hash of the seed and the path
// of labels, so adding a choice changes no other.
type Seeded struct{ key keyed.Key }

// FromSeed returns the Source for a seed.
func FromSeed(seed uint64) Seeded { return Seeded{keyed.Seed(seed).Name("plan")} }

// Choose implements Source.
func (s Seeded) Choose(label string, n uint64) uint64 { return s.key.Name(label).Below(n) }

// At implements Source.
func (s Seeded) At(label string, i int) Source {
	return Seeded{s.key.Name(label).Word(uint64(i))}
}

// Choices adds convenient forms of Choices to a Source.
type Choices struct{ Source }

func (c Choices) Part(label string, i int) Choices { return Choices{c.At(label, i)} }

// Between returns a number from lo to hi, both included.
func (c Choices) Between(label string, lo, hi int) int {
	return lo + int(c.Choose(label, uint64(hi-lo+1)))
}

// Span returns a duration from lo to hi in steps of a microsecond.
func (c Choices) Span(label string, lo, hi Duration) Duration {
	const step = 1000
	return lo + step*Duration(c.Choose(label, uint64((hi-lo)/step)+1))
}

// Often is true in percent of a hundred cases; its simplest choice is false.
func (c Choices) Often(label string, percent uint64) bool {
	return c.Choose(label, 100) >= 100-percent
}
