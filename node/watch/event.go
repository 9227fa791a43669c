// Package watch turns the chosen values that a node learns into what is told to those
// who watch machines. It is pure: the server's watches tell their clients with it,
// and in the simulator everybody watches.
package watch

// Event is one line of a watch: exactly one of its fields is set.
//
// The first event of a machine is the State that the watch begins from, or a Gap
// if that is not known any more. Then every chosen transition follows, in the
// order of versions and each once; where some are not known, a Gap says which. Where
// the watch is to begin from a version that a machine has not reached, a Behind says
// so once, before its State.
type Event struct {
	State      *Machine    `json:"state,omitempty"`
	Transition *Transition `json:"transition,omitempty"`
	Gap        *Gap        `json:"gap,omitempty"`
	Behind     *Behind     `json:"behind,omitempty"`
	Heartbeat  *struct{}   `json:"heartbeat,omitempty"` // the connection is alive
	End        *End        `json:"end,omitempty"`       // the last event
}

// Transition is one transition of a machine, chosen for good.
type Transition struct {
	Key       string `json:"key"`
	Version   uint64 `json:"version"` // that it led to
	From      string `json:"from"`
	To        string `json:"to"`
	Operation string `json:"operation"`
}

// Gap is transitions that happened and cannot be told.
type Gap struct {
	Key  string `json:"key"`
	From uint64 `json:"from"` // the first version
	To   uint64 `json:"to"`   // the last
}

// Behind says that a machine has not reached the version to resume from, as far as
// the node knows. Nothing is told of it until it has, and then what follows.
type Behind struct {
	Key     string `json:"key"`
	Version uint64 `json:"version"` // that it is at
	From    uint64 `json:"from"`    // that was asked for
}

// End says why a watch is over.
type End struct {
	Code string `json:"code"` // slow or stopping
	Text string `json:"text"`
}

// Machine is one machine as it was at some time.
type Machine struct {
	Key     string `json:"key"`
	State   string `json:"state"`
	Version uint64 `json:"version"` // transitions made
	Serial  uint64 `json:"serial"`  // entries made: transitions, and operations turned away for good
}
