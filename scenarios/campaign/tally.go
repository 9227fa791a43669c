package campaign

// Tally adds up parts of a campaign in any order, as they come. The zero value is empty.
type Tally struct{ state *savedState }

// Add adds a part of seeds that were not added before. An error names how it differs from
// the campaign of the parts before.
func (t *Tally) Add(p *Part) error {
	if t.state == nil {
		s := *p.state
		s.Summary = s.Summary.clone()
		s.Summary.Trail = nil
		t.state = &s
		return nil
	}
	if err := (&Part{t.state}).SameCampaign(p); err != nil {
		return err
	}
	t.state.Start = min(t.state.Start, p.Start())
	t.state.Summary.merge(p.Summary())
	return nil
}

// Seeds is the number of seeds that were added.
func (t *Tally) Seeds() uint64 {
	if t.state == nil {
		return 0
	}
	return t.state.Summary.Seeds
}

// Merged returns the sum. Its hash and LastNew have no meaning. It is not to be called
// before a part was added.
func (t *Tally) Merged() Merged { return t.state.merged() }
