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
//
// Corrupt and Reset end the connection that the link is: what was sent after
// the message and is still under way when the receiver notices is lost with it,
// as in a stream of bytes. Then the link goes on.
type Profile struct {
	Drop      PPM      `json:"drop_ppm,omitempty"`      // the message is lost
	Burst     Burst    `json:"burst,omitzero"`          // ... and many at a time
	Duplicate PPM      `json:"duplicate_ppm,omitempty"` // it arrives, and so does a copy
	Reorder   PPM      `json:"reorder_ppm,omitempty"`   // it leaves the order of sending and takes longer
	Corrupt   PPM      `json:"corrupt_ppm,omitempty"`   // its bytes are damaged, and whoever reads them ends the connection
	Reset     PPM      `json:"reset_ppm,omitempty"`     // the connection breaks in the midst of it
	Gap       Duration `json:"gap,omitempty"`           // a message arrives so long after the one before it at the least: bandwidth
	Delay     Delay    `json:"delay"`
}

// Burst is loss in bursts, as on the channel of Gilbert and Elliott: time is cut
// into windows, and a window is bad by the chance Chance, for each link by itself.
// In a bad window messages are lost by the chance Drop. So bursts last a
// geometric number of windows, and which windows are bad does not depend on what is sent.
// The zero Burst is none.
type Burst struct {
	Window Duration `json:"window"`
	Chance PPM      `json:"chance_ppm"`
	Drop   PPM      `json:"drop_ppm"`
}

// Validate reports the first field that is out of bounds, by its JSON name.
func (b Burst) Validate() error {
	if b == (Burst{}) {
		return nil
	}
	if b.Window == 0 {
		return fmt.Errorf("window: want more than 0s")
	}
	if err := checkSpan("window", b.Window); err != nil {
		return err
	}
	if b.Chance > Always {
		return fmt.Errorf("chance_ppm: %d is above %d, which is always", b.Chance, Always)
	}
	if b.Drop > Always {
		return fmt.Errorf("drop_ppm: %d is above %d, which is always", b.Drop, Always)
	}
	return nil
}

// bad reports whether the window in which now lies is bad on the link at k.
func (b *Burst) bad(now Duration, k keyed.Key) bool {
	return k.Word(uint64(forBurst)).Word(uint64(now / b.Window)).Chance(uint32(b.Chance))
}

// Validate reports the first field that is out of bounds, by its JSON name.
func (p Profile) Validate() error {
	for _, f := range []struct {
		name string
		ppm  PPM
	}{{"drop_ppm", p.Drop}, {"duplicate_ppm", p.Duplicate}, {"reorder_ppm", p.Reorder}, {"corrupt_ppm", p.Corrupt}, {"reset_ppm", p.Reset}} {
		if f.ppm > Always {
			return fmt.Errorf("%s: %d is above %d, which is always", f.name, f.ppm, Always)
		}
	}
	if err := p.Burst.Validate(); err != nil {
		return fmt.Errorf("burst: %w", err)
	}
	if err := checkSpan("gap", p.Gap); err != nil {
		return err
	}
	if err := p.Delay.Validate(); err != nil {
		return fmt.Errorf("delay: %w", err)
	}
	return nil
}
