// Package watch has the events of a watch, and the client's side of one that goes on at
// another node. It is pure, and imports nothing: clients, servers and the simulator use it.
// Package service makes the events.
//
// Other modules should not import it: docs/API.md promises nothing of it.
package watch

// Event is one line of a watch. Exactly one of its fields is set.
//
// The first event of a machine is the State that the watch begins from, or a Gap if
// that state is no longer known. Then come all chosen transitions, in the order of
// versions and each once; a Gap stands for unknown ones. If the watch is to resume
// from a version that the machine has not reached, a Behind comes once, before the
// State.
type Event struct {
	State      *Machine    `json:"state,omitempty"`
	Transition *Transition `json:"transition,omitempty"`
	Gap        *Gap        `json:"gap,omitempty"`
	Behind     *Behind     `json:"behind,omitempty"`
	Heartbeat  *struct{}   `json:"heartbeat,omitempty"` // sent while the connection is idle
	End        *End        `json:"end,omitempty"`       // the last event
}

// Transition is one chosen transition of a machine.
type Transition struct {
	Key       string `json:"key"`
	Version   uint64 `json:"version"` // after the transition
	From      string `json:"from"`
	To        string `json:"to"`
	Operation string `json:"operation"`
}

// Gap is a range of transitions that happened but are no longer known.
type Gap struct {
	Key  string `json:"key"`
	From uint64 `json:"from"` // the first version
	To   uint64 `json:"to"`   // the last
}

// Behind means that a machine has not reached the version to resume from, as far as
// the node knows. Its events begin once it has.
type Behind struct {
	Key     string `json:"key"`
	Version uint64 `json:"version"` // the machine's
	From    uint64 `json:"from"`    // the requested one
}

// End is the reason why a watch ended.
type End struct {
	Code string `json:"code"` // slow or stopping
	Text string `json:"text"`
}

// Machine is the state of one machine at some time.
type Machine struct {
	Key     string `json:"key"`
	State   string `json:"state"`
	Version uint64 `json:"version"` // transitions made
	Serial  uint64 `json:"serial"`  // entries made: transitions and abort tombstones
}
