package netmodel

import "fmt"

// Fate is whether a message is delivered or dropped.
type Fate uint8

// Fates.
const (
	Deliver Fate = iota
	Drop
)

var fates = []string{"deliver", "drop"}

// String returns the text form, as in "drop".
func (f Fate) String() string { return enumText("Fate", fates, f) }

// MarshalText implements encoding.TextMarshaler. It rejects an unknown fate.
func (f Fate) MarshalText() ([]byte, error) { return marshalEnum("fate", fates, f) }

// UnmarshalText implements encoding.TextUnmarshaler. It rejects any text that
// String does not write.
func (f *Fate) UnmarshalText(text []byte) error { return unmarshalEnum("fate", fates, f, text) }

// Cause is the reason for which a message is dropped.
type Cause uint8

// Causes.
const (
	NoCause         Cause = iota // it is delivered
	Loss                         // by the link's profile
	CutOff                       // the link is cut
	Overridden                   // by an Override
	BurstLoss                    // by the profile, in a burst
	Corrupted                    // its bytes are damaged: the connection ends at Verdict.At
	ConnectionReset              // the connection breaks in the middle of it, at Verdict.At
	Refused                      // the link refuses it: the sender knows that it has not left
)

var causes = []string{"none", "loss", "cut", "override", "burst", "corrupt", "reset", "refused"}

// String returns the text form, as in "cut".
func (c Cause) String() string { return enumText("Cause", causes, c) }

// Verdict is the decision on one message. Times are points of virtual time, and 0
// if nothing arrives.
type Verdict struct {
	At         Duration // when it arrives, or when its connection ends
	CopyAt     Duration // when its copy arrives, at At or later
	Key        uint64   // identifies link and fate key, the same under any seed
	Occurrence uint32   // 1 for the first message of this Key, 2 for the next ...
	Connection uint32   // the connection that carries it: see Network.Arrive
	Fate       Fate
	Cause      Cause
	Duplicate  bool // there is a copy
	Reordered  bool // it is exempt from the link's order
	Late       bool // its delay is more than twice the link's typical one
	Queued     bool // it waits for the bandwidth
	Breaks     bool // it arrives, and then the connection ends, at At
}

// EndsConnection reports whether the connection ends with the message, at At.
func (v *Verdict) EndsConnection() bool { return v.Cause == Corrupted || v.Cause == ConnectionReset }

// Override is a verdict set beforehand for one message. Its durations count from
// the sending. The message is exempt from the order: it waits for none before it,
// and none after waits for it.
type Override struct {
	Fate      Fate     `json:"fate"`
	Delay     Duration `json:"delay,omitempty"`     // until it arrives
	Duplicate bool     `json:"duplicate,omitempty"` // a copy arrives too
	Copy      Duration `json:"copy,omitempty"`      // until the copy arrives, at least Delay
	Break     bool     `json:"break,omitempty"`     // the connection ends behind it; with it, after Delay, if it is dropped
}

// Validate reports the first field that is out of bounds or contradicts
// another, by its JSON name.
func (o Override) Validate() error {
	if int(o.Fate) >= len(fates) {
		return fmt.Errorf("fate: %d is unknown", o.Fate)
	}
	if o.Fate == Drop && (o.Duplicate || o.Copy != 0 || o.Delay != 0 && !o.Break) {
		return fmt.Errorf("fate: a dropped message has no copy, and no delay unless the connection breaks with it")
	}
	if err := checkSpan("delay", o.Delay); err != nil {
		return err
	}
	if !o.Duplicate && o.Copy != 0 {
		return fmt.Errorf("copy: %s without duplicate", o.Copy)
	}
	if o.Duplicate && o.Copy < o.Delay {
		return fmt.Errorf("copy: %s is below delay, %s", o.Copy, o.Delay)
	}
	return checkSpan("copy", o.Copy)
}

// apply writes o into the verdict on its message.
func (o Override) apply(now Duration, v *Verdict) {
	switch {
	case o.Fate == Drop && o.Break:
		v.Fate, v.Cause, v.At = Drop, ConnectionReset, now+o.Delay
		return
	case o.Fate == Drop:
		v.Fate, v.Cause = Drop, Overridden
		return
	}
	v.At, v.Reordered, v.Breaks = now+o.Delay, true, o.Break
	if o.Duplicate {
		v.Duplicate, v.CopyAt = true, now+o.Copy
	}
}
