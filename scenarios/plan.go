package scenarios

import (
	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/sim"
)

// Duration is virtual time, written "1.5ms".
type Duration = netmodel.Duration

// Format and Version head every encoded plan. Version 1 has other names for some
// fields, which are still read: they are in the was tags.
const (
	Format  = "lockstep-plan"
	Version = 2
)

// Limits of a plan.
const (
	MaxNodes      = 7
	MaxClients    = 64
	MaxOperations = 1_000_000
	MaxTime       = 24 * 60 * netmodel.Minute
)

// HealClient is the client that carries out the fresh operations of the heal phase.
const HealClient = 99

// Plan is one run, as data. Everything that happens in the run is a function
// of it; Seed decides only what the plan leaves to chance: the fate of each
// message, latencies, and what a crash leaves of unsynced writes.
type Plan struct {
	Format      string            `json:"format"`
	Version     int               `json:"version"`
	System      string            `json:"system"`
	Seed        uint64            `json:"seed"`
	Nodes       int               `json:"nodes"`   // ids 1, 2, ...
	Clients     int               `json:"clients"` // ids 101, 102, ...
	Definitions []fsm.Definition  `json:"definitions"`
	Knobs       Knobs             `json:"knobs"`
	Network     netmodel.Profile  `json:"network"` // of every link until the heal phase
	Disk        sim.DiskProfile   `json:"disk"`
	Clocks      []sim.Clock       `json:"clocks,omitempty"` // of node 1, 2, ...; the rest are true
	Operations  []Operation       `json:"operations"`       // in the order in which each client issues its own
	Faults      []Fault           `json:"faults,omitempty"`
	Overrides   []MessageOverride `json:"overrides,omitempty" was:"fates"` // messages whose fate is not left to chance
	Heal        Heal              `json:"heal"`
}

// Knobs are the settings of the system under test.
type Knobs struct {
	ConsensusTimeout Duration `json:"consensus_timeout"`                              // a proposal ends after this
	MaxResends       int      `json:"max_resends" was:"retry_attempts"`               // times a message is sent again
	ResendTimeout    Duration `json:"resend_timeout" was:"retry_delay"`               // between two attempts
	ClientTimeout    Duration `json:"client_timeout"`                                 // after this a client's outcome is unknown
	AttemptTimeout   Duration `json:"attempt_timeout,omitempty" was:"client_attempt"` // after this a client asks another node; 0: a little after the consensus timeout
	DedupWindow      int      `json:"dedup_window,omitempty" was:"ring"`              // recent entries that a value keeps; 0: the system's default
	Batch            int      `json:"batch,omitempty"`                                // operations combined into one round; 0: the system's default
	Queue            int      `json:"queue,omitempty"`                                // operations that may wait for one machine; 0: the system's default
	RepairDelay      Duration `json:"repair_delay,omitempty"`                         // nodes compare what they hold so long after a change; 0: the system's default
	RepairRate       int      `json:"repair_rate,omitempty"`                          // bytes a second that a node pulls from others then; 0: the system's default
	Segment          int      `json:"segment,omitempty"`                              // bytes of a file of a node's log; 0: the system's default
	Codec            string   `json:"codec,omitempty"`                                // json or cbor: messages cross the network as bytes; empty: as values
	CodecPercent     int      `json:"codec_percent,omitempty"`                        // with a codec: of the messages, those that do; 0: all
	Forming          bool     `json:"forming,omitempty"`                              // the nodes begin as no cluster yet, and have to form one
	RememberBytes    int      `json:"remember_bytes,omitempty"`                       // of a peer's log, until a node writes down how long it is; 0: the system's default
}

// Kind is what an operation asks for.
type Kind string

// The kinds of operations.
const (
	Propose Kind = "propose" // a transition to Operation.To
	Read    Kind = "read"    // the current state
)

// Operation is something that a client does. A client starts its next operation
// when the one before has ended and its time has come.
type Operation struct {
	ID        string   `json:"id"` // unique in the plan, as in "c1.3"
	Client    int      `json:"client"`
	At        Duration `json:"at"`      // not before
	Node      int      `json:"node"`    // asked first; 0: the client decides
	Machine   string   `json:"machine"` // definition/name
	Kind      Kind     `json:"kind"`
	To        string   `json:"to,omitempty"`                     // propose: the state asked for
	Expect    *uint64  `json:"expect,omitempty"`                 // propose: only at this version; for systems that have versions
	IDScheme  IDScheme `json:"id_scheme,omitempty" was:"manner"` // propose: how the client names it to the nodes; for systems that tell operations apart
	IDOf      string   `json:"id_of,omitempty"`                  // own: not its own id, but that of this earlier operation on the machine
	Watermark uint64   `json:"watermark,omitempty" was:"base"`   // own, forged: the serial number that the client claims to have known before
}

// IDScheme is how a client names an operation to the nodes.
type IDScheme string

// The manners. A client that is a session of the system's makes the best of what it
// knows; the others are what else nodes may be sent, and must not lie to.
const (
	SessionID IDScheme = ""       // as the system's own client does
	OwnID     IDScheme = "own"    // by an id of the client's, and always just the same: nothing says which attempt it is
	ForgedID  IDScheme = "forged" // by an id that says that it carries Base
	NoID      IDScheme = "once"   // by none: it is asked for once
)

// FaultKind says which fields of a Fault count.
type FaultKind string

// The kinds of faults.
const (
	Partition       FaultKind = "partition"        // Groups cannot reach each other
	OneWay          FaultKind = "one_way"          // nothing gets from Sources to Targets
	Cut             FaultKind = "cut"              // nothing passes Links: a partial partition
	ProfileOverride FaultKind = "profile_override" // Links (none: all) follow Profile
	PowerLoss       FaultKind = "power_loss"       // Nodes lose power and restart when it ends
	ProcessCrash    FaultKind = "process_crash"    // Nodes end as processes, their machines stay, and restart when it ends
	DiskFailure     FaultKind = "disk"             // the disks of Nodes suffer What; damage is done when it begins
	Clog            FaultKind = "clog"             // Links (none: all) hold what arrives, and let it go at once when it ends
	Refuse          FaultKind = "refuse"           // sends over Links (none: all) fail where they are made
	Pause           FaultKind = "pause"            // Nodes stop, and take all that has come when it ends; their clocks go on, or Freeze
	Slow            FaultKind = "slow"             // Nodes take events at least Pace apart
	Freeze          FaultKind = "freeze"           // the clocks of Nodes stop, and go on from where they stood
	Wipe            FaultKind = "wipe"             // Nodes lose power, and come back with empty disks when it ends: what they promised is lost
	Rollback        FaultKind = "rollback"         // Nodes restart, and when it ends once more, with their disks as they were when it began; if all others can know
)

// renamedKinds has the names of kinds of faults in plans of version 1.
var renamedKinds = [...]struct{ was, now FaultKind }{{"weather", ProfileOverride}, {"crash", PowerLoss}, {"kill", ProcessCrash}}

// label is the name under which the generator hashes choices about the kind. It stays
// when the name changes, or seeds would be other plans.
func (k FaultKind) label() string {
	for _, r := range renamedKinds {
		if k == r.now {
			return string(r.was)
		}
	}
	return string(k)
}

// Fault is something that goes wrong at a time, for a while.
//
// A fault that happens Every so often goes on for that time and is over for that
// time, in turn: links flap, and nodes restart again and again.
//
// A node that stops because its disk fails is started again when the fault of
// the disk is over. One that refuses to start because of damage stays down for
// the rest of the run, and one whose disk was wiped or rolled back may take part no
// more: so the nodes whose disks are damaged, wiped or rolled back, anywhere in a
// plan, are less than half, together with those that Heal goes without.
type Fault struct {
	At      Duration          `json:"at"`
	For     Duration          `json:"for"`
	Kind    FaultKind         `json:"kind"`
	Groups  [][]sim.ID        `json:"groups,omitempty"`
	Sources []sim.ID          `json:"sources,omitempty"`
	Targets []sim.ID          `json:"targets,omitempty"`
	Links   []netmodel.Link   `json:"links,omitempty"`
	Profile *netmodel.Profile `json:"profile,omitempty"`
	Nodes   []sim.ID          `json:"nodes,omitempty"`
	What    sim.DiskFault     `json:"what,omitempty"`
	Every   Duration          `json:"every,omitempty"`  // faults of links, crash, kill: on and off in turn, each for so long
	Pace    Duration          `json:"pace,omitempty"`   // slow
	Freeze  bool              `json:"freeze,omitempty"` // pause: the clock stops as well, as of a machine that is suspended
	Live    bool              `json:"live,omitempty"`   // rollback: the nodes do not restart when it begins: the copy is of running ones
}

// MessageOverride decides what becomes of one message, named by its address.
type MessageOverride struct {
	Message  sim.Address       `json:"message"`
	Override netmodel.Override `json:"override" was:"verdict"`
}

// Heal is the last phase. At its start every fault ends, every node runs and
// each message takes Delay. When the clients have ended all their operations,
// the nodes of a Repairer must hold the same Within that time, and say nothing in
// the Settle after it.
//
// When Settle has passed, a fresh operation on each machine that the plan uses
// must end for certain, all of them Within that time: committed, or rejected
// because of the state that the machine is in. Nodes in Without are down then,
// and if there are any, all of it is done once more with every node. After
// another Settle all nodes must agree.
//
// If Outside says what becomes of the nodes in Without, it does so from the start
// of the phase, and for good until the others, the core, have ended their fresh
// operations and agree. Only then the rest is joined to them, and the nodes of a
// Repairer get three times Within to come to hold the same.
type Heal struct {
	At        Duration  `json:"at"`
	Delay     Duration  `json:"delay"`
	Within    Duration  `json:"within"`
	Settle    Duration  `json:"settle"`
	Excluded  []sim.ID  `json:"without,omitempty"` // less than half of the nodes
	Exclusion Exclusion `json:"outside,omitempty"` // what becomes of them
}

// Exclusion is what becomes of the nodes that the heal phase goes without.
type Exclusion string

// What may become of them.
const (
	DownAtFirst Exclusion = ""       // they are down for the first fresh operations, when all has been repaired
	StayDown    Exclusion = "down"   // they are down
	StayCutOff  Exclusion = "cut"    // no other node reaches them; clients do
	StayPaused  Exclusion = "paused" // they take no event
)

// Network is the network of the heal phase.
func (h Heal) Network() netmodel.Profile {
	return netmodel.Profile{Delay: netmodel.Delay{Kind: netmodel.Constant, Min: h.Delay}}
}

// NodeID is the process id of node n (from 1).
func NodeID(n int) sim.ID { return sim.ID(n) }

// ClientID is the process id of client c (from 1).
func ClientID(c int) sim.ID { return sim.ID(100 + c) }

// Definition is the definition of a machine, given its key.
func (p *Plan) Definition(machine string) (fsm.Definition, bool) {
	name, _, err := fsm.SplitKey(machine)
	if err != nil {
		return fsm.Definition{}, false
	}
	for _, d := range p.Definitions {
		if d.Name == name {
			return d, true
		}
	}
	return fsm.Definition{}, false
}

// FirstWithSameID finds the first operation before o that asks for the same under the same
// id: the two are one operation. It is nil if there is none.
func (p *Plan) FirstWithSameID(o *Operation) *Operation {
	if o.IDOf == "" {
		return nil
	}
	for i := range p.Operations {
		q := &p.Operations[i]
		if q.ID == o.ID {
			break
		}
		if (q.ID == o.IDOf || q.IDOf == o.IDOf) && q.To == o.To {
			return q
		}
	}
	return nil
}

// Machines lists the machines that the plan uses, in order of first use.
func (p *Plan) Machines() []string {
	var keys []string
	seen := map[string]bool{}
	for i := range p.Operations {
		if key := p.Operations[i].Machine; !seen[key] {
			seen[key] = true
			keys = append(keys, key)
		}
	}
	return keys
}
