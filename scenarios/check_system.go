package scenarios

import (
	"fmt"
	"reflect"
)

// FamiliesOfLoss are the families of faults after which a node's disk lacks what was
// durable. They are for systems that prove the loss: see System.ProvesLoss.
func FamiliesOfLoss() []Family { return []Family{DiskDamage, Wipes, Rollbacks} }

// Check names the first place in p, which is valid, that makes no sense for s.
func (s *System) Check(p *Plan) error {
	if p.System != s.Name {
		return fmt.Errorf("%w: system: the plan is for %q, not for %q", ErrPlan, p.System, s.Name)
	}
	w := s.Objects()
	if p.Workload != w.Name() {
		return fmt.Errorf("%w: workload: %q: %s has %q", ErrPlan, p.Workload, s.Name, w.Name())
	}
	for i := range p.Settings {
		if err := checkSetting(&p.Settings[i], s.Knobs); err != nil {
			return fmt.Errorf("%w: settings[%d].%w", ErrPlan, i, err)
		}
	}
	if err := s.checkLevels(p); err != nil {
		return err
	}
	if s.Workload == nil {
		return nil // Validate has checked its operations
	}
	if name := machineKnob(p); name != "" {
		return fmt.Errorf("%w: %s: %s has no such knob", ErrPlan, name, s.Name)
	}
	for i := range p.Operations {
		if err := w.Check(p, &p.Operations[i]); err != nil {
			return fmt.Errorf("%w: operations[%d].%w", ErrPlan, i, err)
		}
	}
	return nil
}

// machineKnob is the path of a knob that only systems with machines have and that p
// sets, or "".
func machineKnob(p *Plan) string {
	general := Knobs{
		ConsensusTimeout: p.Knobs.ConsensusTimeout, MaxResends: p.Knobs.MaxResends, ResendTimeout: p.Knobs.ResendTimeout,
		ClientTimeout: p.Knobs.ClientTimeout, AttemptTimeout: p.Knobs.AttemptTimeout,
		Codec: p.Knobs.Codec, CodecPercent: p.Knobs.CodecPercent,
	}
	if len(p.NodeKnobs) > 0 {
		return "node_knobs"
	}
	given, rest := reflect.ValueOf(p.Knobs), reflect.ValueOf(general)
	for i := range given.NumField() {
		if given.Field(i).Interface() != rest.Field(i).Interface() {
			return "knobs." + jsonName(given.Type().Field(i))
		}
	}
	return ""
}
