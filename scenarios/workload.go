package scenarios

import "github.com/lockstep-dst/lockstep/checker/model"

// Workload is a kind of objects and the operations that clients request of them. An
// object has a key, and objects of different keys are independent.
//
// Object, Request and Fresh choose from labelled choices. Choice 0 is the simplest, so
// that plans shrink.
type Workload interface {
	// Name names the workload in plans and histories, as in "kv".
	Name() string
	// Model is the sequential behaviour of the objects, by which histories are judged;
	// nil: that of machines, by the plan's definitions.
	Model() *model.Model
	// Object chooses the key of the i-th object of p, from 1. It is a rare one if odd is
	// set: see KeyName.
	Object(c Choices, p *Plan, i int, odd bool) string
	// Request chooses the kind of o and its other fields that the kind has. Its id,
	// client, time, node and key are set. It only reads in that many percent of the
	// cases, if objects can be read.
	Request(c Choices, p *Plan, o *Operation, reads uint64)
	// Fresh chooses the same for an operation of the heal phase. Its outcome must be
	// certain whatever state the object is in: committed, or rejected as Illegal.
	Fresh(c Choices, p *Plan, o *Operation)
	// Check names the first field of o that makes no sense, as in
	//
	//	argument: "x": want a whole number
	Check(p *Plan, o *Operation) error
}

// workload is the workload of the shape: by default machines of its definitions.
func (s Shape) workload() Workload {
	if s.Workload != nil {
		return s.Workload
	}
	return machines{versions: s.Versions, retires: s.Retires}
}

// Objects is the workload of the system: by default machines of its definitions.
func (s *System) Objects() Workload {
	return Shape{Workload: s.Workload, Versions: s.Versions, Retires: s.Retires}.workload()
}
