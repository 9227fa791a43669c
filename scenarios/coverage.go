package scenarios

import (
	"encoding/json"
	"fmt"
	"math/bits"
	"strings"
)

// Coverage says which pairs of families have met in a plan. The zero Coverage
// expects none; it is a value, to be copied at will.
type Coverage struct {
	wanted set
	met    [families]set // with each family, those after it
}

// Pair is two families, the first of which comes first.
type Pair [2]Family

// String is the text form.
func (p Pair) String() string { return p[0].String() + "+" + p[1].String() }

// CoverageOf expects all pairs of these families.
func CoverageOf(list []Family) Coverage {
	var c Coverage
	for _, f := range list {
		c.wanted.add(f, true)
	}
	return c
}

// Add notes what meets in p.
func (c *Coverage) Add(p *Plan) { c.AddFamilies(Families(p)) }

// AddFamilies notes what meets in a plan that has these families, in order.
func (c *Coverage) AddFamilies(list []Family) {
	for i, a := range list {
		for _, b := range list[i+1:] {
			c.met[a].add(b, c.wanted.has(a) && c.wanted.has(b))
		}
	}
}

// Merge adds what o has seen.
func (c *Coverage) Merge(o Coverage) {
	c.wanted |= o.wanted
	for f := range c.met {
		c.met[f] |= o.met[f]
	}
}

// written is the form of a Coverage in JSON.
type written struct {
	Wanted set   `json:"wanted"`
	Met    []set `json:"met"` // by family
}

// MarshalJSON implements json.Marshaler.
func (c Coverage) MarshalJSON() ([]byte, error) { return json.Marshal(written{c.wanted, c.met[:]}) }

// UnmarshalJSON implements json.Unmarshaler.
func (c *Coverage) UnmarshalJSON(data []byte) error {
	var w written
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

// Pairs is how many pairs have met, and how many are expected to.
func (c *Coverage) Pairs() (met, wanted int) {
	for _, s := range c.met {
		met += bits.OnesCount32(uint32(s))
	}
	n := bits.OnesCount32(uint32(c.wanted))
	return met, n * (n - 1) / 2
}

// Missing lists the pairs that are expected and have not met.
func (c *Coverage) Missing() []Pair {
	var missing []Pair
	list := c.wanted.list()
	for i, a := range list {
		for _, b := range list[i+1:] {
			if !c.met[a].has(b) {
				missing = append(missing, Pair{a, b})
			}
		}
	}
	return missing
}

// String is one line for a person, with the first pairs that are missing.
func (c *Coverage) String() string {
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

// maxMissing is how many missing pairs are named.
const maxMissing = 8
