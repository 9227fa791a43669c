package scenarios

import (
	"fmt"
	"slices"
)

// WithoutEachPart calls yield for every plan that has one part less than p: an operation,
// a fault, an override, or the chance of its network. The text describes the part.
func WithoutEachPart(p *Plan, yield func(kind, text string, less *Plan)) {
	for i := range p.Operations {
		o, q := &p.Operations[i], *p
		q.Operations = slices.Delete(slices.Clone(p.Operations), i, i+1)
		yield("operation", fmt.Sprintf("%s %v on %s", o.ID, o, o.Key), &q)
	}
	for i := range p.Faults {
		f, q := &p.Faults[i], *p
		q.Faults = slices.Delete(slices.Clone(p.Faults), i, i+1)
		yield("fault", fmt.Sprintf("%v at %v for %v", f, f.At, f.For), &q)
	}
	for i := range p.Overrides {
		f, q := &p.Overrides[i], *p
		q.Overrides = slices.Delete(slices.Clone(p.Overrides), i, i+1)
		yield("override", f.String(), &q)
	}
	if q := *p; p.Network != p.Heal.Network() {
		q.Network = p.Heal.Network()
		yield("network", Describe(p.Network), &q)
	}
}
