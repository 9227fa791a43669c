package netmodel

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
)

// PPM is a probability in parts per million, from 0 to Always.
type PPM uint32

// Always is the probability of what is certain.
const Always PPM = 1_000_000

// at reports whether an event of probability p happens, for a purpose of the
// choices at k.
func (p PPM) at(k keyed.Key, why purpose) bool {
	return p != 0 && k.Word(uint64(why)).Chance(uint32(p))
}

// Profile says how one direction of a link treats each message. The zero
// Profile delivers everything at once.
type Profile struct {
	Drop      PPM   `json:"drop_ppm,omitempty"`      // the message is lost
	Duplicate PPM   `json:"duplicate_ppm,omitempty"` // it arrives, and so does a copy
	Reorder   PPM   `json:"reorder_ppm,omitempty"`   // it leaves the order of sending and takes longer
	Delay     Delay `json:"delay"`
}

// Validate reports the first field that is out of bounds, by its JSON name.
func (p Profile) Validate() error {
	for _, f := range []struct {
		name string
		ppm  PPM
	}{{"drop_ppm", p.Drop}, {"duplicate_ppm", p.Duplicate}, {"reorder_ppm", p.Reorder}} {
		if f.ppm > Always {
			return fmt.Errorf("%s: %d is above %d, which is always", f.name, f.ppm, Always)
		}
	}
	if err := p.Delay.Validate(); err != nil {
		return fmt.Errorf("delay: %w", err)
	}
	return nil
}
