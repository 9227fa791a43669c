package scenarios

import (
	"cmp"
	"slices"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/sim"
)

// timeline is the state that the generator needs to choose the faults of the fault
// phase.
type timeline struct {
	plan       *Plan
	swarm      familySet
	damageable []sim.ID // nodes that may be lost
	faultsEnd  Duration // end of the fault phase
}

// scheduledKinds lists the kinds of faults that have a place in time, in the order
// in which they are chosen.
var scheduledKinds = []FaultKind{ProfileOverride, Partition, OneWay, Cut, Clog, Refuse, PowerLoss, ProcessCrash, DiskFailure, Wipe, Rollback, Pause, Slow, Freeze, DiskCrash, Stop}

// maxEach bounds the faults of one kind in a plan.
const maxEach = 2

// generateFaults chooses the faults of the fault phase: one or two of each kind
// that the swarm has.
func generateFaults(c Choices, p *Plan, shape Shape, swarm familySet, faultsEnd Duration) {
	t := timeline{plan: p, swarm: swarm, damageable: chooseDamageable(c, p, shape), faultsEnd: faultsEnd}
	for _, kind := range scheduledKinds {
		if !t.enabled(kind, shape) {
			continue
		}
		for i := range c.Between(kind.label()+"s", 1, maxEach) {
			t.generate(c.Part("fault "+kind.label(), i), kind)
		}
	}
	slices.SortStableFunc(p.Faults, func(a, b Fault) int { return cmp.Compare(a.At, b.At) })
}

// enabled reports whether the plan has faults of a kind.
func (t *timeline) enabled(kind FaultKind, shape Shape) bool {
	switch kind {
	case ProfileOverride:
		return shape.network() && t.swarm != 0
	case DiskFailure:
		return t.swarm.has(DiskErrors) || t.swarm.has(DiskDamage) && len(t.damageable) > 0
	case Wipe, Rollback:
		return t.swarm.has(familyOfKind[kind]) && len(t.damageable) > 0
	case Partition, OneWay, Cut:
		return t.swarm.has(familyOfKind[kind]) && t.plan.Nodes > 1
	}
	return t.swarm.has(familyOfKind[kind])
}

// generate chooses a fault of a kind, and the faults that accompany it.
func (t *timeline) generate(c Choices, kind FaultKind) {
	f := Fault{
		Kind: kind,
		At:   Duration(c.Choose("at", uint64(t.faultsEnd))),
		For:  1 + Duration(c.Choose("for", uint64(t.faultsEnd/4))),
	}
	t.setTargets(c, &f)
	young := kind == Rollback && c.Often("young?", 40)
	if young { // the copy lacks the end of a life, and no whole life
		f.Live, f.For = true, 1+Duration(c.Choose("young", 32*uint64(t.plan.Heal.Delay)))
	}
	switch {
	case f.ofLinks() && t.swarm.has(Flaps) && c.Often("flap?", 50):
		f.Every = togglePeriod(c, f.For, 20)
	case (kind == PowerLoss || kind == ProcessCrash) && t.swarm.has(Restarts) && c.Often("again?", 60):
		f.Every = togglePeriod(c, f.For, 8)
		if c.Often("while it boots?", 40) { // booting takes a few syncs
			f.Every = 1 + Duration(c.Choose("boots", 8*max(1, uint64(t.plan.Disk.Sync.Min))))
			f.For = min(f.For, 12*f.Every)
		}
	}
	t.plan.Faults = append(t.plan.Faults, f)
	switch {
	case kind == Rollback && t.swarm.has(PowerLosses) && t.swarm.has(Restarts) && c.Often("restarts?", 80): // an older copy grows with each start
		every := 1 + Duration(c.Choose("boots", 8*max(1, uint64(t.plan.Disk.Sync.Min))))
		if young { // long enough for the first record of a boot, and often too short for more
			every = 4*t.plan.Disk.Sync.Min + every/2
		}
		t.plan.Faults = append(t.plan.Faults, Fault{
			Kind: PowerLoss, At: min(f.At+f.For+1, t.faultsEnd), For: 24 * every, Every: every, Nodes: f.Nodes,
		})
	case kind == DiskFailure && c.Often("restart?", 75):
		t.plan.Faults = append(t.plan.Faults, generateRestart(c, f, t.faultsEnd))
	case (kind == PowerLoss || kind == ProcessCrash) && f.Every == 0 && c.Often("once more?", 50): // during recovery, or soon after
		f.At = min(f.At+f.For+c.Span("once more", 0, 10*netmodel.Millisecond), t.faultsEnd)
		f.For = 1 + Duration(c.Choose("once more for", uint64(t.faultsEnd/8)))
		t.plan.Faults = append(t.plan.Faults, f)
	}
}

// togglePeriod chooses the period of a fault that is on and off in turn.
func togglePeriod(c Choices, length Duration, most int) Duration {
	return 1 + length/Duration(c.Between("every", 2, most))
}

func (t *timeline) setTargets(c Choices, f *Fault) {
	p := t.plan
	switch f.Kind {
	case PowerLoss, ProcessCrash:
		f.Nodes = t.someOrAll(c, "crash")
	case DiskCrash:
		t.setMoment(c, f)
	case DiskFailure:
		generateDiskFault(c, p, t.swarm, t.damageable, f)
	case Wipe:
		f.Nodes = c.Among("wiped", t.damageable, 1, len(t.damageable))
	case Rollback: // a copy matters once the others have met a later life of the node
		f.Nodes = c.Among("rolled back", t.damageable, 1, len(t.damageable))
		f.At, f.For = f.At/2, t.faultsEnd/8+Duration(c.Choose("age", uint64(t.faultsEnd/2)))
		f.Live = c.Often("live?", 50)
	case Pause:
		f.Nodes = t.someOrAll(c, "paused")
		f.Freeze = t.swarm.has(Freezes) && c.Often("freeze?", 50)
	case Slow:
		f.Nodes = t.someOrAll(c, "slow")
		f.Pace = max(1, p.Heal.Delay*Duration(c.Between("pace", 1, 20))/20)
	case Stop:
		f.Nodes = t.someOrAll(c, "stopped")
		f.Drain = Duration(c.Choose("drain", uint64(f.For)))
	case Freeze:
		f.Nodes = t.someOrAll(c, "frozen")
	case ProfileOverride:
		w := generateLink(c, c.Span("weather", 200*netmodel.Microsecond, 20*netmodel.Millisecond), t.swarm, 50)
		if p.Knobs.Codec == "" {
			w.Corrupt = 0
		}
		f.Profile = &w
	default:
		t.setLinks(c, f)
	}
}

// setMoment chooses the crash of a disk_crash, its nodes and its moment. Half of them
// count from the very first request, with which a log is made.
func (t *timeline) setMoment(c Choices, f *Fault) {
	f.Nodes = t.someOrAll(c, "crash")
	f.Crash = []FaultKind{PowerLoss, ProcessCrash}[c.Choose("crash kind", 4)/3]
	f.Op = []sim.DiskStep{sim.StepCreate, sim.StepFirstWrite, sim.StepSyncDir, sim.StepRename, sim.StepRemove}[c.Choose("op", 5)]
	f.Phase = []sim.DiskPhase{sim.Submitted, sim.InFlight, sim.Completed}[c.Choose("phase", 3)]
	f.Occurrence = c.Between("occurrence", 1, 4)
	if c.Often("from the start?", 50) {
		f.At = 0
	}
	f.For = t.faultsEnd // the moment may come late
}

// someOrAll chooses some nodes, and sometimes all of them.
func (t *timeline) someOrAll(c Choices, label string) []sim.ID {
	if c.Often("all at once?", 20) {
		return others(t.plan, nil)
	}
	return c.Nodes(label, t.plan, 1, t.plan.Nodes)
}

// setLinks chooses the links of a fault of links.
func (t *timeline) setLinks(c Choices, f *Fault) {
	p := t.plan
	switch f.Kind {
	case Partition:
		f.Groups = t.groups(c)
	case OneWay:
		f.Sources = c.Nodes("side", p, 1, p.Nodes-1)
		f.Targets = others(p, f.Sources)
	case Cut:
		if p.Nodes > 3 && c.Often("ring?", 30) {
			f.Links = netmodel.Ring(others(p, nil))
			return
		}
		pair := c.Nodes("pair", p, 2, 2)
		f.Links = netmodel.TwoWay(pair[:1], pair[1:])
	case Clog, Refuse:
		if p.Nodes > 1 && c.Often("some links?", 70) {
			from := c.Nodes("side", p, 1, p.Nodes-1)
			f.Links = netmodel.OneWay(from, others(p, from))
		}
	}
}

// groups chooses a partition: any two sides, a majority and a minority, one node
// alone, or two sides with a bridge that reaches both.
func (t *timeline) groups(c Choices) [][]sim.ID {
	p := t.plan
	switch c.Choose("shape", 4) {
	case 1:
		side := c.Nodes("majority", p, p.Nodes/2+1, max(p.Nodes/2+1, p.Nodes-1))
		if rest := others(p, side); len(rest) > 0 {
			return [][]sim.ID{side, rest}
		}
	case 2:
		one := c.Nodes("alone", p, 1, 1)
		return [][]sim.ID{one, others(p, one)}
	case 3:
		if p.Nodes > 2 {
			bridge := c.Nodes("bridge", p, 1, 1)
			rest := others(p, bridge)
			side := c.Among("side", rest, 1, len(rest)-1)
			return [][]sim.ID{side, others(p, slices.Concat(bridge, side))}
		}
	}
	side := c.Nodes("side", p, 1, p.Nodes-1)
	return [][]sim.ID{side, others(p, side)}
}
