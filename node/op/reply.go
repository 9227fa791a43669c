package op

import "fmt"

// Reply answers a Request.
type Reply struct {
	Kind    Kind
	Key     string
	ID      ID
	Attempt uint32
	Outcome Outcome
	Reason  Reason // not committed
	Final   bool   // rejected: holds for all attempts of the operation, earlier and later ones
	// State is the state that the operation led to or read, if committed. With
	// IDConflict it is the state that the operation with the id led to. With
	// Illegal, VersionMismatch, WindowExpired and WatermarkAhead it is the current
	// state.
	State   string
	Version uint64 // of State: transitions made
	Serial  uint64 // of State: entries made; see Stamp
}

// About returns the key of the machine and the id of the operation.
func (m *Reply) About() (string, ID) { return m.Key, m.ID }

func (m *Reply) String() string {
	s := fmt.Sprintf("reply %s %s attempt %d %v", m.Key, m.ID, m.Attempt, m.Outcome)
	if m.Reason != "" {
		s += " " + string(m.Reason)
	}
	if m.Final {
		s += " for good"
	}
	if m.State != "" {
		s += fmt.Sprintf(" %s v%d", m.State, m.Version)
		if m.Serial != m.Version {
			s += fmt.Sprintf("+%d", m.Serial-m.Version)
		}
	}
	return s
}
