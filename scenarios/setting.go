package scenarios

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/netmodel"
)

// Unit is the unit of a knob's values.
type Unit string

// The units.
const (
	Count Unit = "count" // a number
	Time  Unit = "time"  // a Duration
)

// Knob is a setting that a system declares. Campaigns choose its value, plans have it
// in Plan.Settings, and shrinking makes it simple.
//
//	var heartbeat = scenarios.Knob{Name: "heartbeat", Unit: scenarios.Time, Min: 1e6, Max: 1e9, Default: 50e6}
//
//	System{Knobs: []scenarios.Knob{heartbeat}, New: func(p *scenarios.Plan) scenarios.Run {
//		every := scenarios.Duration(heartbeat.Of(p))
type Knob struct {
	Name     string // as in "heartbeat": lower case, digits and _
	About    string // one line
	Unit     Unit   // empty: Count
	Min, Max int64  // of its values; of a time in nanoseconds
	Default  int64  // value in plans that do not set it
	// Draw chooses a value for a plan whose network, disk and built-in knobs are
	// chosen: see Plan.Trip. If it is nil, half of the plans have the default, and the
	// others any value in range, each order of magnitude as often.
	Draw func(c Choices, p *Plan) int64
}

// Setting is the value of a system's knob in a plan: a number, or a time.
type Setting struct {
	Name  string   `json:"name"`
	Value int64    `json:"value,omitempty"` // of a knob that counts
	Time  Duration `json:"time,omitempty"`  // of a knob that is a time
}

// Of returns the value of k in p.
func (k Knob) Of(p *Plan) int64 {
	for i := range p.Settings {
		if s := &p.Settings[i]; s.Name == k.Name {
			return s.Value + int64(s.Time)
		}
	}
	return k.Default
}

// Validate names the first field of k that makes no sense.
func (k Knob) Validate() error {
	switch {
	case k.Name == "" || slices.ContainsFunc([]byte(k.Name), func(b byte) bool { return (b < 'a' || b > 'z') && (b < '0' || b > '9') && b != '_' }):
		return fmt.Errorf("name %q: want lower case letters, digits and _", k.Name)
	case k.Unit != "" && k.Unit != Count && k.Unit != Time:
		return fmt.Errorf("%s: unit %q: want %q or %q", k.Name, k.Unit, Count, Time)
	case k.Min < 0 || k.Min > k.Max:
		return fmt.Errorf("%s: min %d, max %d: want 0 or more, and no more than max", k.Name, k.Min, k.Max)
	case k.Default < k.Min || k.Default > k.Max:
		return fmt.Errorf("%s: default %d: want min to max, %d to %d", k.Name, k.Default, k.Min, k.Max)
	}
	return nil
}

// setting is k with a value, which is put into its range.
func (k Knob) setting(value int64) Setting {
	value = min(max(value, k.Min), k.Max)
	if k.Unit == Time {
		return Setting{Name: k.Name, Time: Duration(value)}
	}
	return Setting{Name: k.Name, Value: value}
}

// draw chooses a value; false stands for the default.
func (k Knob) draw(c Choices, p *Plan) (int64, bool) {
	if k.Draw != nil {
		value := k.Draw(c, p)
		return value, value != k.Default
	}
	if !c.Often("other?", 50) {
		return 0, false
	}
	span := k.Max - k.Min
	magnitudes := uint64(1) // one more than the tenfold steps that fit
	for rest := span; rest >= 10; rest /= 10 {
		magnitudes++
	}
	most := span
	for range c.Choose("magnitude", magnitudes) {
		most /= 10
	}
	return k.Min + int64(c.Choose("value", uint64(most)+1)), true
}

// generateSettings chooses the values of the system's own knobs.
func generateSettings(c Choices, p *Plan, shape Shape) {
	for i, k := range shape.Knobs {
		if value, other := k.draw(c.Part("knob "+k.Name, i), p); other && shape.Profile != None {
			p.Settings = append(p.Settings, k.setting(value))
		}
	}
}

// checkSettings checks what can be known of settings without the system.
func (p *Plan) checkSettings() error {
	for i := range p.Settings {
		s := &p.Settings[i]
		switch {
		case s.Name == "":
			return fmt.Errorf("settings[%d].name: want the name of a knob of the system", i)
		case slices.ContainsFunc(p.Settings[:i], func(o Setting) bool { return o.Name == s.Name }):
			return fmt.Errorf("settings[%d]: %s is set twice", i, s.Name)
		case s.Value != 0 && s.Time != 0:
			return fmt.Errorf("settings[%d]: %s: want a value or a time", i, s.Name)
		}
	}
	return nil
}

// checkSetting checks a setting of a system with these knobs.
func checkSetting(s *Setting, knobs []Knob) error {
	i := slices.IndexFunc(knobs, func(k Knob) bool { return k.Name == s.Name })
	if i < 0 {
		return fmt.Errorf("name: %q: the system has no such knob; it has %s", s.Name, knobNames(knobs))
	}
	k := knobs[i]
	value := s.Value
	switch {
	case k.Unit == Time && s.Value != 0:
		return fmt.Errorf("value: %s is a time: want time", k.Name)
	case k.Unit != Time && s.Time != 0:
		return fmt.Errorf("time: %s is a number: want value", k.Name)
	case k.Unit == Time:
		value = int64(s.Time)
	}
	if value < k.Min || value > k.Max {
		return fmt.Errorf("%s: %s: want %s to %s", s.field(k), k.words(value), k.words(k.Min), k.words(k.Max))
	}
	return nil
}

func (s *Setting) field(k Knob) string {
	if k.Unit == Time {
		return "time"
	}
	return "value"
}

// words is the text form of a value.
func (k Knob) words(value int64) string {
	if k.Unit == Time {
		return Duration(value).String()
	}
	return fmt.Sprint(value)
}

func knobNames(knobs []Knob) string {
	if len(knobs) == 0 {
		return "none"
	}
	names := make([]string, len(knobs))
	for i := range knobs {
		names[i] = knobs[i].Name
	}
	return strings.Join(names, ", ")
}

// Trip is the typical time of a request, its response, and the sync of a disk between
// them: the scale of a protocol's timeouts.
func (p *Plan) Trip() Duration {
	return 2*p.delay() + typicalDelay(p.Disk.Write) + typicalDelay(p.Disk.Sync)
}

// delay is the typical latency of a message.
func (p *Plan) delay() Duration {
	if p.Heal.Delay != 0 {
		return p.Heal.Delay
	}
	return max(typicalDelay(p.Network.Delay), netmodel.Microsecond)
}

func (s *Setting) String() string {
	if s.Time != 0 {
		return fmt.Sprintf("%s %v", s.Name, s.Time)
	}
	return fmt.Sprintf("%s %d", s.Name, s.Value)
}
