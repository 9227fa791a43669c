package scenarios

import (
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/disk"
)

// Duration is virtual time, written "1.5ms".
type Duration = netmodel.Duration

// Format and Version head every encoded plan. Versions 1 and 2 have other names for
// some fields. They are still read: the was tags list them.
const (
	Format  = "lockstep-plan"
	Version = 3
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

// Plan is one run, as data. Everything that happens in the run is a function of it.
// Seed decides only the choices that the plan leaves open: the fate of each
// message, latencies, and the unsynced writes that survive a power loss.
type Plan struct {
	Format      string            `json:"format"`
	Version     int               `json:"version"`
	System      string            `json:"system"`
	Workload    string            `json:"workload,omitempty"` // the kind of objects; empty: machines of the definitions
	Seed        uint64            `json:"seed"`
	Nodes       int               `json:"nodes"`                 // ids 1, 2, ...
	Clients     int               `json:"clients"`               // ids 101, 102, ...
	Definitions []fsm.Definition  `json:"definitions,omitempty"` // of machines
	Created     []string          `json:"created,omitempty"`     // names of those definitions that no node is configured with: clients create them
	Competing   []fsm.Definition  `json:"competing,omitempty"`   // more definitions with names of created: the one that is chosen first is the definition
	Knobs       Knobs             `json:"knobs"`
	Settings    []Setting         `json:"settings,omitempty"`   // values of the system's own knobs; the others have their default
	NodeKnobs   []NodeKnobs       `json:"node_knobs,omitempty"` // each node's in the order of lives
	Network     netmodel.Profile  `json:"network"`              // of every link until the heal phase
	Disk        disk.Profile      `json:"disk"`
	Steps       sim.StepProfile   `json:"steps,omitzero"`   // of every node
	Clocks      []sim.Clock       `json:"clocks,omitempty"` // of node 1, 2, ...; the rest are exact
	Operations  []Operation       `json:"operations"`       // in the order in which each client issues its own
	Faults      []Fault           `json:"faults,omitempty"`
	Overrides   []MessageOverride `json:"overrides,omitempty" was:"fates"` // messages with a fixed fate
	Heal        Heal              `json:"heal"`
}

// Knobs are the settings of the system under test.
type Knobs struct {
	ConsensusTimeout Duration `json:"consensus_timeout"`                              // time until a proposal ends
	MaxResends       int      `json:"max_resends" was:"retry_attempts"`               // resends of a message
	ResendTimeout    Duration `json:"resend_timeout" was:"retry_delay"`               // time until an unanswered message is sent again
	ClientTimeout    Duration `json:"client_timeout"`                                 // time until a client's outcome is unknown
	AttemptTimeout   Duration `json:"attempt_timeout,omitempty" was:"client_attempt"` // time until a client tries another node; 0: a little more than the consensus timeout
	MinAttempt       Duration `json:"min_attempt_timeout,omitempty"`                  // a client tries another node as early as this, if the first usually responds sooner; 0: not before attempt_timeout
	DedupWindow      int      `json:"dedup_window,omitempty" was:"ring"`              // entries of a dedup window; 0: the system's default
	Batch            int      `json:"batch,omitempty"`                                // operations of one round; 0: the system's default
	Queue            int      `json:"queue,omitempty"`                                // operations that may wait for one machine; 0: the system's default
	RepairDelay      Duration `json:"repair_delay,omitempty"`                         // time from a change until nodes compare their values; 0: the system's default
	RepairRate       int      `json:"repair_rate,omitempty"`                          // bytes a second that repair pulls from other nodes; 0: the system's default
	RepairList       int      `json:"repair_list,omitempty"`                          // entries of a list in a message of repair; 0: the system's default
	Segment          int      `json:"segment,omitempty"`                              // bytes of a log segment; 0: the system's default
	Codec            string   `json:"codec,omitempty"`                                // binary, cbor or json: messages cross the network as bytes; empty: as values
	CodecPercent     int      `json:"codec_percent,omitempty"`                        // with a codec: percentage of messages that it encodes; 0: all
	HTTPPercent      int      `json:"http_percent,omitempty"`                         // percentage of messages from and to clients that take the form of HTTP; 0: none
	StreamPercent    int      `json:"stream_percent,omitempty"`                       // percentage of clients that speak the framed protocol, over connections of bytes; 0: none
	StreamWindow     int      `json:"stream_window,omitempty"`                        // requests that may be unfinished on such a connection; 0: 1
	StreamDamage     int      `json:"stream_damage,omitempty"`                        // of a thousand chunks of such a connection, how many are damaged; 0: none
	Forming          bool     `json:"forming,omitempty"`                              // the nodes start without a cluster and have to form one
	Joiners          int      `json:"joiners,omitempty"`                              // the last so many nodes are no members at first, and may join
	Pending          int      `json:"pending,omitempty"`                              // requests that may wait for one node; 0: the system's default
	Watchers         int      `json:"watchers,omitempty"`                             // watches of one node; 0: the system's default
	WatchBuffer      int      `json:"watch_buffer,omitempty"`                         // changes that may wait for one watch; 0: the system's default
	WatchPace        int      `json:"watch_pace,omitempty"`                           // more clients watch each node, and take changes at every so many steps of the node; 0: none
	ListEvery        int      `json:"list_every,omitempty"`                           // a client lists the machines of each node at every so many of its steps; 0: never
	Backlog          int      `json:"backlog,omitempty"`                              // bytes of a log that may await a sync; 0: the system's default
	MachineQuota     int      `json:"machine_quota,omitempty"`                        // machines that a node creates; 0: the system's default
	MachineBytes     int      `json:"machine_bytes,omitempty"`                        // bytes of machines from which on a node creates no other; 0: the system's default
	FirstBoot        uint64   `json:"first_boot,omitempty"`                           // boot number of a node's first life; 0: 1
	FirstRound       uint64   `json:"first_round,omitempty"`                          // round number of a machine's first round; 0: 1
	FirstSerial      uint64   `json:"first_serial,omitempty"`                         // serial of machines without entries, as in a cluster that was restored from a backup
	RoundLeap        int      `json:"round_leap,omitempty"`                           // rounds by which a message may be ahead of what a node knows of its machine at any time; 0: the system's default
	Page             int      `json:"page,omitempty"`                                 // machines that a node reads in one step for a listing or a watch; 0: the system's default
	HangUp           bool     `json:"hang_up,omitempty"`                              // clients hang up when they wait no longer: nodes learn that they have gone
	WatchMoves       int      `json:"watch_moves,omitempty"`                          // clients watch one node at a time, and move to another when it ends or after so many of its steps; 0: none
	RememberBytes    int      `json:"remember_bytes,omitempty"`                       // growth of a peer's log, in bytes, until a node notes its length; 0: the system's default
}

// Kind is the kind of an operation.
type Kind string

// The kinds of operations on machines. Other workloads have others.
const (
	Propose Kind = "propose" // a transition to Operation.To
	Read    Kind = "read"    // the current state
	Define  Kind = "define"  // the creation of the definition whose name is the machine's
)

// Operation is a request of a client. A client starts its next operation when the
// one before has ended and its time has come.
type Operation struct {
	ID        string   `json:"id"` // unique in the plan, as in "c1.3"
	Client    int      `json:"client"`
	At        Duration `json:"at"`                // not before
	Node      int      `json:"node"`              // the first node to try; 0: the client decides
	Key       string   `json:"key" was:"machine"` // names the object that it is about: a machine is definition/name; definition/NAME holds a created definition
	Kind      Kind     `json:"kind"`
	Argument  string   `json:"argument,omitempty" was:"to"`      // of the kind: the requested state of a proposal, the value that is written
	Expected  string   `json:"expected,omitempty"`               // compare and set: the value that must be there
	Expect    *uint64  `json:"expect,omitempty"`                 // propose: only at this version; for systems that have versions
	IDScheme  IDScheme `json:"id_scheme,omitempty" was:"manner"` // propose: how the client names it to the nodes; for systems that tell operations apart
	IDOf      string   `json:"id_of,omitempty"`                  // own: not its own id, but that of this earlier operation on the machine
	Watermark uint64   `json:"watermark,omitempty" was:"base"`   // own, forged: the serial that the id carries
}

// IDScheme is how a client names an operation to the nodes.
type IDScheme string

// The id schemes. A session of the system's client makes the best use of its
// knowledge. The others are further requests that nodes may receive and must answer
// truthfully.
const (
	SessionID IDScheme = ""       // as the system's own client does
	OwnID     IDScheme = "own"    // an id of the client's, always the same: it does not identify the attempt
	ForgedID  IDScheme = "forged" // an id that claims to carry Watermark
	NoID      IDScheme = "once"   // no id: it is requested once
)

// MessageOverride fixes the fate of one message, named by its address.
type MessageOverride struct {
	Message  sim.Address       `json:"message"`
	Override netmodel.Override `json:"override" was:"verdict"`
}

// Heal is the last phase, on the healed network. At its start every fault ends,
// every node runs, and from then on each message takes Delay. When the clients have
// ended all their operations, the nodes of a Repairer must hold the same values
// Within that time, and send nothing in the Settle after it.
//
// When Settle has passed, a fresh operation on each machine of the plan must end
// with a certain outcome, all of them Within that time: committed, or rejected
// because of the machine's state. Nodes in Excluded are down then. If there are
// any, all fresh operations are repeated with every node. After another Settle all
// nodes must agree.
//
// If Exclusion is set, it applies to the nodes in Excluded from the start of the
// phase, until the others, the core, have ended their fresh operations and agree.
// Only then the excluded nodes join the core, and the nodes of a Repairer get three
// times Within to reach the same values.
type Heal struct {
	At        Duration  `json:"at"`
	Delay     Duration  `json:"delay"`
	Within    Duration  `json:"within"`
	Settle    Duration  `json:"settle"`
	Excluded  []sim.ID  `json:"without,omitempty"` // less than half of the nodes
	Exclusion Exclusion `json:"outside,omitempty"` // how they are excluded
}

// Exclusion is the way in which the heal phase excludes nodes.
type Exclusion string

// The exclusions.
const (
	DownAtFirst Exclusion = ""       // they are down for the first fresh operations, after repair
	StayDown    Exclusion = "down"   // they are down
	StayCutOff  Exclusion = "cut"    // no other node reaches them; clients do
	StayPaused  Exclusion = "paused" // they take no events
)

// GoString names the plan in a few words: rapid shows all that a property has drawn, and a
// plan has thousands.
func (p *Plan) GoString() string {
	if p == nil {
		return "(*scenarios.Plan)(nil)"
	}
	return fmt.Sprintf("plan(%s, %d nodes, %d clients, %d operations, %d faults, %d overrides)",
		p.System, p.Nodes, p.Clients, len(p.Operations), len(p.Faults), len(p.Overrides))
}

// Network is the network of the heal phase.
func (h Heal) Network() netmodel.Profile {
	return netmodel.Profile{Delay: netmodel.Delay{Kind: netmodel.Constant, Min: h.Delay}}
}

// NodeID is the process id of node n (from 1).
func NodeID(n int) sim.ID { return sim.ID(n) }

// ClientID is the process id of client c (from 1).
func ClientID(c int) sim.ID { return sim.ID(nodeIDs + c) }

// IsClient reports whether a process is a client: see ClientID.
func IsClient(id sim.ID) bool { return id > nodeIDs }

// ClientNumber returns c of the process ClientID(c).
func ClientNumber(id sim.ID) int { return int(id) - nodeIDs }

// nodeIDs bounds the process ids of nodes; those of clients follow.
const nodeIDs = 100

// Definition returns the definition of a machine, given its key.
func (p *Plan) Definition(machine string) (fsm.Definition, bool) {
	name, machineName, err := fsm.SplitKey(machine)
	if err != nil {
		return fsm.Definition{}, false
	}
	if name == fsm.MetaName {
		return fsm.MetaDefinition(), slices.Contains(p.Created, machineName)
	}
	for _, d := range p.Definitions {
		if d.Name == name {
			return d, true
		}
	}
	return fsm.Definition{}, false
}

// FirstWithSameID finds the first operation before o that requests the same under
// the same id: the two are one operation. It is nil if there is none.
func (p *Plan) FirstWithSameID(o *Operation) *Operation {
	if o.IDOf == "" {
		return nil
	}
	for i := range p.Operations {
		q := &p.Operations[i]
		if q.ID == o.ID {
			break
		}
		if (q.ID == o.IDOf || q.IDOf == o.IDOf) && q.Argument == o.Argument {
			return q
		}
	}
	return nil
}

// Machines lists the machines that the plan uses: first those of the created
// definitions, which the others need, then the others in order of first use.
func (p *Plan) Machines() []string {
	var keys []string
	seen := map[string]bool{}
	for _, name := range p.Created {
		key := definitionKey(name)
		seen[key] = true
		keys = append(keys, key)
	}
	for i := range p.Operations {
		if key := p.Operations[i].Key; !seen[key] {
			seen[key] = true
			keys = append(keys, key)
		}
	}
	return keys
}
