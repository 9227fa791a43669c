package scenarios

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/disk"
)

// FaultProfile names a set of families that the generator may use.
type FaultProfile string

// The fault profiles.
const (
	None    FaultProfile = "none"    // constant delay, no faults, every client stays at its node
	Network FaultProfile = "network" // all faults of links: loss, delay, damage, resets, bandwidth, clogs, refusals, partitions, cuts, flaps
	Crashes FaultProfile = "crash"   // power losses and process crashes, with restarts
	Disks   FaultProfile = "disk"    // the same, and disks that fail
	All     FaultProfile = "all"     // all of these, wipes, rollbacks, pauses, slow nodes, clocks that drift or stop, excluded nodes
)

// FaultProfiles lists the fault profiles.
func FaultProfiles() []FaultProfile { return []FaultProfile{None, Network, Crashes, Disks, All} }

// Shape is the part of a plan that the caller of Generate decides. The source
// chooses a number that is zero.
type Shape struct {
	System       string
	Definitions  []fsm.Definition
	Workload     Workload             `json:"-"` // of the system; nil: machines of the definitions
	Knobs        []Knob               `json:"-"` // of the system
	Times        Times                `json:"-"` // of the system
	Adjust       func(Choices, *Plan) `json:"-"` // of the system
	Profile      FaultProfile
	Nodes        int
	Clients      int
	Operations   int
	Machines     int  // machines that the operations are spread over; the plan has only the machines that get one
	Versions     bool // the system has versions, which operations may expect
	Retires      bool // ... and takes fsm.Retired
	OperationIDs bool `json:"Manners,omitempty"` // ... and tells operations apart by their ids
	Majority     bool // a majority of the system's nodes is enough to go on
	ProvesLoss   bool `json:",omitempty"` // ... and its nodes detect lost data
	Forms        bool // its nodes can form their cluster
	Batches      bool // its nodes can take several events as one step
	Connections  bool // its clients are told of their connections
	Creates      bool `json:",omitempty"` // its clients can create definitions
	Bytes        bool `json:",omitempty"` // its messages can cross the network as bytes
	Stops        bool // its nodes stop when they are asked to
	Reconfigures bool `json:",omitempty"` // its members may change
	Levels       int  `json:",omitempty"` // format levels of its nodes

	// Fields that measure the worth of parts of the generator.
	Everything bool     `json:",omitempty"` // every plan has all families that it may have: no swarm
	With       []Family `json:",omitempty"` // families that every plan has that can
	Without    []Family `json:",omitempty"` // families that no plan has
	Aimed      int      `json:",omitempty"` // percentage of seeds that are aimed; 0: the generator's own; Unaimed: none
}

// Shape returns shape with all that it says about the system set from s. The families
// that s cannot bear are added to those that shape leaves out.
func (s *System) Shape(shape Shape) Shape {
	shape.System, shape.Definitions, shape.Workload = s.Name, s.Definitions, s.Workload
	shape.Knobs, shape.Times, shape.Adjust = s.Knobs, s.Times, s.Adjust
	shape.Versions, shape.Retires, shape.OperationIDs, shape.Creates = s.Versions, s.Retires, s.OperationIDs, s.Creates
	shape.Majority, shape.ProvesLoss, shape.Forms = s.Majority, s.ProvesLoss, s.Forms
	shape.Batches, shape.Connections, shape.Bytes, shape.Stops, shape.Reconfigures = s.Batches, s.Connections, s.Bytes, s.Stops, s.Reconfigures
	shape.Levels = s.Levels
	shape.Without = slices.Concat(shape.Without, s.Without)
	return shape
}

// Limits of the generator's own choices. A Shape may exceed them.
const (
	maxDrawnClients    = 5
	maxDrawnOperations = 60
	minDrawnOperations = 20
	maxDrawnMachines   = 3
)

// MaxMachines is the largest Shape.Machines.
const MaxMachines = 1000

// healWithin returns the time that the heal phase has for repair, and then for fresh
// operations on so many machines, one after the other. In ten thousand seeds the longest
// took 5.4 s on 3 machines, and 51 s on 200. Nodes do not fall silent while one of them is
// lost, so much more time costs much.
func (s Shape) healWithin(machines int) Duration {
	if s.Times.Within > 0 {
		return s.Times.Within * Duration(max(maxDrawnMachines, machines))
	}
	return 30*netmodel.Second + netmodel.Second*Duration(max(0, machines-maxDrawnMachines))
}

// Validate names the first field that is out of bounds.
func (s Shape) Validate() error {
	switch {
	case !slices.Contains(FaultProfiles(), s.Profile):
		return fmt.Errorf("profile %q: want one of %v", s.Profile, FaultProfiles())
	case s.Nodes < 0 || s.Nodes > MaxNodes:
		return fmt.Errorf("nodes %d: want 1 to %d, or 0 to leave it to the seed", s.Nodes, MaxNodes)
	case s.Clients < 0 || s.Clients > MaxClients:
		return fmt.Errorf("clients %d: want 1 to %d, or 0 to leave it to the seed", s.Clients, MaxClients)
	case s.Operations < 0 || s.Operations > MaxOperations:
		return fmt.Errorf("ops %d: want 1 to %d, or 0 to leave it to the seed", s.Operations, MaxOperations)
	case s.Machines < 0 || s.Machines > MaxMachines:
		return fmt.Errorf("machines %d: want 1 to %d, or 0 to leave it to the seed", s.Machines, MaxMachines)
	case s.Aimed < Unaimed || s.Aimed > 100:
		return fmt.Errorf("aimed %d: want 1 to 100 percent of the seeds, 0 for the usual share, or %d for none", s.Aimed, Unaimed)
	}
	for _, f := range s.With {
		if !slices.Contains(s.Families(), f) {
			return fmt.Errorf("with %v: no plan of the profile %s has that family here: want some of %v", f, s.Profile, s.Families())
		}
	}
	switch {
	case s.Workload != nil:
		return nil
	case len(s.Definitions) == 0:
		return fmt.Errorf("definitions: want at least one")
	case !slices.ContainsFunc(s.Definitions, canStart):
		return fmt.Errorf("definitions: no transition leaves the initial state of any, so nothing could happen: want one that does")
	}
	return nil
}

// canStart reports whether a machine of d can leave its initial state.
func canStart(d fsm.Definition) bool {
	return slices.ContainsFunc(d.Transitions, func(t fsm.Transition) bool { return t.From == d.Initial })
}

// hasBytes reports whether messages can cross the network as bytes. Systems with
// machines that cannot ignore it.
func (s Shape) hasBytes() bool { return s.Workload == nil || s.Bytes }

func (s Shape) network() bool { return s.Profile == Network || s.Profile == All }
func (s Shape) crashes() bool { return s.Profile == Crashes || s.disks() }
func (s Shape) disks() bool   { return s.Profile == Disks || s.Profile == All }

// Generate expands a seed to a plan.
func Generate(seed uint64, shape Shape) *Plan {
	p := GenerateFrom(FromSeed(seed), shape)
	p.Seed = seed
	return p
}

// GenerateFrom returns the plan that src chooses; its Seed is a choice too. The
// shape must be valid. The plan is valid.
func GenerateFrom(src Source, shape Shape) *Plan {
	c := Choices{src}
	p := &Plan{
		Format: Format, Version: Version, System: shape.System, Workload: shape.workload().Name(), Definitions: shape.Definitions,
		Seed:    c.Choose("seed", 1<<32),
		Nodes:   shape.Nodes,
		Clients: shape.Clients,
	}
	if p.Nodes == 0 {
		p.Nodes = []int{3, 5, 4, 7, 2, 6, 1}[c.Choose("nodes", 7)]
	}
	if p.Clients == 0 {
		p.Clients = c.Between("clients", 1, maxDrawnClients)
	}
	swarm := generateSwarm(c, shape)
	delay := generateEnvironment(c, p, shape, swarm)
	generateKnobs(c, p, shape, delay)
	generateJoiners(c, p, swarm)
	if shape.Workload == nil {
		generateNodeKnobs(c, p, shape)
		generateLimits(c, p, shape)
	}
	generateSettings(c, p, shape)
	generateDefinitions(c, p, shape)
	faultsEnd := generateOperations(c, p, shape, delay)
	generateCreated(c, p, shape)
	generateRepairList(c, p, shape)
	p.Heal = Heal{At: faultsEnd, Delay: delay, Within: shape.healWithin(max(shape.Machines, len(p.Machines()))), Settle: cmp.Or(shape.Times.Settle, 10*netmodel.Second)}
	generateExclusion(c, p, shape, swarm)
	generateFaults(c, p, shape, swarm, faultsEnd)
	generateLevels(c, p, shape, faultsEnd)
	if swarm.has(Rollbacks) && shape.Workload == nil { // logs are short, so nodes must note the length of a peer's log often
		p.Knobs.RememberBytes = 64 << (2 * c.Choose("remember", 4))
		live := func(f Fault) bool { return f.Kind == Rollback && f.Live }
		if slices.ContainsFunc(p.Faults, live) && c.Often("remember all?", 60) { // a copy that lacks few bytes is missed
			p.Knobs.RememberBytes = 1
		}
	}
	if shape.Forms && shape.Profile != None && p.mayForm() == nil {
		p.Knobs.Forming = c.Often("forming?", 40) // of the plans in which it is possible
	}
	if shape.Adjust != nil {
		shape.Adjust(c.Part("adjust", 0), p)
	}
	return p
}

// generateSwarm chooses the families that the plan may have: about half of the
// families that the shape allows, each independently. In one of five it has none that
// makes the delays of links differ.
func generateSwarm(c Choices, shape Shape) familySet {
	var swarm familySet
	for _, f := range shape.Families() {
		share := uint64(50)
		if f == MemberChanges { // it leaves out others
			share = 15
		}
		swarm.add(f, c.Often("family "+f.label(), share) || shape.Everything && f != MemberChanges || slices.Contains(shape.With, f))
	}
	if shape.network() && !shape.Everything && c.Often("equal delays?", 20) && setOf(shape.With...)&setOf(Delays, Reorders, Gaps) == 0 { // messages on different links arrive at the same time
		swarm.remove(Delays, Reorders, Gaps)
	}
	return swarm
}

// generateExclusion chooses the nodes that the heal phase excludes, and how.
func generateExclusion(c Choices, p *Plan, shape Shape, swarm familySet) {
	most := (p.Nodes - 1) / 2
	if !shape.Majority || most == 0 {
		return
	}
	least := 0
	if swarm.has(Exclusions) {
		least = 1
		p.Heal.Exclusion = []Exclusion{StayDown, StayCutOff, StayPaused}[c.Choose("outside", 3)]
	}
	p.Heal.Excluded = c.Nodes("without", p, least, most)
}

// generateEnvironment chooses the behaviour of the network, the disks and the
// clocks for the whole run. It returns the typical latency of a message.
func generateEnvironment(c Choices, p *Plan, shape Shape, swarm familySet) Duration {
	delay := c.Span("delay", 200*netmodel.Microsecond, 4*netmodel.Millisecond)
	p.Network = netmodel.Profile{Delay: netmodel.Delay{Kind: netmodel.Constant, Min: delay}}
	if shape.network() {
		p.Network = generateLink(c, delay, swarm, 100)
	}
	p.Disk = generateDisk(c, shape)
	p.Steps = generateSteps(c, delay, swarm)
	if swarm.has(Drifts) {
		generateClocks(c, p)
	}
	return delay
}

// generateDisk chooses the behaviour of disks without faults.
func generateDisk(c Choices, shape Shape) disk.Profile {
	d := disk.Profile{
		Write: netmodel.Delay{Kind: netmodel.Constant, Min: 20 * netmodel.Microsecond},
		Sync:  netmodel.Delay{Kind: netmodel.Constant, Min: c.Span("sync", 100*netmodel.Microsecond, 2*netmodel.Millisecond)},
	}
	if shape.crashes() {
		d.Keep = netmodel.PPM(c.Choose("keep", uint64(netmodel.Always)))
		d.Tear = netmodel.PPM(c.Choose("tear", uint64(netmodel.Always)))
		d.Sector = []int{512, 64, 16}[c.Choose("sector", 3)]
		if c.Often("other sector?", 25) { // parts of a sector survive, or large ones as a whole
			d.Sector = []int{4096, 4}[c.Choose("other sector", 2)]
		}
		if c.Often("scatter?", 50) {
			d.Scatter = netmodel.PPM(1 + c.Choose("scatter", uint64(netmodel.Always)))
		}
	}
	if shape.disks() && c.Often("latency?", 30) {
		generateLatency(c, &d)
	}
	return d
}

// generateSteps chooses how nodes take events. Steps of a quarter of a message's
// latency let many events gather; those that take one event each are shorter, so
// that nodes keep up.
func generateSteps(c Choices, delay Duration, swarm familySet) (s sim.StepProfile) {
	longest := delay / 16
	if swarm.has(Batches) {
		s.Batch, longest = []int{fullBatch, fullBatch, 2, 8}[c.Choose("batch size", 4)], delay/4
	}
	if swarm.has(StepTimes) {
		s.Time = 1 + Duration(c.Choose("step time", uint64(longest>>(2*c.Choose("step brevity", 4)))))
	}
	return s
}

// generateLatency chooses latencies of a disk: none, the same for writes and syncs,
// or random ones.
func generateLatency(c Choices, d *disk.Profile) {
	switch c.Choose("latency", 4) {
	case 0:
		d.Write.Min, d.Sync.Min = 0, 0
	case 1:
		d.Write = d.Sync
	case 2:
		d.Sync = generateDelay(c.Part("sync latency", 0), d.Sync.Min)
	case 3:
		d.Write = generateDelay(c.Part("write latency", 0), d.Write.Min)
		d.Sync = generateDelay(c.Part("sync latency", 0), d.Sync.Min)
	}
}

// generateClocks chooses clocks of different speeds, and in half of the plans of
// different readings.
func generateClocks(c Choices, p *Plan) {
	apart := c.Often("offsets?", 50)
	for n := range p.Nodes {
		c := c.Part("clock", n)
		clock := sim.Clock{Drift: int32(c.Between("ppm", 0, 200_000) - 100_000)}
		if apart {
			clock.Offset = Duration(c.Choose("offset", uint64(maxOffset)))
		}
		p.Clocks = append(p.Clocks, clock)
	}
}

// maxOffset bounds the first readings of clocks: those of hosts that have been up for
// a year.
const maxOffset = 365 * 24 * 60 * netmodel.Minute

// generateLink chooses a link's profile: each fault of the swarm, in percent of all
// cases.
func generateLink(c Choices, delay Duration, swarm familySet, percent uint64) netmodel.Profile {
	rate := func(f Family, most uint64) netmodel.PPM {
		if !swarm.has(f) || percent < 100 && !c.Often(f.label()+"?", percent) {
			return 0
		}
		return netmodel.PPM(1 + c.Choose(f.label(), most))
	}
	p := netmodel.Profile{
		Drop:      rate(Drops, 250_000),
		Duplicate: rate(Duplicates, 300_000),
		Reorder:   rate(Reorders, 500_000),
		Corrupt:   rate(Corruption, 50_000),
		Reset:     rate(Resets, 50_000),
		Break:     rate(Breaks, 300_000),
		Delay:     netmodel.Delay{Kind: netmodel.Constant, Min: delay},
	}
	if chance := rate(Bursts, 300_000); chance != 0 {
		p.Burst = netmodel.Burst{
			Window: delay * Duration(c.Between("burst window", 1, 8)),
			Chance: chance,
			Drop:   netmodel.PPM(500_000 + c.Choose("burst drop", 500_001)),
		}
	}
	if parts := rate(Gaps, 20); parts != 0 {
		p.Gap = delay / Duration(1+parts)
	}
	if swarm.has(Delays) {
		p.Delay = generateDelay(c, delay)
	}
	return p
}

func generateDelay(c Choices, typical Duration) netmodel.Delay {
	d := netmodel.Delay{Kind: netmodel.DelayKind(1 + c.Choose("delay kind", 3)), Min: typical / 4}
	switch d.Kind {
	case netmodel.Uniform:
		d.Max = 2 * typical
	case netmodel.Exponential:
		d.Mean, d.Max = typical, 20*typical
	case netmodel.Heavy:
		d.Mean, d.Max = typical, 200*typical
	}
	return d
}

// typicalDelay is the delay for which generateDelay has chosen d. The least one is a quarter
// of it: timeouts in proportion to that would be below the time of a round when several
// nodes propose, so that rounds succeed and no operation lives to see it.
func typicalDelay(d netmodel.Delay) Duration {
	switch d.Kind {
	case netmodel.Uniform:
		return d.Max / 2
	case netmodel.Exponential, netmodel.Heavy:
		return d.Mean
	}
	return d.Min
}

// generateKnobs chooses timeouts around the typical time of a round trip with a
// sync, so that they are sometimes too short; without faults they never are.
func generateKnobs(c Choices, p *Plan, shape Shape, delay Duration) {
	trip := 2*delay + 2*typicalDelay(p.Disk.Write) + typicalDelay(p.Disk.Sync) // a batch of the log, and the mark behind it
	shortest := 1
	if shape.Profile == None {
		shortest = 6
	}
	retry := trip * Duration(c.Between("retry", shortest, shortest+6))
	consensus := 2*trip + retry*Duration(c.Between("consensus", 2, 8))
	p.Knobs = Knobs{
		ResendTimeout:    retry,
		MaxResends:       c.Between("attempts", 0, 5),
		ConsensusTimeout: consensus,
		ClientTimeout:    consensus * Duration(c.Between("client", 2, 4)),
	}
	if shape.Profile == None {
		return
	}
	if c.Often("impatient?", 40) { // attempts of one operation overlap
		p.Knobs.AttemptTimeout = consensus / Duration(c.Between("impatient", 1, 4))
	}
	if shape.Workload == nil {
		generateMachineKnobs(c, p, shape, trip)
	}
	if shape.OperationIDs && c.Often("hedge?", 30) {
		p.Knobs.MinAttempt = cmp.Or(p.Knobs.AttemptTimeout, consensus) / Duration(c.Between("hedge", 2, 12))
	}
	if shape.hasBytes() {
		generateCodec(c, p)
	}
}

// generateMachineKnobs chooses the knobs of systems with machines.
func generateMachineKnobs(c Choices, p *Plan, shape Shape, trip Duration) {
	p.Knobs.DedupWindow = 16 >> c.Choose("ring", 4)         // small windows overflow
	if shape.OperationIDs && c.Often("tight window?", 20) { // retries and forwards meet what other clients have pushed out
		p.Knobs.DedupWindow = 1 + int(c.Choose("tight window", 4))
		if p.Knobs.AttemptTimeout == 0 {
			p.Knobs.AttemptTimeout = p.Knobs.ConsensusTimeout / Duration(c.Between("tight attempt", 1, 6))
		}
		if shape.Clients == 0 {
			p.Clients = c.Between("tight clients", 3, maxDrawnClients)
		}
	}
	p.Knobs.Batch = min(p.Knobs.DedupWindow, 1+int(c.Choose("batch", 8)))
	p.Knobs.Queue = 1024 >> (2 * c.Choose("queue", 5))
	if c.Often("segment?", 50) { // small ones roll and are compacted
		p.Knobs.Segment = 128 << c.Choose("segment", 5)
	}
	if c.Often("repair?", 75) { // during the fault phase
		p.Knobs.RepairDelay = trip * Duration(c.Between("repair", 1, 20))
		p.Knobs.RepairRate = 20 << 20 >> (4 * c.Choose("repair rate", 4))
	}
	generateClientKnobs(c, p)
	if shape.Connections && c.Often("http?", 40) {
		p.Knobs.HTTPPercent = 1 + int(c.Choose("http", 100))
	}
	if shape.Connections && c.Often("streams?", 40) {
		p.Knobs.StreamPercent = 1 + int(c.Choose("streams", 100))
		p.Knobs.StreamWindow = 1 + int(c.Choose("stream window", 4))
		if p.Network.Corrupt != 0 || c.Often("stream damage?", 30) {
			p.Knobs.StreamDamage = 1 + int(c.Choose("stream damage", 30))
		}
	}
}

// generateCodec chooses which messages cross the network as bytes.
func generateCodec(c Choices, p *Plan) {
	codec := "binary"
	switch { // the others are for clusters that are being upgraded, and for people
	case c.Often("json?", 15):
		codec = "json"
	case c.Often("cbor?", 30):
		codec = "cbor"
	}
	if p.Network.Corrupt != 0 || c.Often("codec?", 40) {
		p.Knobs.Codec = codec
		if !c.Often("all bytes?", 6) { // encoding takes half of a run's time, and a few messages of each kind find as much
			p.Knobs.CodecPercent = 1 + int(c.Choose("bytes", 12))
		}
	}
}

// generateClientKnobs chooses the limits of a node's clients, mostly the defaults, and
// how the machines are watched and listed. A slow watch with a small buffer is cut off.
func generateClientKnobs(c Choices, p *Plan) {
	k := &p.Knobs
	if c.Often("pending?", 15) {
		k.Pending = 1 << c.Choose("pending", 4)
	}
	if c.Often("watched?", 20) {
		k.WatchPace = 1 + int(c.Choose("watch pace", 32))
		k.WatchBuffer = 1 << c.Choose("watch buffer", 6)
		if c.Often("few watchers?", 15) {
			k.Watchers = 1 + int(c.Choose("watchers", 2))
		}
	}
	if c.Often("listed?", 15) {
		k.ListEvery = 2 + int(c.Choose("list every", 60))
	}
	if c.Often("paged?", 40) { // plans have few machines: pages of one or two make several of them
		k.Page = 1 + int(c.Choose("page", 2))
	}
	if c.Often("watches move?", 30) {
		k.WatchMoves = 4 << c.Choose("watch moves", 6)
	}
	k.HangUp = c.Often("hang up?", 50)
}

// generateOperations chooses the operations of the clients and returns the end of
// the fault phase.
func generateOperations(c Choices, p *Plan, shape Shape, delay Duration) Duration {
	machines := generateMachines(c, p, shape)
	n := shape.Operations
	if n == 0 {
		n = drawOperations(c, len(machines))
	}
	anyNode := shape.Profile != None && c.Often("roam", 50)
	pace := delay * Duration(c.Between("pace", 1, 16)) / 2
	if len(machines) >= minManyMachines && shape.Machines == 0 {
		pace /= 2              // the faults of a plan are few, and should meet operations
		p.Knobs.Segment *= 8   // otherwise a log needs a segment or two for each machine
		p.Knobs.ListEvery *= 8 // a listing may read all of them
	}
	reads := []uint64{30, 30, 60}[c.Choose("reads", 3)]
	begin := 10 * (p.Disk.Write.Min + p.Disk.Sync.Min) // when a node with a log has booted
	faultsEnd := max(pace*Duration(n), cmp.Or(shape.Times.FaultPhase, 10*netmodel.Millisecond))
	simultaneity := Duration(1)
	switch {
	case shape.Profile == None:
	case c.Often("rush?", 30): // many at the same time
		simultaneity = faultsEnd / Duration(c.Between("rush", 1, 8))
	case c.Often("in step?", 30): // a few at the same time
		simultaneity = pace * Duration(c.Between("step", 1, 4))
	}
	counts := make([]int, p.Clients+1)
	for i := range n {
		client := 1 + i%p.Clients
		counts[client]++
		o := Operation{ID: fmt.Sprintf("c%d.%d", client, counts[client]), Client: client}
		o = generateOperation(c.Part("operation", i), p, shape, machines, faultsEnd, reads, o)
		o.At += begin - o.At%simultaneity
		if !anyNode {
			o.Node = 0
		}
		p.Operations = append(p.Operations, o)
	}
	sortByTime(p.Operations)
	if shape.OperationIDs && shape.Profile != None && c.Often("manners?", 60) {
		generateIDSchemes(c, p)
	}
	return begin + faultsEnd
}

// generateIDSchemes chooses id schemes other than that of the system's own client.
// Some operations with an id of their client's are sent again much later, and some
// of their ids are used for another operation.
func generateIDSchemes(c Choices, p *Plan) {
	owned := map[string][]*Operation{} // by machine
	for i := range p.Operations {
		o, c := &p.Operations[i], c.Part("manner", i)
		if o.Kind == Read || !c.Often("other?", 35) {
			continue
		}
		switch o.IDScheme = []IDScheme{OwnID, NoID, ForgedID}[min(2, c.Choose("which", 8)/3)]; o.IDScheme {
		case ForgedID:
			o.Watermark = c.Choose("base", 100)
		case OwnID:
			if c.Often("base?", 20) {
				o.Watermark = c.Choose("base", []uint64{10, 30, 100}[c.Choose("most", 3)])
			}
			if first := owned[o.Key]; len(first) > 0 && c.Often("again?", 50) {
				p.reuseID(c, o, first[c.Choose("of", uint64(len(first)))])
			}
			if o.IDOf == "" {
				owned[o.Key] = append(owned[o.Key], o)
			}
		}
	}
}

// reuseID gives o the id of an earlier operation. o requests the same if it has the
// same client or the operation is handed over to its client, or otherwise another
// transition if there is one.
func (p *Plan) reuseID(c Choices, o, first *Operation) {
	o.IDOf = first.ID
	if !c.Often("other question?", 40) && (first.Client == o.Client || c.Often("handed over?", 50)) {
		o.Argument, o.Expect = first.Argument, first.Expect
		return
	}
	q := p.FirstWithSameID(o)
	switch {
	case q == nil:
	case q.Client == o.Client:
		o.Expect = q.Expect
	default:
		o.IDOf = ""
	}
}

func generateMachines(c Choices, p *Plan, shape Shape) []string {
	n := shape.Machines
	if n == 0 {
		n = drawMachines(c, shape)
	}
	machines := make([]string, n)
	odd := shape.Profile != None && c.Often("odd names?", 10)
	for i := range machines {
		machines[i] = shape.workload().Object(c.Part("machine", i), p, i+1, odd)
	}
	return machines
}

// generateOperation chooses one operation on one of the objects.
func generateOperation(c Choices, p *Plan, shape Shape, objects []string, faultsEnd Duration, reads uint64, o Operation) Operation {
	o.At = Duration(c.Choose("at", uint64(faultsEnd)))
	o.Node = c.Between("node", 1, p.Nodes)
	o.Key = objects[c.Choose("machine", uint64(len(objects)))]
	shape.workload().Request(c, p, &o, reads)
	return o
}

// sortByTime orders operations by time, each client's by number, and assigns each
// client's operations their times in that order.
func sortByTime(ops []Operation) {
	byClient := make([][]Duration, MaxClients+1)
	for i := range ops {
		c := ops[i].Client
		byClient[c] = append(byClient[c], ops[i].At)
	}
	for _, times := range byClient {
		slices.Sort(times)
	}
	for i := range ops {
		times := &byClient[ops[i].Client]
		ops[i].At, *times = (*times)[0], (*times)[1:]
	}
	slices.SortStableFunc(ops, func(a, b Operation) int { return cmp.Compare(a.At, b.At) })
}

// Nodes chooses lo to hi different Nodes of p, in order.
func (c Choices) Nodes(label string, p *Plan, lo, hi int) []sim.ID {
	return c.Among(label, others(p, nil), lo, hi)
}

// Among chooses lo to hi of all, in order.
func (c Choices) Among(label string, all []sim.ID, lo, hi int) []sim.ID {
	c, all = c.Part(label, 0), slices.Clone(all)
	n := c.Between("count", lo, hi)
	if n == 0 {
		return nil
	}
	for i := range n {
		j := i + int(c.Part("pick", i).Choose("node", uint64(len(all)-i)))
		all[i], all[j] = all[j], all[i]
	}
	chosen := all[:n:n]
	slices.Sort(chosen)
	return chosen
}

// others lists the nodes that are not among ids.
func others(p *Plan, ids []sim.ID) []sim.ID {
	var rest []sim.ID
	for n := range p.Nodes {
		if id := NodeID(n + 1); !slices.Contains(ids, id) {
			rest = append(rest, id)
		}
	}
	return rest
}
