package changemodel

import "fmt"

// violation describes the first property that a state violates, or is "".
func (m *model) violation(s *state) string {
	if m.chosenConfig(s, After) && m.chosenConfig(s, Back) {
		return "two configurations of one epoch are chosen"
	}
	for _, i := range m.nodes {
		for _, j := range m.nodes {
			if s.nodes[i].config == After && s.nodes[j].config == Back {
				return fmt.Sprintf("nodes %d and %d have adopted two configurations of one epoch", i+1, j+1)
			}
		}
	}
	before, at := uint8(0), 0 // of the highest ballot chosen so far
	for b := range m.rounds[key] {
		if !m.chosen(s, key, b) {
			continue
		}
		value := s.sent[key][b] - 1
		if before&^value != 0 {
			return fmt.Sprintf("ballot %d has chosen %s, and ballot %d %s: writes are lost", at+1, valueText(key, before), b+1, valueText(key, value))
		}
		before, at = value, b
	}
	return m.readViolation(s)
}

// readViolation is the same for the read.
func (m *model) readViolation(s *state) string {
	if s.reading != readDone {
		return ""
	}
	value := uint8(0)
	if s.shown > 1 {
		value = s.sent[key][s.shown-2] - 1
	}
	if s.must&^value != 0 {
		return fmt.Sprintf("the read shows %s, and %s were chosen when it began", valueText(key, value), valueText(key, s.must))
	}
	for b := int(s.shown) - 1; b < len(m.rounds[key]); b++ {
		if b >= 0 && m.chosen(s, key, b) && value&^(s.sent[key][b]-1) != 0 {
			return fmt.Sprintf("the read has shown %s, and ballot %d has chosen %s", valueText(key, value), b+1, valueText(key, s.sent[key][b]-1))
		}
	}
	return ""
}
