package sim

import "github.com/lockstep-dst/lockstep/netmodel"

// ID names a process: nodes are 1 to 99, clients 101 to 255.
type ID = netmodel.ID

// Duration is virtual time in nanoseconds.
type Duration = netmodel.Duration

// Message is what processes say to each other and what a world's owner asks of
// a process. A message is immutable once it is sent. It is a pointer, or a value
// that can be compared.
type Message interface {
	// FateKey is the key under which the network decides what becomes of the
	// message: FateKey of what it is about (kind, machine, first operation),
	// without what changes from try to try (ballots, counters).
	FateKey() uint64
	// Digest is a hash of all that the message says.
	Digest() uint64
	// FateName is Fate in words: the three arguments of its FateKey, separated
	// by spaces. None is empty or has a space.
	FateName() string
	// String is the message in words, for traces.
	String() string
}

// Single is a Message that the network delivers at most once if Single reports true.
type Single interface{ Single() bool }

// Observation is something that a process reports to the world's observer: what it
// has promised, applied, answered. Facts change nothing in the run.
type Observation interface {
	Digest() uint64
	String() string
}

// MultiObservation is a Fact that stands for others, which a trace tells of instead.
type MultiObservation interface{ Each(func(Observation)) }

// Process is the code under test: events in, effects out. Step is its only
// entry; it must be a pure function of the process's own state and its
// arguments. now is the local clock of the process. ev and out are valid
// during the call only.
type Process interface {
	Step(now Duration, ev *Event, out *Effects)
}

// Kind says what an Event is.
type Kind uint8

// The kinds of events.
const (
	Boot       Kind = iota + 1 // the first event of each life: Disk
	Receive                    // a message arrived: From, Message
	Timer                      // a timer fired: Token
	DiskDone                   // a disk request ended: Token, and Err if it failed
	Invoke                     // the world's owner asks something: Message
	SendFailed                 // a send has failed, and nothing has left: Message, From whom it was for
)

func (k Kind) String() string {
	return [...]string{"?", "boot", "receive", "timer", "done", "request", "refused"}[k]
}

// Event is one step's input.
type Event struct {
	Kind    Kind
	From    ID
	Token   uint64
	Message Message
	Err     error
	Disk    Disk
}

// Effects collects what a process does in one step. They happen in the order
// disk requests, sends, timers, facts, at the instant of the step.
type Effects struct {
	sends        []send
	timers       []timerEffect
	disk         []DiskRequest
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

// Send hands m to the network. Its fate is the network's to decide; a process
// reaches itself at once and without faults.
func (e *Effects) Send(to ID, m Message) { e.sends = append(e.sends, send{to, m}) }

// SetTimer asks for a Timer event with token when the local clock has advanced
// by after, which counts as 0 if it is negative. It takes the place of a timer
// with that token which has not gone off; one that a pause keeps waiting has. Timers cannot be cancelled: a process ignores one
// that it no longer wants. A crash forgets them all.
func (e *Effects) SetTimer(token uint64, after Duration) {
	if n := len(e.timers); n > 0 && e.timers[n-1].token == token {
		e.timers = e.timers[:n-1]
	}
	e.timers = append(e.timers, timerEffect{token, after})
}

// Disk asks the disk of the process for r; a Done event with r.Token follows,
// unless r is quiet and succeeds.
func (e *Effects) Disk(r DiskRequest) { e.disk = append(e.disk, r) }

// Observe reports f to the observer.
func (e *Effects) Observe(f Observation) { e.observations = append(e.observations, f) }

// reset empties e. What it held stays until something else takes its place.
func (e *Effects) reset() {
	e.sends, e.timers, e.disk, e.observations = e.sends[:0], e.timers[:0], e.disk[:0], e.observations[:0]
}
