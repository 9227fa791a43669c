package scenarios

import (
	"encoding/json"
	"fmt"
	"math/bits"
	"strings"
)

// PairCoverage records the pairs of families that have occurred together in a plan.
// The zero PairCoverage expects none. It is a value and may be copied.
type PairCoverage struct {
	wanted familySet
	met    [numFamilies]familySet // by family: the later families that it has met
}

// FamilyPair is two families, in order.
type FamilyPair [2]Family

// String is the text form, "a+b".
func (p FamilyPair) String() string { return p[0].String() + "+" + p[1].String() }

// NewPairCoverage returns a coverage that expects all pairs of the families.
func NewPairCoverage(list []Family) PairCoverage {
	var c PairCoverage
	for _, f := range list {
		c.wanted.add(f, true)
	}
	return c
}

// Add records the pairs of p.
func (c *PairCoverage) Add(p *Plan) { c.AddFamilies(Families(p)) }

// AddFamilies records the pairs of a plan that has these families, in order.
func (c *PairCoverage) AddFamilies(list []Family) {
	for i, a := range list {
		for _, b := range list[i+1:] {
			c.met[a].add(b, c.wanted.has(a) && c.wanted.has(b))
		}
	}
}

// Merge adds the pairs that o has recorded.
func (c *PairCoverage) Merge(o PairCoverage) {
	c.wanted |= o.wanted
	for f := range c.met {
		c.met[f] |= o.met[f]
	}
}

// MetSince lists the pairs that have met in c and not in an earlier state of it.
func (c *PairCoverage) MetSince(earlier *PairCoverage) (list []FamilyPair) {
	if c.met == earlier.met {
		return nil
	}
	for f, met := range c.met {
		for _, later := range (met &^ earlier.met[f]).list() {
			list = append(list, FamilyPair{Family(f), later})
		}
	}
	return list
}

// pairCoverageJSON is the JSON form of a PairCoverage.
type pairCoverageJSON struct {
	Wanted familySet   `json:"wanted"`
	Met    []familySet `json:"met"` // by family
}

// MarshalJSON implements json.Marshaler.
func (c PairCoverage) MarshalJSON() ([]byte, error) {
	return json.Marshal(pairCoverageJSON{c.wanted, c.met[:]})
}

// UnmarshalJSON implements json.Unmarshaler.
func (c *PairCoverage) UnmarshalJSON(data []byte) error {
	var w pairCoverageJSON
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	if len(w.Met) != len(c.met) {
		return fmt.Errorf("coverage of %d families of faults, this build has %d", len(w.Met), len(c.met))
	}
	c.wanted = w.Wanted
	copy(c.met[:], w.Met)
	return nil
}

// Pairs returns the numbers of pairs that have met and that are expected to.
func (c *PairCoverage) Pairs() (met, wanted int) {
	for _, s := range c.met {
		met += bits.OnesCount32(uint32(s))
	}
	n := bits.OnesCount32(uint32(c.wanted))
	return met, n * (n - 1) / 2
}

// Missing lists the expected pairs that have not met.
func (c *PairCoverage) Missing() []FamilyPair {
	var missing []FamilyPair
	list := c.wanted.list()
	for i, a := range list {
		for _, b := range list[i+1:] {
			if !c.met[a].has(b) {
				missing = append(missing, FamilyPair{a, b})
			}
		}
	}
	return missing
}

// String is one line for a person, with the first missing pairs.
func (c *PairCoverage) String() string {
	met, wanted := c.Pairs()
	s := fmt.Sprintf("pairs of fault families: %d of %d", met, wanted)
	missing := c.Missing()
	if len(missing) == 0 {
		return s
	}
	names := make([]string, 0, maxMissing)
	for _, p := range missing[:min(maxMissing, len(missing))] {
		names = append(names, p.String())
	}
	if len(missing) > maxMissing {
		names = append(names, "...")
	}
	return s + ", missing " + strings.Join(names, " ")
}

// maxMissing bounds the missing pairs that String names.
const maxMissing = 8
