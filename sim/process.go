package sim

import (
	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/sim/disk"
)

// ID identifies a process: nodes are 1 to 99, clients 101 to 255.
type ID = netmodel.ID

// Duration is virtual time in nanoseconds.
type Duration = netmodel.Duration

// Message is sent from process to process, or by the owner of a world to a
// process. A message is immutable once it is sent, for its sender and for its
// receivers, which may have the same memory; Config.Checks finds changes. It is a
// pointer, or a comparable value.
type Message interface {
	// FateKey is the key under which the network decides the fate of the message:
	// the function FateKey of its subject (kind, machine, first operation),
	// without anything that changes from attempt to attempt (ballots, counters).
	FateKey() uint64
	// Digest is a hash of the whole content of the message.
	Digest() uint64
	// FateName is FateKey as text: the three arguments of the function FateKey,
	// separated by spaces. None is empty or has a space.
	FateName() string
	// String is the text form, for traces.
	String() string
}

// Single is a Message that the network never duplicates if Single reports true.
type Single interface{ Single() bool }

// Observation is a report of a process to the world's observer: a promise, a
// transition that it applied, a response. Observations change nothing in the run.
type Observation interface {
	Digest() uint64
	String() string
}

// MultiObservation is an Observation that stands for several others. A trace
// shows the others in its place.
type MultiObservation interface{ Each(func(Observation)) }

// Process is the code under test: events in, effects out. Step is its only entry.
// It must be a pure function of the process's own state and its arguments. now is
// the local clock of the process. ev and out are valid during the call only.
type Process interface {
	Step(now Duration, ev *Event, out *Effects)
}

// Kind is the kind of an Event.
type Kind uint8

// The kinds of events.
const (
	Boot         Kind = iota + 1 // the first event of each life: Disk, and its number as Token, from 1
	Receive                      // a message arrived: From, Message
	Timer                        // a timer fired: Token
	DiskDone                     // a disk request ended: Token, and Err if it failed
	Invoke                       // an invocation of the world's owner: Message
	SendFailed                   // a message was certainly never delivered: Message, and the receiver as From
	Disconnected                 // the connection to From has ended: messages under way, either way, are lost
)

func (k Kind) String() string {
	return [...]string{"?", "boot", "receive", "timer", "done", "request", "refused", "disconnected"}[k]
}

// Event is the input of one step. Kind says which fields are set.
type Event struct {
	Kind    Kind
	From    ID
	Token   uint64
	Message Message
	Err     error
	Disk    disk.View
}

// Effects collects the output of one step. The effects happen at the instant of
// the step, in this order: disk requests, sends, timers, observations.
type Effects struct {
	sends        []send
	timers       []timerEffect
	disk         []disk.Request
	observations []Observation
}

type send struct {
	to  ID
	msg Message
}

type timerEffect struct {
	token uint64
	after Duration
}

// Send hands m to the network, which decides its fate. A message to the sender
// itself arrives at once and without faults.
func (e *Effects) Send(to ID, m Message) { e.sends = append(e.sends, send{to, m}) }

// SetTimer requests a Timer event with token when the local clock has advanced by
// after; a negative value counts as 0. It replaces a pending timer with the same
// token. A timer that is due while the process is paused is not pending any more.
// Timers cannot be cancelled: a process ignores one that it no longer needs. All
// timers end with the life of the process.
func (e *Effects) SetTimer(token uint64, after Duration) {
	if n := len(e.timers); n > 0 && e.timers[n-1].token == token {
		e.timers = e.timers[:n-1]
	}
	e.timers = append(e.timers, timerEffect{token, after})
}

// Disk submits r to the disk of the process. A DiskDone event with r.Token
// follows, unless r is quiet and succeeds.
func (e *Effects) Disk(r disk.Request) { e.disk = append(e.disk, r) }

// DiskRequests returns the disk requests so far, for tests that step a process without a
// world, as on a disk.Model. The slice is valid until the next request.
func (e *Effects) DiskRequests() []disk.Request { return e.disk }

// Observe reports f to the observer.
func (e *Effects) Observe(f Observation) { e.observations = append(e.observations, f) }

// reset empties e. Its memory keeps the old values until new ones replace them.
func (e *Effects) reset() {
	e.sends, e.timers, e.disk, e.observations = e.sends[:0], e.timers[:0], e.disk[:0], e.observations[:0]
}
