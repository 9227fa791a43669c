package report

import "github.com/lockstep-dst/lockstep/sim"

// Format and Version head every document. A later version only adds fields, or has
// another number.
const (
	Format  = "lockstep-report"
	Version = 1
)

// Time is virtual time since the begin of the run. Its JSON form is a whole number of
// nanoseconds.
type Time int64

// Document explains one failure, or the verdict on one history. Lists that are empty may be absent from its JSON.
type Document struct {
	Format    string `json:"format"`              // lockstep-report
	Version   int    `json:"version"`             // 1
	Kind      string `json:"kind,omitempty"`      // history: of a recorded history, without a plan and messages; absent: of runs of the simulator
	System    string `json:"system"`              // the name of the system under test, or of the history
	About     string `json:"about,omitempty"`     // the system in one line, or the model of the history
	Seed      uint64 `json:"seed,string"`         // 0 of a history; as text: it may have more digits than a number of JavaScript
	Status    string `json:"status"`              // passed, violated or undecided: the verdict on the first run
	Signature string `json:"signature,omitempty"` // of the failure, as in agreement/applied-twice
	Sentence  string `json:"sentence"`            // the verdict in one sentence
	Repeat    string `json:"repeat,omitempty"`    // the command line that repeats the failure
	Build     Build  `json:"build"`               // the code that ran

	Shrinking *Shrinking `json:"shrinking,omitempty"` // absent: the plan was not shrunk
	Runs      []Run      `json:"runs"`                // the shrunk run first, if there is one; then the full one, if it is wanted
	Necessity *Necessity `json:"necessity,omitempty"` // absent: it was not measured
	Nearest   *Nearest   `json:"nearest,omitempty"`   // absent: no plan with one part less passes, or the plan has many parts
	Cut       []string   `json:"cut,omitempty"`       // parts that are left out to bound the size, a sentence each
}

// Build identifies the code that ran.
type Build struct {
	Module   string `json:"module,omitempty"`   // the path of the main module
	Version  string `json:"version,omitempty"`  // its version
	Revision string `json:"revision,omitempty"` // of the version control system
	Modified bool   `json:"modified,omitempty"` // there were further changes
	Go       string `json:"go,omitempty"`       // the version of Go
}

// Shrinking compares the plan of the seed with the shrunk one.
type Shrinking struct {
	Before PlanSize `json:"before"` // of the seed
	After  PlanSize `json:"after"`  // of the shrunk one
}

// PlanSize counts the parts of a plan.
type PlanSize struct {
	Operations int `json:"operations"` // requests of clients
	Faults     int `json:"faults"`     // faults with a time
	Overrides  int `json:"overrides"`  // messages with a fixed fate
}

// Run is one run of one plan, completely.
type Run struct {
	Name      string `json:"name"`                // shrunk; full: of the plan as the seed gave it; plan: of the only plan that is known; passing: see Nearest; history
	Status    string `json:"status"`              // passed, violated or undecided
	Signature string `json:"signature,omitempty"` // of this run's violation
	Sentence  string `json:"sentence"`            // the verdict on it
	Evidence  string `json:"evidence,omitempty"`  // more about the violation, several lines for a person
	Hash      string `json:"hash,omitempty"`      // of all events, 16 hexadecimal digits; absent: of a history
	Count     uint64 `json:"count"`               // events of the world; some of them are none of Events
	First     uint64 `json:"first"`               // the number of the first event that is in the document; 0: all are
	Last      uint64 `json:"last"`                // and of the last one
	End       Time   `json:"end"`                 // the time of the last event
	Heal      Time   `json:"heal"`                // the begin of the heal phase, planned: the run may end before

	Plan       Plan        `json:"plan"`                 // the choice of the seed
	Lanes      []Lane      `json:"lanes"`                // the world, the nodes, the clients
	Events     []Event     `json:"events"`               // in the order in which they happened
	Messages   []Message   `json:"messages,omitempty"`   // in the order in which they were sent
	Marks      []Mark      `json:"marks,omitempty"`      // in the order in which they happened
	Spans      []Span      `json:"spans,omitempty"`      // in order of their begin
	Operations []Operation `json:"operations,omitempty"` // the history of the clients
	Order      []string    `json:"order,omitempty"`      // ids of operations in an order that explains the history; absent: there is none, or it is not known
	Found      *Found      `json:"found,omitempty"`      // the longest order of the last operations of a history; absent: Order has all, or none was found
	Hardest    *Hardest    `json:"hardest,omitempty"`    // of a history that is undecided
	NoReturn   *NoReturn   `json:"no_return,omitempty"`  // absent: it was not measured
	Violation  *Violation  `json:"violation,omitempty"`  // absent: none was found
	States     *States     `json:"states,omitempty"`     // absent: the states of nodes are not known
	Trace      []string    `json:"trace,omitempty"`      // the raw lines, as replay --trace writes them
}

// Plan is the choice of the seed, as short texts. Nothing of it needs to be parsed.
type Plan struct {
	Nodes      int      `json:"nodes"`                // how many
	Clients    int      `json:"clients"`              // how many
	Objects    []string `json:"objects,omitempty"`    // keys of the machines or other objects
	Workload   string   `json:"workload,omitempty"`   // the kind of objects; empty: state machines
	Families   []string `json:"families,omitempty"`   // families of faults
	Summary    []string `json:"summary"`              // topology, knobs, network, disks and clocks, a line each
	Operations []string `json:"operations,omitempty"` // in the order in which each client issues its own
	Faults     []string `json:"faults,omitempty"`     // in the order of the plan
	Overrides  []string `json:"overrides,omitempty"`  // messages with a fixed fate
}

// Lane is a line of life in the diagram: a process, or the world itself.
type Lane struct {
	ID   sim.ID `json:"id"`   // of the process, as in traces; 0 for the world
	Kind string `json:"kind"` // world, node, client, or fresh: the client of the fresh operations after the heal
	Name string `json:"name"` // as in "node 1"
}

// Event is something that happened to a process or to the world. Fields of other types
// name an event by its place in Run.Events, from 0.
type Event struct {
	N       uint64 `json:"n"`                 // the number in traces and of replay --until; 0 before the first. The events of one step may share it
	At      Time   `json:"at"`                // its time
	Lane    sim.ID `json:"lane"`              // 0: the world
	Kind    string `json:"kind"`              // boot, receive, timer, disk, invoke, response: of a history, send failed, disconnected, lost, crash, connection, or action: of the world
	Text    string `json:"text"`              // a description, without time and process
	Message *int   `json:"message,omitempty"` // the message that arrives, or is lost on arrival, by its place in Run.Messages
	Copy    bool   `json:"copy,omitempty"`    // it is the second arrival of that message
	Request *int   `json:"request,omitempty"` // the request to the disk that has ended, by its place in Run.Marks
}

// Message is a message that one process sent to another.
type Message struct {
	From      sim.ID    `json:"from"`                // the sender
	To        sim.ID    `json:"to"`                  // the receiver
	Sent      int       `json:"sent"`                // the event in which it was sent
	At        Time      `json:"at"`                  // when it was sent
	Address   string    `json:"address"`             // its name in plans and traces
	Kind      string    `json:"kind"`                // the first word of its fate name, as in proposal
	Text      string    `json:"text"`                // its content
	Fate      string    `json:"fate"`                // delivered: at least one copy was taken; dropped: when it was sent; lost: on the way or on arrival; open: it was under way when the run ended
	Cause     string    `json:"cause,omitempty"`     // why it was dropped or lost: loss, burst, cut, override, corrupt, reset, refused, down, connection, ...
	Damaged   bool      `json:"damaged,omitempty"`   // its bytes were damaged, and so it was dropped
	Override  bool      `json:"override,omitempty"`  // the plan fixes its fate
	Late      bool      `json:"late,omitempty"`      // its delay was more than twice the typical one
	Reordered bool      `json:"reordered,omitempty"` // it may overtake others
	Breaks    bool      `json:"breaks,omitempty"`    // the connection ends behind it
	Duplicate bool      `json:"duplicate,omitempty"` // two arrivals were due
	Ends      *Time     `json:"ends,omitempty"`      // when its connection ends with it or behind it; else absent
	Arrivals  []Arrival `json:"arrivals,omitempty"`  // one, or two if it was duplicated; none if it was dropped
}

// Arrival is one copy of a message on its way to the receiver.
type Arrival struct {
	Due   Time   `json:"due"`             // when it was to arrive
	Event *int   `json:"event,omitempty"` // the event in which it was taken or lost; absent: never
	At    Time   `json:"at"`              // when that was; Due if it was never
	Lost  string `json:"lost,omitempty"`  // why it was lost; empty: it was taken
}

// Mark is an effect of an event other than a message: a request to the disk, an
// observation, or a change of a file that a power loss may undo.
type Mark struct {
	Event int    `json:"event"`          // the event that has it
	At    Time   `json:"at"`             // its time
	Lane  sim.ID `json:"lane"`           // its process
	Kind  string `json:"kind"`           // sync, disk: another request to it, unsynced: a change of a file that no sync had made durable when its power was lost, observation, or response: of a client
	Name  string `json:"name,omitempty"` // the first word of an observation, as in applied or chosen; the operation of a disk request
	Text  string `json:"text"`           // a description
}

// Span is a condition that lasts for a time.
type Span struct {
	Kind   string     `json:"kind"`             // down; annotation or hardest, of a history; or a kind of fault: partition, one_way, cut, profile_override, disk, disk_crash, clog, refuse, pause, slow, freeze, stop, ...
	Text   string     `json:"text"`             // a description
	From   Time       `json:"from"`             // its begin
	To     Time       `json:"to"`               // its end, or that of the run
	Lanes  []sim.ID   `json:"lanes,omitempty"`  // the processes that have it; none: the whole world
	Sides  [][]sim.ID `json:"sides,omitempty"`  // of a partition: the groups that cannot reach each other
	Links  []Link     `json:"links,omitempty"`  // of other faults of links; none: all
	Fault  *int       `json:"fault,omitempty"`  // its place in Plan.Faults; absent: it is not of the plan
	Begin  *int       `json:"begin,omitempty"`  // of down: the event with which it began
	Finish *int       `json:"finish,omitempty"` // of down: the event with which it ended; absent: it lasts to the end
}

// Link is the way from one process to another.
type Link struct {
	From sim.ID `json:"from"` // the sender
	To   sim.ID `json:"to"`   // the receiver
}

// Operation is a request of a client and the outcome that the client learnt.
type Operation struct {
	ID          string `json:"id"`                     // unique in the run, as in c1.3
	Lane        sim.ID `json:"lane"`                   // of the client
	Key         string `json:"key"`                    // the machine or other object
	Request     string `json:"request"`                // as in "propose Running"
	Call        Time   `json:"call"`                   // when it began
	CallEvent   *int   `json:"call_event,omitempty"`   // the event with which it began
	Return      *Time  `json:"return,omitempty"`       // absent: it never returned
	ReturnEvent *int   `json:"return_event,omitempty"` // the event of its response
	Outcome     string `json:"outcome"`                // committed, rejected or unknown
	Reason      string `json:"reason,omitempty"`       // of a rejection or an unknown outcome
	Result      string `json:"result,omitempty"`       // the state or other result in the response
	Version     *int64 `json:"version,omitempty"`      // of that state
	Contradicts bool   `json:"contradicts,omitempty"`  // it is part of the violation
}

// Violation is where and how a property broke.
type Violation struct {
	Property   string   `json:"property"`             // as in agreement
	Class      string   `json:"class"`                // as in applied-twice
	Sentence   string   `json:"sentence"`             // a description for a person
	Expected   string   `json:"expected,omitempty"`   // the demand of the property, in a sentence
	At         Time     `json:"at"`                   // the time of that
	Event      int      `json:"event"`                // where it shows; later events did not contribute
	Wrong      *int     `json:"wrong,omitempty"`      // the first wrong step, if it is before Event: where the nodes parted for good, where a node had to do last with an operation that never ended, or where a value changed as it must not
	Lane       sim.ID   `json:"lane"`                 // the process of that event
	Object     string   `json:"object,omitempty"`     // the key of the machine or other object
	Events     []int    `json:"events,omitempty"`     // events that contradict each other, in order
	Operations []string `json:"operations,omitempty"` // ids of operations that contradict each other, in order of call
	Premise    string   `json:"premise,omitempty"`    // the states possible before, if the contradiction of operations depends on them
	Values     []string `json:"values,omitempty"`     // names of the values in the states of nodes that it is about
	Causes     []Cause  `json:"causes,omitempty"`     // events that led to it, and things that were missing, in order
	Facts      []string `json:"facts,omitempty"`      // sentences about the contradiction
	Rows       []Row    `json:"rows,omitempty"`       // the contradiction of operations as a table, with the writers of the values seen in it; in order of call
}

// Cause is something that led to a violation: a change of a value that it is about, a message
// that it needed, or the lack of one.
type Cause struct {
	Event   *int   `json:"event,omitempty"`   // where it happened; absent: nowhere
	Lane    sim.ID `json:"lane"`              // the process that it is about
	Text    string `json:"text"`              // as in "promised: 2.1.1 → 3.2.1"
	Missing bool   `json:"missing,omitempty"` // something did not happen
}

// Row is one operation in the table of a contradiction.
type Row struct {
	Operation   string   `json:"operation"`             // its id
	Text        string   `json:"text"`                  // request and response, as in "read 2"
	Contradicts bool     `json:"contradicts,omitempty"` // it belongs to the contradiction; otherwise it wrote a value seen there
	After       []string `json:"after,omitempty"`       // ids of rows that returned before its call; without those before others of these
}

// Found is the longest order that was found for the last operations on one object, until its
// history ends or becomes impossible.
type Found struct {
	From     string      `json:"from"`               // the states in which it may begin: the operations before it may have led there
	Steps    []FoundStep `json:"steps"`              // in order
	Of       int         `json:"of"`                 // operations that it tries to explain, with unknown outcomes too
	Before   int         `json:"before,omitempty"`   // operations before these
	Complete bool        `json:"complete,omitempty"` // it explains all of them
	Doubt    string      `json:"doubt,omitempty"`    // why there may be a longer one, or one that cannot be
}

// FoundStep is an operation that takes effect, and the states that may follow.
type FoundStep struct {
	Operation string `json:"operation"` // its id
	State     string `json:"state"`     // the states after it
}

// Hardest is the window of a history in which most operations overlap: there are most orders
// to try.
type Hardest struct {
	From        Time     `json:"from"`                 // its begin
	To          Time     `json:"to"`                   // its end
	Overlapping int      `json:"overlapping"`          // operations in flight in it that change the object
	Operations  []string `json:"operations,omitempty"` // the first ids of these, in order of call
	Unknown     int      `json:"unknown,omitempty"`    // operations of unknown outcome that may take effect in it
	Help        []string `json:"help,omitempty"`       // changes that would help to judge the history
}

// States are the states of the nodes, as changes. The state of a node at an event is the
// sum of its changes up to there.
type States struct {
	Source  string      `json:"source"`          // dump: the text of the system; values: the fields of its processes
	Changes []Change    `json:"changes"`         // in the order of events
	From    *int        `json:"from,omitempty"`  // the first event with a known state, if it is not the first one
	Until   *int        `json:"until,omitempty"` // the last event with a known state, if it is not the last one
	Gaps    []EventSpan `json:"gaps,omitempty"`  // events between these without a known state: all that changed in a gap is told at its last event
}

// EventSpan is a range of events, with both of its ends.
type EventSpan struct {
	First int `json:"first"` // its first event
	Last  int `json:"last"`  // its last one
}

// Change is the effect of one event on the state of one node. A path has one name for each
// level, with / between them; names may have a / of their own.
type Change struct {
	Event int               `json:"event"`           // the event
	Lane  sim.ID            `json:"lane"`            // the node
	Up    *bool             `json:"up,omitempty"`    // the node is up, or down, from here on; in the first change of each node
	Set   map[string]string `json:"set,omitempty"`   // new values by path
	Unset []string          `json:"unset,omitempty"` // paths that are gone
}

// Necessity is how often the plan fails without one of its parts.
type Necessity struct {
	Signature string         `json:"signature"` // of the failure
	Seeds     int            `json:"seeds"`     // runs of each row
	Rows      []NecessityRow `json:"rows"`      // the first is the unchanged plan
}

// NecessityRow is the result of the plan without one part.
type NecessityRow struct {
	Kind  string `json:"kind"`  // operation, fault, override or network; empty: nothing is removed
	What  string `json:"what"`  // the removed part
	Same  int    `json:"same"`  // runs that failed with the signature
	Other int    `json:"other"` // runs that failed in another way
}

// Nearest is a run that passes, of the plan of the first run without one part, and how the
// two runs differ.
type Nearest struct {
	Kind        string      `json:"kind"`                   // of the removed part: override, fault, network or operation
	What        string      `json:"what"`                   // the removed part
	Run         *int        `json:"run,omitempty"`          // its place in Document.Runs; absent: it is not shown
	Same        int         `json:"same"`                   // events at the beginning that the two runs have in common
	OnlyFailing []int       `json:"only_failing,omitempty"` // events of the first run, up to its violation, that the passing run lacks
	OnlyPassing []int       `json:"only_passing,omitempty"` // events of the passing run, up to that time, that the first run lacks; absent without run
	Parting     []PartingOf `json:"parting,omitempty"`      // for each process that fares differently, its first different event in the two runs
}

// PartingOf is where the life of one process differs first between two runs. A text is empty
// if nothing more happens to the process up to the violation.
type PartingOf struct {
	Lane    sim.ID `json:"lane"`              // the process
	Event   *int   `json:"event,omitempty"`   // its event in the first run; absent: nothing more happens
	Failing string `json:"failing,omitempty"` // that event, with its time and its reports
	Passing string `json:"passing,omitempty"` // the event of the passing run in its place
}

// NoReturn is from when on a failure is certain: how often the run still fails if the choices
// that its plan leaves open are made anew from an instant on.
type NoReturn struct {
	Seeds    int               `json:"seeds"`           // runs from each instant
	Instants []NoReturnInstant `json:"instants"`        // in order; the first is the begin of the run
	Point    *int              `json:"point,omitempty"` // the place in instants of the point of no return: from there on every run fails; absent: some run always avoids the failure
}

// NoReturnInstant is the result from one instant on.
type NoReturnInstant struct {
	N     uint64 `json:"n"`     // the number of the last event before the choices were made anew; 0: none
	At    Time   `json:"at"`    // its time
	Same  int    `json:"same"`  // runs that failed with the signature
	Other int    `json:"other"` // runs that failed in another way
}
