package checker

import "github.com/lockstep-dst/lockstep/node/fsm"

// Outcome of an operation, as its client learnt it.
type Outcome string

// Outcomes.
const (
	Committed Outcome = "committed" // it took effect between its call and its return
	Rejected  Outcome = "rejected"  // it took no effect and never will
	Unknown   Outcome = "unknown"   // it may have taken effect, may yet, or never will
)

// Kind of an operation.
type Kind string

// Kinds.
const (
	KindPropose Kind = "propose" // asks a machine to step to a state
	KindRead    Kind = "read"    // asks for a machine's, or register's, current state
	KindWrite   Kind = "write"   // gives a register a value, whatever it held
	KindCAS     Kind = "cas"     // gives a register a value if it holds the one expected (compare and set)
)

// Model is what a history's machines are, that is, what an operation does to
// one of them when nothing else happens.
type Model string

// Models. Registers hold any text, at first NoValue; each is named by its
// machine, which may be any text, even empty.
const (
	ModelMachine     Model = "machine"      // machines of the history's definitions: KindPropose and KindRead; the empty Model too
	ModelRegister    Model = "register"     // one register: KindWrite and KindRead
	ModelCASRegister Model = "cas-register" // one register: KindWrite, KindCAS and KindRead
	ModelKV          Model = "kv"           // a register for each key: operations as of ModelCASRegister
)

// NoValue is what a register holds before it is first written.
const NoValue = "nil"

// ReasonIllegal is the one reason of a rejection that says something of the
// machine: that the step asked for was illegal from its state at the time; or,
// of KindCAS, that the register did not hold the value expected.
// All other reasons say only that the operation had no effect.
const ReasonIllegal = "illegal"

const (
	// NoVersion is the version of an operation that was told none. (Version 0
	// is that of a machine no operation has touched.)
	NoVersion = -1
	// NoReturn is the return of an operation that never returned.
	NoReturn = -1
	// MaxTime is the latest call or return, some 146 years after the start.
	MaxTime = 1 << 62
)

// Operation is one client call. Times are nanoseconds since the start of the
// history, all by one clock.
type Operation struct {
	Client       int    // a client has one operation in flight at a time
	ID           string // unique in the history, as in "c1.3"
	Machine      string // definition/name
	Kind         Kind
	Argument     string // the state a proposal asks for, or the value written; empty for a read
	Expected     string // the value that KindCAS expects; empty otherwise
	Call, Return int64  // Return is ignored when the outcome is unknown, and may be NoReturn
	Outcome      Outcome
	Reason       string // why rejected or unknown: see ReasonIllegal
	State        string // the state the client was told; empty if none. With an illegal proposal: the state that made it so
	Version      int64  // the version of that state; NoVersion if the client was told none
}

// History is what clients did to machines, and how those machines may step.
// The order of operations in the slice means nothing, save that it breaks ties
// of time when a culprit is named.
type History struct {
	Model       Model
	Definitions []fsm.Definition
	Operations  []Operation
}
