package scenarios

import (
	"errors"
	"fmt"

	"github.com/lockstep-dst/lockstep/checker/model"
	"github.com/lockstep-dst/lockstep/node/fsm"
)

// machines is the workload of systems that replicate state machines: proposals of
// transitions, and reads. Keys are definition/name.
type machines struct {
	versions bool // proposals may expect a version
	retires  bool // machines may be retired
}

// Name implements Workload. Plans and histories of machines name no workload.
func (machines) Name() string { return "" }

// Model implements Workload.
func (machines) Model() *model.Model { return nil }

// Object implements Workload.
func (machines) Object(c Choices, p *Plan, i int, odd bool) string {
	d := p.Definitions[c.Choose("definition", uint64(len(p.Definitions)))]
	return d.Name + "/" + KeyName(c, "m", i, odd)
}

// Request implements Workload. A proposal's target is a state that is reachable from
// some state, so that many proposals are legal when they arrive.
func (m machines) Request(c Choices, p *Plan, o *Operation, reads uint64) {
	if o.Kind = Propose; c.Often("read", reads) {
		o.Kind = Read
		return
	}
	d, _ := p.Definition(o.Key)
	if len(d.Transitions) == 0 {
		o.Argument = d.Initial
	} else {
		o.Argument = d.Transitions[c.Choose("to", uint64(len(d.Transitions)))].To
	}
	if m.retires && c.Often("retire?", 1) {
		o.Argument = fsm.Retired
	}
	if m.versions && c.Often("expect?", 10) {
		version := c.Choose("expect", 12)
		o.Expect = &version
	}
}

// Fresh implements Workload.
func (machines) Fresh(c Choices, p *Plan, o *Operation) {
	d, _ := p.Definition(o.Key)
	if d.Name == fsm.MetaName {
		_, name, _ := fsm.SplitKey(o.Key)
		o.Kind, o.Argument = Define, p.chooseCompeting(c, name)
		return
	}
	o.Kind, o.Argument = Propose, d.States[c.Choose("to", uint64(len(d.States)))]
}

// Check implements Workload.
func (machines) Check(p *Plan, o *Operation) error {
	if _, _, err := fsm.SplitKey(o.Key); err != nil {
		return fmt.Errorf("key: %w", err)
	}
	if err := p.checkDefine(o); err != nil {
		return err
	}
	d, ok := p.Definition(o.Key)
	switch {
	case !ok:
		return fmt.Errorf("key: %q: its definition is not among the plan's, or is not one of created", o.Key)
	case o.Kind == Propose && !d.Has(o.Argument):
		return fmt.Errorf("argument: %q is no state of %s; its states are %v", o.Argument, d.Name, d.States)
	case o.Kind == Read && o.Argument != "":
		return fmt.Errorf("argument: %q: a read requests no state", o.Argument)
	case o.Kind == Read && o.Expect != nil:
		return errors.New("expect: a read expects no version")
	case o.Expected != "":
		return fmt.Errorf("expected: %q: a machine has versions to expect: see expect", o.Expected)
	case o.Kind != Propose && o.Kind != Read && o.Kind != Define:
		return fmt.Errorf("kind: %q: want %q, %q or %q", o.Kind, Propose, Read, Define)
	}
	return nil
}
