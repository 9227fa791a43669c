package scenarios

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/sim"
)

// Validate names the first place in p that makes no sense.
func (p *Plan) Validate() error {
	for _, check := range []func() error{
		p.checkHead, p.checkDefinitions, p.checkCreated, p.checkKnobs, p.checkSettings, p.checkNodeKnobs, p.checkWorld, p.checkOperations, p.checkFaults, p.checkOverrides, p.checkHeal, p.checkDamage,
	} {
		if err := check(); err != nil {
			return fmt.Errorf("%w: %w", ErrPlan, err)
		}
	}
	return nil
}

func (p *Plan) checkHead() error {
	switch {
	case p.Format != Format:
		return fmt.Errorf("format: %q: want %q", p.Format, Format)
	case p.Version != Version:
		return errVersion(p.Version)
	case p.System == "":
		return errors.New("system: want the name of a system under test")
	case p.Nodes < 1 || p.Nodes > MaxNodes:
		return fmt.Errorf("nodes: %d: want 1 to %d", p.Nodes, MaxNodes)
	case p.Knobs.Joiners < 0 || p.Knobs.Joiners >= p.Nodes:
		return fmt.Errorf("knobs.joiners: %d: want 0 to %d, so that a node is left to begin with", p.Knobs.Joiners, p.Nodes-1)
	case p.Clients < 1 || p.Clients > MaxClients:
		return fmt.Errorf("clients: %d: want 1 to %d", p.Clients, MaxClients)
	}
	return nil
}

func (p *Plan) checkDefinitions() error {
	switch {
	case p.Workload != "" && len(p.Definitions) > 0:
		return fmt.Errorf("definitions: the workload %q has none", p.Workload)
	case p.Workload == "" && len(p.Definitions) == 0:
		return errors.New("definitions: want at least one")
	}
	seen := map[string]bool{}
	for i, d := range p.Definitions {
		if err := d.Validate(); err != nil {
			return fmt.Errorf("definitions[%d]: %w", i, err)
		}
		if d.Name == fsm.MetaName {
			return fmt.Errorf("definitions[%d]: %q is built in: give yours another name", i, d.Name)
		}
		if seen[d.Name] {
			return fmt.Errorf("definitions[%d]: %q is defined twice", i, d.Name)
		}
		seen[d.Name] = true
	}
	return nil
}

func (p *Plan) checkKnobs() error {
	k := p.Knobs
	for _, d := range []struct {
		name  string
		value Duration
	}{
		{"consensus_timeout", k.ConsensusTimeout}, {"retry_delay", k.ResendTimeout}, {"client_timeout", k.ClientTimeout},
	} {
		if d.value <= 0 || d.value > MaxTime {
			return fmt.Errorf("knobs.%s: %v: want more than 0 and at most %v", d.name, d.value, MaxTime)
		}
	}
	if k.MaxResends < 0 || k.MaxResends > 1000 {
		return fmt.Errorf("knobs.max_resends: %d: want 0 to 1000", k.MaxResends)
	}
	if k.AttemptTimeout < 0 || k.AttemptTimeout > MaxTime {
		return fmt.Errorf("knobs.attempt_timeout: %v: want 0 to %v", k.AttemptTimeout, MaxTime)
	}
	if longest := cmp.Or(k.AttemptTimeout, k.ConsensusTimeout+k.ResendTimeout); k.MinAttempt < 0 || k.MinAttempt > longest {
		return fmt.Errorf("knobs.min_attempt_timeout: %v: want 0 to %v, the longest wait", k.MinAttempt, longest)
	}
	if k.DedupWindow < 0 || k.DedupWindow > maxDedupWindow || k.Batch < 0 || k.Batch > maxDedupWindow {
		return fmt.Errorf("knobs: dedup_window %d, batch %d: want 0 to %d", k.DedupWindow, k.Batch, maxDedupWindow)
	}
	if k.Batch > k.DedupWindow && k.DedupWindow != 0 {
		return fmt.Errorf("knobs.batch: %d: want at most the dedup window's %d", k.Batch, k.DedupWindow)
	}
	if k.Queue < 0 {
		return fmt.Errorf("knobs.queue: %d: want 0 or more", k.Queue)
	}
	if k.RepairDelay < 0 || k.RepairDelay > MaxTime {
		return fmt.Errorf("knobs.repair_delay: %v: want 0 to %v", k.RepairDelay, MaxTime)
	}
	if k.RepairRate < 0 {
		return fmt.Errorf("knobs.repair_rate: %d: want 0 or more", k.RepairRate)
	}
	if k.RepairList != 0 && (k.RepairList < minRepairList || k.RepairList > maxRepairList) {
		return fmt.Errorf("knobs.repair_list: %d: want %d to %d, or 0 for the system's default", k.RepairList, minRepairList, maxRepairList)
	}
	if k.Segment != 0 && (k.Segment < minSegment || k.Segment > maxSegment) {
		return fmt.Errorf("knobs.segment: %d: want %d to %d bytes, or 0", k.Segment, minSegment, maxSegment)
	}
	switch k.Codec {
	case "", "binary", "cbor", "json":
	default:
		return fmt.Errorf("knobs.codec: %q: want binary, cbor, json or nothing", k.Codec)
	}
	for _, n := range []struct {
		name        string
		value, most int
	}{
		{"stream_percent", k.StreamPercent, 100}, {"stream_window", k.StreamWindow, maxPending}, {"stream_damage", k.StreamDamage, 1000},
		{"pending", k.Pending, maxPending}, {"watchers", k.Watchers, maxPending}, {"watch_buffer", k.WatchBuffer, maxPending},
		{"watch_pace", k.WatchPace, maxPending}, {"list_every", k.ListEvery, 1 << 30}, {"page", k.Page, maxPending}, {"watch_moves", k.WatchMoves, 1 << 30},
	} {
		if n.value < 0 || n.value > n.most {
			return fmt.Errorf("knobs.%s: %d: want 1 to %d, or 0", n.name, n.value, n.most)
		}
	}
	if k.RememberBytes < 0 || k.RememberBytes > 1<<30 {
		return fmt.Errorf("knobs.remember_bytes: %d: want 1 to %d, or 0 for the system's default", k.RememberBytes, 1<<30)
	}
	if k.Backlog != 0 && (k.Backlog < minBacklog || k.Backlog > 1<<30) {
		return fmt.Errorf("knobs.backlog: %d: want %d to %d bytes, or 0 for the system's default", k.Backlog, minBacklog, 1<<30)
	}
	if k.RoundLeap < 0 || k.RoundLeap > maxRoundLeap {
		return fmt.Errorf("knobs.round_leap: %d: want 1 to %d, or 0 for the system's default", k.RoundLeap, maxRoundLeap)
	}
	if k.MachineQuota < 0 || k.MachineQuota > 1<<30 || k.MachineBytes < 0 || k.MachineBytes > 1<<30 {
		return fmt.Errorf("knobs: machine_quota %d, machine_bytes %d: want 1 to %d, or 0 for the system's default", k.MachineQuota, k.MachineBytes, 1<<30)
	}
	if k.FirstBoot > maxFirstBoot || k.FirstRound > maxFirstRound {
		return fmt.Errorf("knobs: first_boot %d, first_round %d: want at most %d and %d", k.FirstBoot, k.FirstRound, uint64(maxFirstBoot), uint64(maxFirstRound))
	}
	if k.FirstSerial > maxFirstSerial {
		return fmt.Errorf("knobs.first_serial: %d: want at most %d", k.FirstSerial, maxFirstSerial)
	}
	if k.CodecPercent < 0 || k.CodecPercent > 100 {
		return fmt.Errorf("knobs.codec_percent: %d: want 1 to 100, or 0 for all", k.CodecPercent)
	}
	if k.HTTPPercent < 0 || k.HTTPPercent > 100 {
		return fmt.Errorf("knobs.http_percent: %d: want 0 to 100", k.HTTPPercent)
	}
	return nil
}

// maxDedupWindow bounds the knobs that size the dedup window.
const maxDedupWindow = 256

// maxPending bounds the knobs that limit a node's clients.
const maxPending = 1 << 15

// Bounds of the knobs with which counting begins: of 2^64 boots and 2^62 rounds some
// are left for the run.
const (
	maxFirstBoot  = 1<<64 - 1000
	maxFirstRound = 1<<62 - 1<<32
	maxRoundLeap  = 1 << 22
)

// maxFirstSerial bounds the knob with which serials begin: oracles keep a place for each
// serial before it.
const maxFirstSerial = 1 << 12

// Bounds of the knob that sizes the segments of a log.
const (
	minSegment = 128
	maxSegment = 16 << 20
)

func (p *Plan) checkWorld() error {
	if err := p.checkProfile(&p.Network); err != nil {
		return fmt.Errorf("network: %w", err)
	}
	if err := p.Disk.Validate(); err != nil {
		return fmt.Errorf("disk: %w", err)
	}
	if err := p.Steps.Validate(); err != nil {
		return fmt.Errorf("steps: %w", err)
	}
	if len(p.Clocks) > p.Nodes {
		return fmt.Errorf("clocks: %d for %d nodes", len(p.Clocks), p.Nodes)
	}
	for i, c := range p.Clocks {
		if err := c.Validate(); err != nil {
			return fmt.Errorf("clocks[%d]: %w", i, err)
		}
	}
	return nil
}

func (p *Plan) checkOperations() error {
	if len(p.Operations) > MaxOperations {
		return fmt.Errorf("operations: %d: want at most %d", len(p.Operations), MaxOperations)
	}
	seen := map[string]bool{}
	for i := range p.Operations {
		o := &p.Operations[i]
		if err := p.checkOperation(o); err != nil {
			return fmt.Errorf("operations[%d].%w", i, err)
		}
		if seen[o.ID] {
			return fmt.Errorf("operations[%d].id: %q is taken", i, o.ID)
		}
		seen[o.ID] = true
	}
	return p.checkIDSchemes()
}

// checkIDSchemes checks how operations are named to the nodes.
func (p *Plan) checkIDSchemes() error {
	named := map[string]*Operation{} // the operations that have an id of their client's
	for i := range p.Operations {
		o := &p.Operations[i]
		if err := o.checkIDScheme(); err != nil {
			return fmt.Errorf("operations[%d].%w", i, err)
		}
		if o.IDOf != "" {
			if err := p.checkIDOf(o, named[o.IDOf]); err != nil {
				return fmt.Errorf("operations[%d].id_of: %w", i, err)
			}
		} else if o.IDScheme == OwnID {
			named[o.ID] = o
		}
	}
	return nil
}

func (o *Operation) checkIDScheme() error {
	switch o.IDScheme {
	case SessionID, OwnID, ForgedID, NoID:
	default:
		return fmt.Errorf("id_scheme: %q: want %q, %q, %q or nothing", o.IDScheme, OwnID, ForgedID, NoID)
	}
	switch {
	case o.Kind == Read && o.IDScheme != SessionID:
		return fmt.Errorf("id_scheme: %q: a read needs no id", o.IDScheme)
	case o.Watermark != 0 && o.IDScheme != OwnID && o.IDScheme != ForgedID:
		return fmt.Errorf("watermark: %d: want it with the id_scheme %q or %q", o.Watermark, OwnID, ForgedID)
	case o.Watermark > maxWatermark:
		return fmt.Errorf("watermark: %d: want at most %d", o.Watermark, uint64(maxWatermark))
	case o.IDOf != "" && o.IDScheme != OwnID:
		return fmt.Errorf("id_of: %q: want it with the id_scheme %q", o.IDOf, OwnID)
	}
	return nil
}

// maxWatermark bounds the serials that clients claim to know, as nodes bound the
// serials that they accept.
const maxWatermark = 1 << 62

// checkIDOf checks an operation that has the id of first, which must be before it.
func (p *Plan) checkIDOf(o, first *Operation) error {
	if first == nil || first.Key != o.Key {
		return fmt.Errorf("%q: want an operation before it, on the same machine, with the id_scheme %q and an id of its own", o.IDOf, OwnID)
	}
	if q := p.FirstWithSameID(o); q != nil && !equal(q.Expect, o.Expect) {
		return fmt.Errorf("%q: %s requests %s with it: for the same request, want the same expect", o.IDOf, q.ID, o.Argument)
	}
	return nil
}

// equal reports whether two optional numbers are the same.
func equal(a, b *uint64) bool { return a == b || a != nil && b != nil && *a == *b }

func (p *Plan) checkOperation(o *Operation) error {
	if err := fsm.CheckName("operation", o.ID); err != nil {
		return fmt.Errorf("id: %w", err)
	}
	if o.Client < 1 || o.Client > p.Clients {
		return fmt.Errorf("client: %d: want 1 to %d", o.Client, p.Clients)
	}
	if o.Node < 0 || o.Node > p.Nodes {
		return fmt.Errorf("node: %d: want 1 to %d, or 0 to leave it to the client", o.Node, p.Nodes)
	}
	if o.At < 0 || o.At > p.Heal.At {
		return fmt.Errorf("at: %v: want 0 to the start of the heal phase, %v", o.At, p.Heal.At)
	}
	if p.Workload == "" {
		return machines{}.Check(p, o)
	}
	if !isWord(o.Key) {
		return fmt.Errorf("key: %q: want a word", o.Key)
	}
	if o.Kind == "" {
		return errors.New("kind: want one of the workload's")
	}
	return nil
}

// isWord reports whether a key can be a part of the name of a message's fate.
func isWord(key string) bool {
	return key != "" && len(key) <= maxKey && !strings.ContainsFunc(key, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) })
}

// maxKey bounds the bytes of a key.
const maxKey = 1000

// checkProfile refuses damage to bytes where there are none.
func (p *Plan) checkProfile(n *netmodel.Profile) error {
	if n.Corrupt != 0 && p.Knobs.Codec == "" {
		return errors.New("corrupt_ppm: without knobs.codec messages have no bytes: choose binary, cbor or json")
	}
	return n.Validate()
}

func (p *Plan) node(id sim.ID) bool { return id >= 1 && int(id) <= p.Nodes }

func (p *Plan) process(id sim.ID) bool {
	return p.node(id) || IsClient(id) && ClientNumber(id) <= p.Clients
}

func (p *Plan) checkIDs(field string, ids []sim.ID, exists func(sim.ID) bool) error {
	for i, id := range ids {
		if !exists(id) {
			return fmt.Errorf("%s: no process %d in this plan (nodes are 1 to %d, clients 101 to %d)", field, id, p.Nodes, 100+p.Clients)
		}
		if slices.Contains(ids[:i], id) {
			return fmt.Errorf("%s: process %d is listed twice", field, id)
		}
	}
	return nil
}

func (p *Plan) checkOverrides() error {
	for i, f := range p.Overrides {
		if l := f.Message.Link; !p.process(l.From) || !p.process(l.To) {
			return fmt.Errorf("overrides[%d].message: %v: want two processes of the plan", i, l)
		}
		if err := f.Override.Validate(); err != nil {
			return fmt.Errorf("overrides[%d].override: %w", i, err)
		}
	}
	return nil
}

func (p *Plan) checkHeal() error {
	h := p.Heal
	if h.At < 0 || h.At > MaxTime {
		return fmt.Errorf("heal.at: %v: want 0 to %v", h.At, MaxTime)
	}
	if err := h.Network().Validate(); err != nil {
		return fmt.Errorf("heal.delay: %w", err)
	}
	if h.Within <= 0 || h.Within > MaxTime {
		return fmt.Errorf("heal.within: %v: want more than 0 and at most %v", h.Within, MaxTime)
	}
	if h.Settle < 0 || h.Settle > MaxTime {
		return fmt.Errorf("heal.settle: %v: want 0 to %v", h.Settle, MaxTime)
	}
	if 2*len(h.Excluded) >= p.Nodes && len(h.Excluded) > 0 {
		return fmt.Errorf("heal.without: %d of %d nodes: want less than half", len(h.Excluded), p.Nodes)
	}
	if err := p.checkIDs("without", h.Excluded, p.node); err != nil {
		return fmt.Errorf("heal.%w", err)
	}
	switch h.Exclusion {
	case DownAtFirst:
	case StayDown, StayCutOff, StayPaused:
		if len(h.Excluded) == 0 {
			return fmt.Errorf("heal.outside: %q: heal.without names no nodes", h.Exclusion)
		}
	default:
		return fmt.Errorf("heal.outside: %q: want %s, %s, %s or nothing", h.Exclusion, StayDown, StayCutOff, StayPaused)
	}
	return nil
}
