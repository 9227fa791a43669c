package scenarios

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/sim"
)

func (p *Plan) checkFaults() error {
	if p.Knobs.Forming {
		if err := p.mayForm(); err != nil {
			return err
		}
	}
	for i := range p.Faults {
		if err := p.checkFault(&p.Faults[i]); err != nil {
			return fmt.Errorf("faults[%d].%w", i, err)
		}
	}
	return nil
}

// mayForm returns an error if the nodes of a plan could not form their cluster. All
// of them must take part, and a disk that is lost meanwhile loses the cluster for
// good.
func (p *Plan) mayForm() error {
	for i := range p.Faults {
		if f := &p.Faults[i]; f.damages() {
			return fmt.Errorf("knobs.forming: faults[%d] may lose a node, and a cluster forms only with all: want no %v then", i, f)
		}
	}
	if p.Heal.Exclusion != DownAtFirst {
		return fmt.Errorf("knobs.forming: heal.outside %q leaves nodes out, and a cluster forms only with all", p.Heal.Exclusion)
	}
	return nil
}

func (p *Plan) checkFault(f *Fault) error {
	if f.At < 0 || f.At > p.Heal.At {
		return fmt.Errorf("at: %v: want 0 to the start of the heal phase, %v", f.At, p.Heal.At)
	}
	if f.For <= 0 || f.For > MaxTime {
		return fmt.Errorf("for: %v: want more than 0 and at most %v", f.For, MaxTime)
	}
	row := f.Kind.row()
	if row.kind == "" {
		return fmt.Errorf("kind: %q: want one of %s", f.Kind, strings.Join(kindNames(), ", "))
	}
	if err := f.checkFields(&row); err != nil {
		return err
	}
	if f.Every < 0 || f.Every > 0 && f.For/f.Every > maxToggles {
		return fmt.Errorf("every: %v: want it to fit into %v at most %d times", f.Every, f.For, maxToggles)
	}
	if f.Pace < 0 || f.Pace > netmodel.MaxDelay {
		return fmt.Errorf("pace: %v: want more than 0 and at most %v", f.Pace, netmodel.MaxDelay)
	}
	if f.Drain < 0 || f.Drain > MaxTime {
		return fmt.Errorf("drain: %v: want 0 to %v", f.Drain, MaxTime)
	}
	if row.check != nil {
		if err := row.check(f); err != nil {
			return err
		}
	}
	return p.checkFaultIDs(f)
}

// maxToggles bounds how often a fault may begin or end again.
const maxToggles = 1000

// checkFields checks that f has the fields of its kind.
func (f *Fault) checkFields(row *faultKind) error {
	for i, name := range faultFields {
		given := hasValue(reflect.ValueOf(f).Elem().Field(i))
		switch {
		case slices.Contains(commonFields, name):
		case given && !slices.Contains(row.needed, name) && !slices.Contains(row.optional, name):
			return fmt.Errorf("%s: a %s fault has none", name, f.Kind)
		case !given && slices.Contains(row.needed, name):
			return fmt.Errorf("%s: a %s fault needs it", name, f.Kind)
		}
	}
	return nil
}

// faultFields lists the names of the fields of faults, in order.
var faultFields = fieldNames(reflect.TypeFor[Fault]())

// commonFields lists the fields that faults of every kind may have.
var commonFields = []string{"at", "for", "kind", "aim"}

// hasValue reports whether a field of a plan is more than left out.
func hasValue(v reflect.Value) bool {
	if v.Kind() == reflect.Slice {
		return v.Len() > 0
	}
	return !v.IsZero()
}

func (p *Plan) checkFaultIDs(f *Fault) error {
	var grouped []sim.ID
	for i, g := range f.Groups {
		if len(g) == 0 {
			return fmt.Errorf("groups[%d]: want at least one process", i)
		}
		if err := p.checkIDs(fmt.Sprintf("groups[%d]", i), g, p.process); err != nil {
			return err
		}
		grouped = append(grouped, g...)
	}
	if err := p.checkIDs("groups", grouped, p.process); err != nil {
		return err
	}
	if err := p.checkIDs("sources", f.Sources, p.process); err != nil {
		return err
	}
	if err := p.checkIDs("targets", f.Targets, p.process); err != nil {
		return err
	}
	if err := p.checkIDs("nodes", f.Nodes, p.node); err != nil {
		return err
	}
	for i, l := range f.Links {
		if !p.process(l.From) || !p.process(l.To) || l.From == l.To {
			return fmt.Errorf("links[%d]: %v: want two different processes of the plan", i, l)
		}
	}
	if f.Profile != nil {
		if err := p.checkProfile(f.Profile); err != nil {
			return fmt.Errorf("profile: %w", err)
		}
	}
	return nil
}
