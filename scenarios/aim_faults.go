package scenarios

import (
	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/sim"
)

// add adds an aimed fault to the plan.
func (a *aim) add(f Fault) {
	f.Aim = a.words
	a.plan.Faults = append(a.plan.Faults, f)
}

// pause stops the node of an instant, or others, for a while.
func (a *aim) pause(i *Instant, at Duration) {
	a.add(Fault{Kind: Pause, At: at, For: a.length("pause"), Nodes: a.targets(i)})
}

// moment chooses a short time: none, a nanosecond, or up to the time of a disk request.
func (a *aim) moment(label string) Duration {
	d := &a.plan.Disk
	switch c := a.Part(label, 0); c.Choose("size", 8) {
	case 0:
		return 0
	case 5:
		return 1 + Duration(c.Choose("ns", 1000))
	case 6:
		return 1 + Duration(c.Choose("ns", uint64(d.Write.Min)+1))
	case 7:
		return 1 + Duration(c.Choose("ns", uint64(d.Write.Min+d.Sync.Min)+1))
	}
	return 1
}

// length chooses the length of a fault: from a moment to a part of the fault phase.
func (a *aim) length(label string) Duration {
	c := a.Part(label, 0)
	most := []Duration{a.plan.Heal.Delay, 8 * a.plan.Heal.Delay, a.plan.Knobs.ConsensusTimeout, a.plan.Heal.At / 4}[c.Choose("size", 4)]
	return 1 + Duration(c.Choose("ns", uint64(most)+1))
}

// targets chooses the nodes of a fault: mostly the instant's, else others too.
func (a *aim) targets(i *Instant) []sim.ID {
	if a.Often("others?", 20) {
		return a.Nodes("targets", a.plan, 1, a.plan.Nodes)
	}
	return []sim.ID{i.Node}
}

// restart ends lives, and has the next ones begin at once or soon. Sometimes these end
// soon as well.
func (a *aim) restart(i *Instant, at Duration, kind FaultKind) {
	f := Fault{Kind: kind, At: at, For: max(1, a.moment("down")), Nodes: a.targets(i)}
	if a.Often("longer?", 25) {
		f.For = a.length("down longer")
	}
	a.add(f)
	if a.Often("busy?", 70) {
		a.redirect(i, f.At+f.For)
	}
	if a.Often("again?", 30) { // in recovery, or soon after
		f.At = min(f.At+f.For+a.bootTime("next life", a.plan), a.plan.Heal.At)
		f.For = max(1, a.moment("down again"))
		a.add(f)
	}
}

// bootTime chooses a time in which a new life is recovering or has just done so.
func (c Choices) bootTime(label string, p *Plan) Duration {
	return 1 + Duration(c.Choose(label, 16*uint64(p.Disk.Write.Min+p.Disk.Sync.Min)+1))
}

// maxRedirected bounds the operations that redirect changes.
const maxRedirected = 4

// redirect has later operations come soon after a restart, so that the new life has
// work: mostly at the node, on the machine of its last message.
func (a *aim) redirect(i *Instant, restart Duration) {
	count := 0
	for n := range a.plan.Operations {
		o, c := &a.plan.Operations[n], a.Part("operation", n)
		if o.At <= restart || o.IDScheme != SessionID || count == maxRedirected || !c.Often("sooner?", 60) {
			continue
		}
		count++
		o.At = min(o.At, restart+c.bootTime("boot", a.plan)+Duration(c.Choose("met", uint64(8*a.plan.Heal.Delay)+1)))
		if c.Often("there?", 70) {
			o.Node = int(i.Node)
		}
		if key := i.Machine; a.sameDefinition(o.Key, key) {
			o.Key = key
		}
	}
}

// cut cuts links of the instant's node: to all others or to some, in one direction or
// in both.
func (a *aim) cut(i *Instant, at Duration) {
	rest := others(a.plan, []sim.ID{i.Node})
	rest = a.Among("cut from", rest, 1, len(rest))
	node := []sim.ID{i.Node}
	f := Fault{Kind: Cut, At: at, For: a.length("cut"), Links: netmodel.TwoWay(node, rest)}
	switch a.Choose("direction", 4) {
	case 1:
		f.Links = netmodel.OneWay(node, rest)
	case 2:
		f.Links = netmodel.OneWay(rest, node)
	}
	a.add(f)
}

// losePower ends lives with a loss of power.
func (a *aim) losePower(i *Instant, at Duration) { a.restart(i, at, PowerLoss) }

// crashProcess ends lives with a crash of the process.
func (a *aim) crashProcess(i *Instant, at Duration) { a.restart(i, at, ProcessCrash) }
