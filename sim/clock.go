package sim

import "fmt"

// Clock is the local clock of a process: at true time t it shows Offset + t +
// t·Drift/10⁶, less the time for which it was stopped (World.StopClock). It never
// goes back.
type Clock struct {
	Offset Duration `json:"offset,omitempty"` // reading at the start of the run
	Drift  int32    `json:"drift_ppm,omitempty"`
}

// MaxDrift bounds Clock.Drift, in parts per million either way.
const MaxDrift = 500_000

const million = 1_000_000

// Validate rejects offsets outside 0 to MaxTime and drifts beyond MaxDrift.
func (c Clock) Validate() error {
	if c.Offset < 0 || c.Offset > MaxTime {
		return fmt.Errorf("offset %v: want 0s to %v", c.Offset, MaxTime)
	}
	if c.Drift < -MaxDrift || c.Drift > MaxDrift {
		return fmt.Errorf("drift_ppm %d: want at most %d either way", c.Drift, MaxDrift)
	}
	return nil
}

// local returns the reading of the clock at true time t.
func (c Clock) local(t Duration) Duration {
	return c.Offset + t + scale(t, int64(c.Drift))
}

// span returns the least true time in which the clock advances by d, from any
// starting time.
func (c Clock) span(d Duration) Duration {
	if c.Drift == 0 {
		return d
	}
	rate := Duration(million + int64(c.Drift))
	whole, rest := d/rate, d%rate
	return whole*million + (rest*million+rate-1)/rate
}

// scale returns t·ppm/10⁶ without overflow, rounded down.
func scale(t Duration, ppm int64) Duration {
	if ppm == 0 {
		return 0
	}
	whole, rest := t/million, t%million
	part := int64(rest) * ppm
	floor := part / million
	if part < 0 && part%million != 0 {
		floor--
	}
	return whole*Duration(ppm) + Duration(floor)
}
