package netmodel

import (
	"fmt"
	"math/bits"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
)

// MaxDelay is the largest duration in a Delay or an Override.
const MaxDelay = 60 * Minute

// DelayKind is the distribution of a Delay.
type DelayKind uint8

// Kinds of delay.
const (
	Constant    DelayKind = iota // always Min
	Uniform                      // Min to Max, all equally likely
	Exponential                  // Min plus an exponential draw
	Heavy                        // Min plus a Pareto draw: a few messages take very long
)

var delayKinds = []string{"constant", "uniform", "exponential", "heavy"}

// String returns the text form, as in "uniform".
func (k DelayKind) String() string { return enumText("DelayKind", delayKinds, k) }

// MarshalText implements encoding.TextMarshaler. It rejects an unknown kind.
func (k DelayKind) MarshalText() ([]byte, error) {
	return marshalEnum("delay kind", delayKinds, k)
}

// UnmarshalText implements encoding.TextUnmarshaler. It rejects any text that
// String does not write.
func (k *DelayKind) UnmarshalText(text []byte) error {
	return unmarshalEnum("delay kind", delayKinds, k, text)
}

// Delay is the distribution of the latency of a message. The zero Delay is no
// latency.
//
// Mean is the mean of the part added to Min, before Max truncates it. An
// exponential draw starts at 0; half of all draws are below 0.69 Mean. A heavy
// draw is Pareto with exponent 4/3: it starts at Mean/4, half of all draws are
// below 0.42 Mean, and one in (4m)^(4/3) is above m Mean.
type Delay struct {
	Kind DelayKind `json:"kind"`
	Min  Duration  `json:"min"`            // constant: the delay; else the lower bound
	Mean Duration  `json:"mean,omitempty"` // exponential, heavy: see above; else 0
	Max  Duration  `json:"max,omitempty"`  // upper bound, inclusive; constant: 0
}

// Validate reports the first field that is out of bounds, by its JSON name. No
// duration may be negative or above MaxDelay, and a field that the kind does not
// use must be 0.
func (d Delay) Validate() error {
	if int(d.Kind) >= len(delayKinds) {
		return fmt.Errorf("kind: %d is unknown", d.Kind)
	}
	if err := checkSpan("min", d.Min); err != nil {
		return err
	}
	drawn := d.Kind == Exponential || d.Kind == Heavy
	switch {
	case !drawn && d.Mean != 0:
		return fmt.Errorf("mean: kind %s has none", d.Kind)
	case drawn && d.Mean == 0:
		return fmt.Errorf("mean: kind %s needs one above 0", d.Kind)
	case d.Kind == Constant && d.Max != 0:
		return fmt.Errorf("max: kind constant has none")
	case d.Kind == Uniform && d.Max < d.Min:
		return fmt.Errorf("max: %s is below min, %s", d.Max, d.Min)
	case drawn && d.Max <= d.Min:
		return fmt.Errorf("max: %s is not above min, %s", d.Max, d.Min)
	}
	if err := checkSpan("mean", d.Mean); err != nil {
		return err
	}
	return checkSpan("max", d.Max)
}

func checkSpan(field string, d Duration) error {
	if d < 0 || d > MaxDelay {
		return fmt.Errorf("%s: %s is not in 0s to %s", field, d, MaxDelay)
	}
	return nil
}

// At returns the delay chosen at k. d must be valid.
func (d Delay) At(k keyed.Key) Duration {
	switch d.Kind {
	case Uniform:
		return d.Min + Duration(k.Below(uint64(d.Max-d.Min)+1))
	case Exponential:
		return d.exponential(k.Uint64())
	case Heavy:
		return d.heavy(k.Uint64())
	}
	return d.Min
}

// exponential returns the delay at the uniform bits u. The part beyond the last
// entry of the table is an exponential draw again, so that each step into the
// tail adds that entry.
func (d Delay) exponential(u uint64) Duration {
	q, steps := quantile(&exponentialTable, u)
	q += steps * uint64(exponentialTable[255]) << 16
	return min(d.Min+Duration(times(d.Mean, q)), d.Max)
}

// heavy returns the delay at the uniform bits u. The part beyond the last entry
// of the table is the same distribution 64 times as large. The mean of the
// table's own distribution is 4.
func (d Delay) heavy(u uint64) Duration {
	q, steps := quantile(&heavyTable, u)
	drawn, scale := times(d.Mean, q)/4, 6*steps
	if drawn > uint64(d.Max-d.Min)>>scale {
		return d.Max
	}
	return d.Min + Duration(drawn<<scale)
}

// quantile looks up u, a fraction of 2^64, in a table: its first byte selects a
// segment and two more a point on it. The byte 255 is a step into the tail, and
// the lookup starts over behind it. The result has 32 fractional bits.
func quantile(table *[256]uint32, u uint64) (q, steps uint64) {
	for u>>56 == 255 {
		u <<= 8
		steps++
	}
	i, part := u>>56, u>>40&0xffff
	from, to := uint64(table[i]), uint64(table[i+1])
	return from<<16 + (to-from)*part, steps
}

// times returns d times q, where q has 32 fractional bits. It cannot overflow: d
// is below 2^42 and q below 2^38.
func times(d Duration, q uint64) uint64 {
	hi, lo := bits.Mul64(uint64(d), q)
	return hi<<32 | lo>>32
}

// typical returns the typical delay of d: the middle of a uniform delay, Min plus
// Mean of a drawn one.
func (d Delay) typical() Duration {
	switch d.Kind {
	case Uniform:
		return d.Min + (d.Max-d.Min)/2
	case Exponential, Heavy:
		return min(d.Min+d.Mean, d.Max)
	}
	return d.Min
}
