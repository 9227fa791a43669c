package netmodel

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
)

// PPM is a probability in parts per million, from 0 to Always.
type PPM uint32

// Always is probability 1.
const Always PPM = 1_000_000

// at reports whether an event of probability p happens, for a purpose of the
// choices at k.
func (p PPM) at(k keyed.Key, why purpose) bool {
	return p != 0 && k.Word(uint64(why)).Chance(uint32(p))
}

// Profile is the behaviour of one direction of a link. The zero Profile delivers
// every message at once, in order.
//
// Corrupt, Reset and Break end the connection of the link: messages sent after the
// affected one and in flight when the receiver notices are lost with it, as in a
// stream of bytes. Then the link goes on.
type Profile struct {
	Drop      PPM      `json:"drop_ppm,omitempty"`      // the message is lost
	Burst     Burst    `json:"burst,omitzero"`          // ... and many at a time
	Duplicate PPM      `json:"duplicate_ppm,omitempty"` // it arrives, and a copy too
	Reorder   PPM      `json:"reorder_ppm,omitempty"`   // it is exempt from the order of sending and takes longer
	Corrupt   PPM      `json:"corrupt_ppm,omitempty"`   // its bytes are damaged, and the receiver ends the connection
	Reset     PPM      `json:"reset_ppm,omitempty"`     // the connection breaks in the middle of it
	Break     PPM      `json:"break_ppm,omitempty"`     // it arrives, and the connection breaks right behind it
	Gap       Duration `json:"gap,omitempty"`           // least time between two arrivals in order: bandwidth
	Delay     Delay    `json:"delay"`
}

// Burst is loss in bursts, as on the channel of Gilbert and Elliott. Time is
// divided into windows. A window is bad with probability Chance, independently
// for each link. In a bad window a message is lost with probability Drop. So
// bursts last a geometric number of windows, and do not depend on the messages
// sent. The zero Burst is none.
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

// bad reports whether the window of time now is bad on the link at k.
func (b *Burst) bad(now Duration, k keyed.Key) bool {
	return k.Word(uint64(forBurst)).Word(uint64(now / b.Window)).Chance(uint32(b.Chance))
}

// Validate reports the first field that is out of bounds, by its JSON name.
func (p Profile) Validate() error {
	for _, f := range []struct {
		name string
		ppm  PPM
	}{{"drop_ppm", p.Drop}, {"duplicate_ppm", p.Duplicate}, {"reorder_ppm", p.Reorder}, {"corrupt_ppm", p.Corrupt}, {"reset_ppm", p.Reset}, {"break_ppm", p.Break}} {
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
