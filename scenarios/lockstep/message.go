package lockstep

import (
	"encoding/binary"
	"strings"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/sim"
)

// envelope is a node's message as the simulator wants one.
type envelope struct {
	node.Message
	fate    uint64    // 0: not known yet
	digest  uint64    // as well
	life    uint64    // its sender's, in which it was sent
	arrived *envelope // what all receivers take in its place, if there is a codec, or itself; nil: none has yet
}

// arena makes envelopes in blocks. It knows the hashes of the names that messages
// were about last: mostly they go on to be about them.
type arena struct {
	block block[envelope]
	key   hashed
	first struct { // an id, and the hash of its name
		id  node.OpID
		sum uint64
	}
}

func (a *arena) envelope(m node.Message) *envelope {
	e := a.block.make()
	e.Message = m
	key, first := m.About()
	if f := &a.first; f.id != first || f.sum == 0 {
		f.id, f.sum = first, keyed.String(first.Name())
	}
	e.fate = sim.FateKeyOf(kindHashes[e.kind()], a.key.of(key), a.first.sum)
	return e
}

// hashed is a name and its hash.
type hashed struct {
	name string
	sum  uint64
}

func (h *hashed) of(name string) uint64 {
	if h.name != name || h.sum == 0 {
		*h = hashed{name, keyed.String(name)}
	}
	return h.sum
}

// kinds names what a message is about, with the phase.
var kinds = [...]string{
	"?", "proposal-prepare", "proposal-accept", "acknowledgment-prepare", "acknowledgment-accept",
	"reject-prepare", "reject-accept", "commit", "read-request", "read-report", "request", "reply",
	"repair-request", "repair-report", "repair-value", "introduction",
}

// kindHashes are their hashes, for fate keys.
var kindHashes = func() (h [len(kinds)]uint64) {
	for i, name := range kinds {
		h[i] = keyed.String(name)
	}
	return h
}()

// kind is the message's place in kinds.
func (e *envelope) kind() int {
	switch m := e.Message.(type) {
	case *node.Proposal:
		return int(m.Phase)
	case *node.Acknowledgment:
		return 2 + int(m.Phase)
	case *node.Reject:
		return 4 + int(m.Phase)
	case *node.Commit:
		return 7
	case *node.ReadRequest:
		return 8
	case *node.ReadReport:
		return 9
	case *node.Request:
		return 10
	case *node.Reply:
		return 11
	case *node.RepairRequest:
		return 12
	case *node.RepairReport:
		return 13
	case *node.RepairValue:
		return 14
	case *member.Introduction:
		return 15
	}
	return 0
}

// FateKey implements sim.Message.
func (e *envelope) FateKey() uint64 {
	if e.fate == 0 {
		key, first := e.About()
		e.fate = sim.FateKeyOf(kindHashes[e.kind()], keyed.String(key), keyed.String(first.Name()))
	}
	return e.fate
}

// Single implements sim.Single. A request that a node hands over to another arrives at
// most once, as one of a client does: no transport of either says anything twice.
func (e *envelope) Single() bool {
	_, ok := e.Message.(*node.Request)
	return ok
}

// FateName implements sim.Message.
func (e *envelope) FateName() string {
	key, first := e.About()
	return strings.Join([]string{kinds[e.kind()], key, first.Name()}, " ")
}

// Digest implements sim.Message. It is asked for when the message is sent, to each
// of its receivers, and when it arrives.
func (e *envelope) Digest() uint64 {
	if e.digest == 0 {
		e.digest = digest(e.FateKey(), e.Message)
	}
	return e.digest
}

func digest(h uint64, m node.Message) uint64 {
	switch m := m.(type) {
	case *node.Proposal:
		return keyed.Mix(ballot(ballot(h, m.Ballot), m.Next), value(m.Value))
	case *node.Acknowledgment:
		return keyed.Mix(ballot(ballot(h, m.Ballot), m.Accepted), value(m.Value)^m.At)
	case *node.Reject:
		return keyed.Mix(ballot(ballot(h, m.Ballot), m.Promised), keyed.String(string(m.Reason)))
	case *node.Commit:
		return keyed.Mix(ballot(h, m.Ballot), value(m.Value))
	case *node.ReadRequest:
		return read(h, m.Read)
	case *node.ReadReport:
		return keyed.Mix(ballot(read(h, m.Read), m.Accepted), value(m.Value)^m.At)
	case *node.Request:
		h = keyed.Mix(h, uint64(m.Kind)<<32|uint64(m.Attempt)<<1|bit(m.Retry))
		h = keyed.Mix(h, m.Expect<<1|bit(m.Expects))
		return keyed.Mix(h, m.Watermark^keyed.String(m.To))
	case *node.Reply:
		h = keyed.Mix(h, uint64(m.Outcome)<<48|bit(m.Final)<<40|uint64(m.Attempt)<<8|uint64(m.Kind))
		return keyed.Mix(keyed.Mix(h, keyed.String(string(m.Reason))), m.Version^m.Serial<<32^keyed.String(m.State))
	}
	return repairDigest(h, m)
}

func repairDigest(h uint64, m node.Message) uint64 {
	switch m := m.(type) {
	case *node.RepairRequest:
		h = ranges(keyed.Mix(keyed.Mix(read(h, m.Exchange), m.Digest), m.Progress), m.Ranges)
		for _, key := range m.Wants {
			h = keyed.Mix(h, keyed.String(key))
		}
	case *node.RepairReport:
		h = ranges(keyed.Mix(keyed.Mix(read(h, m.Exchange), m.Digest), m.Progress), m.Ranges)
		h = keyed.Mix(h, uint64(m.RangesAnswered)<<16|uint64(m.WantsAnswered))
		for _, i := range m.Items {
			h = keyed.Mix(ballot(h, i.Ballot), keyed.String(i.Key)^bit(i.Chosen))
		}
	case *node.RepairValue:
		return keyed.Mix(ballot(h, m.Ballot), value(m.Value)^bit(m.Chosen))
	case *member.Introduction:
		return introductionDigest(h, m)
	}
	return h
}

func introductionDigest(h uint64, m *member.Introduction) uint64 {
	h = keyed.Mix(keyed.Mix(keyed.Mix(h, m.Life), m.Boot), m.Position)
	h = keyed.Mix(keyed.Mix(h, id128(m.Incarnation)), id128(m.Cluster)^uint64(m.Stage)<<2^bit(m.Answer)<<1^bit(m.Abstains))
	for _, i := range m.Members {
		h = keyed.Mix(keyed.Mix(h, id128(i.Incarnation)), uint64(i.ID))
	}
	for _, l := range m.Past {
		h = keyed.Mix(keyed.Mix(keyed.Mix(h, l.ID), l.Boot), l.End)
	}
	for _, t := range m.Known {
		h = keyed.Mix(keyed.Mix(h, uint64(t.Of)<<16^uint64(t.By)), memory(t.Memory))
	}
	if len(m.More) > 0 {
		h = keyed.Mix(h, keyed.String(string(m.More)))
	}
	return h
}

func memory(m member.Memory) uint64 {
	return keyed.Mix(keyed.Mix(keyed.Mix(id128(m.Incarnation), m.Life), m.Boot), m.Position)
}

// id128 is a hash of sixteen bytes, which are random already.
func id128(id [16]byte) uint64 {
	return binary.LittleEndian.Uint64(id[:8]) ^ binary.LittleEndian.Uint64(id[8:])
}

func ranges(h uint64, list []node.HashRange) uint64 {
	for _, r := range list {
		h = keyed.Mix(keyed.Mix(h, r.Path<<8^uint64(r.Depth)), r.Digest)
	}
	return h
}

func ballot(h uint64, b node.Ballot) uint64 {
	return keyed.Mix(keyed.Mix(h, b.Round), uint64(b.Epoch)<<48^uint64(b.Node)<<32^b.Boot)
}

func read(h uint64, r node.ReadID) uint64 {
	return keyed.Mix(keyed.Mix(h, r.Seq), uint64(r.Node)<<32^r.Boot)
}

// value is a hash of v. The last entries stand for all: two values that differ
// in earlier ones only are caught by the invariants.
func value(v *node.Value) uint64 {
	if v == nil {
		return 0
	}
	h := keyed.Mix(v.Version^v.Serial<<32, keyed.String(v.State)^uint64(len(v.Window)))
	if v.StateBefore != "" {
		h = keyed.Mix(h, keyed.String(v.StateBefore))
	}
	for i := max(0, len(v.Window)-2); i < len(v.Window); i++ {
		e := &v.Window[i]
		h = keyed.Mix(h, keyed.String(string(e.ID))^uint64(e.Kind))
		h = keyed.Mix(h, keyed.String(e.To)^keyed.String(e.Requested)<<1)
	}
	return h
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// standing is a member's fact as the simulator wants one.
type standing struct{ member.Observation }

// Digest implements sim.Fact.
func (f *standing) Digest() uint64 {
	h := keyed.Mix(uint64(f.Kind)<<56^uint64(f.Peer)<<40^bit(f.Firsthand)<<39^f.Position, memory(f.Memory))
	return keyed.Mix(h, id128(f.Cluster.ID)^f.Log.Life<<1)
}

// fact is a node's fact as the simulator wants one.
type fact struct{ node.Observation }

// Digest implements sim.Fact. What a fact is about in full is in the messages
// that led to it, so a few words do.
func (f *fact) Digest() uint64 {
	h := ballot(uint64(f.Kind)<<56^uint64(f.DurableAt)^f.Boot<<40, f.Ballot)
	if f.Value != nil {
		h = keyed.Mix(h, f.Value.Version)
	}
	return h
}
