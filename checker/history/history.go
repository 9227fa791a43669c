package history

import "github.com/lockstep-dst/lockstep/node/fsm"

// Outcome is the outcome of an operation as its client knows it.
type Outcome string

// Outcomes.
const (
	Committed Outcome = "committed" // it took effect between its call and its return
	Rejected  Outcome = "rejected"  // it took no effect and never will
	Unknown   Outcome = "unknown"   // it may have taken effect, may yet, or never will
)

// Kind is the kind of an operation. A Grammar says which texts it has.
type Kind string

// Kinds.
const (
	KindPropose  Kind = "propose"  // asks a machine to step to a state
	KindRead     Kind = "read"     // asks for the whole state of a machine
	KindWrite    Kind = "write"    // gives a register a value, whatever it held
	KindCAS      Kind = "cas"      // gives a register a value if it holds the one expected (compare and set)
	KindDelete   Kind = "delete"   // makes a register one that was never written
	KindAppend   Kind = "append"   // adds to the end of a register's value, or of a list
	KindAcquire  Kind = "acquire"  // takes a lock
	KindRelease  Kind = "release"  // gives a lock back
	KindAdd      Kind = "add"      // adds to a counter, or to a set
	KindRemove   Kind = "remove"   // takes an element out of a set
	KindContains Kind = "contains" // asks whether a set has an element
	KindEnqueue  Kind = "enqueue"  // adds to the end of a queue
	KindDequeue  Kind = "dequeue"  // takes the first of a queue
	KindTxn      Kind = "txn"      // reads and writes several registers in one step, see Transaction
	KindTransfer Kind = "transfer" // moves money from one account to another, see Transfer
)

// Model names the sequential behaviour of the machines of a history: the effect
// of an operation while no other is in flight. Grammars describes the models
// that are known here, and package checker/model has their behaviour.
type Model string

// Models.
const (
	ModelMachine     Model = "machine" // of the history's definitions; the empty Model too
	ModelRegister    Model = "register"
	ModelCASRegister Model = "cas-register"
	ModelKV          Model = "kv"
	ModelLock        Model = "lock"
	ModelCounter     Model = "counter"
	ModelQueue       Model = "queue"
	ModelSet         Model = "set"
	ModelAppendList  Model = "append-list"

	ModelMultiRegister Model = "multi-register"
	ModelBank          Model = "bank"
)

// NoValue is the value of a register that was never written.
const NoValue = "nil"

// ReasonIllegal is the only reason of a rejection that is a claim about the
// machine: the operation was impossible in its state at the time, see
// KindForm.Illegal. All other reasons claim only that the operation had no
// effect.
const ReasonIllegal = "illegal"

const (
	// NoVersion is the version of an operation whose response has none. Version
	// 0 is that of a machine without any transition.
	NoVersion = -1
	// NoReturn is the return of an operation that never returned.
	NoReturn = -1
	// MaxTime is the latest call or return, some 146 years after the start.
	MaxTime = 1 << 62
)

// Operation is one call of a client. Times are nanoseconds since the start of
// the history, all by one clock.
type Operation struct {
	Client       int    // a client has one operation in flight at a time
	ID           string // unique in the history, as in "c1.3"
	Machine      string // the object; of ModelMachine definition/name
	Kind         Kind
	Argument     string // the requested state of a proposal, the value written, the element added; empty for a read
	Expected     string // the value that KindCAS expects; empty otherwise
	Call, Return int64  // Return is ignored when the outcome is unknown, and may be NoReturn
	Outcome      Outcome
	Reason       string // of a rejection or an unknown outcome: see ReasonIllegal
	State        string // state, or other result, in the response; empty if none. Of an illegal proposal: the state from which it was illegal
	Version      int64  // version of that state; NoVersion if the response has none
}

// History is a set of operations and the definitions of their machines. The
// order of Operations matters only if times are equal: it then decides which
// operation is the culprit.
type History struct {
	Model       Model
	Definitions []fsm.Definition
	Initial     string // state of each object before its first operation, of the shape of Grammar.Initial; empty: that of the model
	Operations  []Operation
	Annotations []Annotation // what else happened, as faults; judged by nobody
}
