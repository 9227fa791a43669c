package lockstep

import (
	"encoding/binary"
	"strings"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/arena"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/sim"
)

// envelope wraps a node's message as a sim.Message.
type envelope struct {
	node.Message
	fateKey uint64 // 0: not known yet
	digest  uint64 // 0: not known yet
	life    uint64 // life of the sender
	kindAt  uint8  // see kind; 0: not known yet

	level, form node.Level // of the sender's build, and for which the message was encoded; 0: the latest

	decoded *envelope // the message that all receivers take instead, itself if no codec is used; nil: not decoded yet
}

// envelopePool allocates envelopes in blocks. It caches the hashes of the last machine
// and operation, since most messages are about the same ones as the message before.
type envelopePool struct {
	arena.Arena[envelope]
	keyHash   hashedName
	firstHash struct { // an operation's id, and the hash of its name
		id  node.OpID
		sum uint64
	}
}

func (a *envelopePool) wrap(m node.Message) *envelope {
	e := a.Make(arenaBlock)
	e.Message = m
	key, first := m.About()
	if f := &a.firstHash; f.id != first || f.sum == 0 {
		f.id, f.sum = first, keyed.String(first.Name())
	}
	e.fateKey = sim.FateKeyOf(kindHashes[e.kind()], a.keyHash.of(key), a.firstHash.sum)
	return e
}

// hashedName is a name and its hash.
type hashedName struct {
	name string
	hash uint64
}

func (h *hashedName) of(name string) uint64 {
	if h.name != name || h.hash == 0 {
		*h = hashedName{name, keyed.String(name)}
	}
	return h.hash
}

// messageKinds are the kinds of messages in fate keys, with the phase.
var messageKinds = [...]string{
	"?", "proposal-prepare", "proposal-accept", "acknowledgment-prepare", "acknowledgment-accept",
	"reject-prepare", "reject-accept", "commit", "read-request", "read-report", "request", "reply",
	"repair-request", "repair-report", "repair-value", "introduction",
}

// kindHashes are the hashes of messageKinds, for fate keys.
var kindHashes = func() (h [len(messageKinds)]uint64) {
	for i, name := range messageKinds {
		h[i] = keyed.String(name)
	}
	return h
}()

// kind is the index of the message's kind in messageKinds.
func (e *envelope) kind() int {
	if e.kindAt == 0 {
		e.kindAt = uint8(e.findKind())
	}
	return int(e.kindAt)
}

func (e *envelope) findKind() int {
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
	if e.fateKey == 0 {
		key, first := e.About()
		e.fateKey = sim.FateKeyOf(kindHashes[e.kind()], keyed.String(key), keyed.String(first.Name()))
	}
	return e.fateKey
}

// Single implements sim.Single. A forwarded request arrives at most once, as a request
// of a client does: neither transport duplicates one.
func (e *envelope) Single() bool {
	_, ok := e.Message.(*node.Request)
	return ok
}

// FateName implements sim.Message.
func (e *envelope) FateName() string {
	key, first := e.About()
	return strings.Join([]string{messageKinds[e.kind()], key, first.Name()}, " ")
}

// Digest implements sim.Message. It covers every field, and of values the part that
// hashValue covers. It is computed once: the simulator reads it at each send and arrival.
func (e *envelope) Digest() uint64 {
	if e.digest == 0 {
		e.digest = messageDigest(e.FateKey(), e.Message)
	}
	return e.digest
}

func messageDigest(h uint64, m node.Message) uint64 {
	switch m := m.(type) {
	case *node.Proposal:
		h = hashBallot(hashBallot(hashBallot(h, m.Ballot), m.Next), m.Known)
		return keyed.Mix(h, hashValue(m.Value)^hashExtension(m.Extension))
	case *node.Acknowledgment:
		return keyed.Mix(hashBallot(hashBallot(h, m.Ballot), m.Accepted), hashValue(m.Value)^m.At)
	case *node.Reject:
		return keyed.Mix(hashBallot(hashBallot(h, m.Ballot), m.Promised), keyed.String(string(m.Reason)))
	case *node.Commit:
		return keyed.Mix(hashBallot(h, m.Ballot), hashValue(m.Value))
	case *node.ReadRequest:
		return hashReadID(h, m.Read)
	case *node.ReadReport:
		return keyed.Mix(hashBallot(hashReadID(h, m.Read), m.Accepted), hashValue(m.Value)^m.At)
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
		h = hashRanges(keyed.Mix(keyed.Mix(hashReadID(h, m.Exchange), m.Digest), m.Progress), m.Ranges)
		for _, key := range m.Wants {
			h = keyed.Mix(h, keyed.String(key))
		}
	case *node.RepairReport:
		h = hashRanges(keyed.Mix(keyed.Mix(hashReadID(h, m.Exchange), m.Digest), m.Progress), m.Ranges)
		h = keyed.Mix(h, uint64(m.RangesAnswered)<<16|uint64(m.WantsAnswered))
		for _, i := range m.Items {
			h = keyed.Mix(hashBallot(h, i.Ballot), keyed.String(i.Key)^bit(i.Chosen))
		}
	case *node.RepairValue:
		return keyed.Mix(hashBallot(h, m.Ballot), hashValue(m.Value)^bit(m.Chosen))
	case *member.Introduction:
		return introductionDigest(h, m)
	}
	return h
}

func introductionDigest(h uint64, m *member.Introduction) uint64 {
	h = keyed.Mix(keyed.Mix(keyed.Mix(h, m.Life), m.Boot), m.Position)
	h = keyed.Mix(keyed.Mix(h, hashRandomID(m.Incarnation)), hashRandomID(m.Cluster)^uint64(m.Stage)<<2^bit(m.Answer)<<1^bit(m.Abstains))
	for _, i := range m.Members {
		h = keyed.Mix(keyed.Mix(h, hashRandomID(i.Incarnation)), uint64(i.ID))
	}
	for _, l := range m.Past {
		h = keyed.Mix(keyed.Mix(keyed.Mix(h, l.ID), l.Boot), l.End)
	}
	for _, t := range m.Known {
		h = keyed.Mix(keyed.Mix(h, uint64(t.Of)<<16^uint64(t.By)), hashMemory(t.Memory))
	}
	if len(m.More) > 0 {
		h = keyed.Mix(h, keyed.String(string(m.More)))
	}
	return h
}

func hashMemory(m member.Memory) uint64 {
	return keyed.Mix(keyed.Mix(keyed.Mix(hashRandomID(m.Incarnation), m.Life), m.Boot), m.Position)
}

// hashRandomID hashes sixteen bytes that are random already.
func hashRandomID(id [16]byte) uint64 {
	return binary.LittleEndian.Uint64(id[:8]) ^ binary.LittleEndian.Uint64(id[8:])
}

func hashRanges(h uint64, list []node.HashRange) uint64 {
	for _, r := range list {
		h = keyed.Mix(keyed.Mix(h, r.Path<<8^uint64(r.Depth)), r.Digest)
	}
	return h
}

func hashBallot(h uint64, b node.Ballot) uint64 {
	return keyed.Mix(keyed.Mix(h, b.Round), uint64(b.Epoch)<<48^uint64(b.Node)<<32^b.Boot)
}

func hashReadID(h uint64, r node.ReadID) uint64 {
	return keyed.Mix(keyed.Mix(h, r.Seq), uint64(r.Node)<<32^r.Boot)
}

// hashValue hashes v. Of the entries it covers the number and the last two: the oracle
// detects values that differ only in earlier ones.
func hashValue(v *node.Value) uint64 {
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

// hashExtension hashes x. Of a tombstone the state that it leaves is no part of x.
func hashExtension(x *node.Extension) uint64 {
	if x == nil {
		return 0
	}
	h := hashBallot(1+uint64(x.Dropped)<<16+uint64(len(x.Entries))<<32, x.Base)
	for i := range x.Entries {
		e := &x.Entries[i]
		h = keyed.Mix(h, keyed.String(string(e.ID))^uint64(e.Kind))
		if e.Kind == node.EntryTransition {
			h = keyed.Mix(h, keyed.String(e.To))
		}
		h = keyed.Mix(h, keyed.String(e.Requested)<<1)
	}
	return h
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// memberObservation wraps a member's observation as a sim.Observation.
type memberObservation struct{ member.Observation }

// Digest implements sim.Observation.
func (f *memberObservation) Digest() uint64 {
	h := keyed.Mix(uint64(f.Kind)<<56^uint64(f.Peer)<<40^bit(f.Firsthand)<<39^f.Position, hashMemory(f.Memory))
	if f.Configuration != nil {
		h = keyed.Mix(h, keyed.String(f.Configuration.Text()))
	}
	return keyed.Mix(h, hashRandomID(f.Cluster.ID)^f.Log.Life<<1)
}

// nodeObservation wraps a node's observation as a sim.Observation.
type nodeObservation struct{ node.Observation }

// Digest implements sim.Observation. It covers the kind, the durable position, the boot,
// the ballot and the value's version. All other fields follow from the messages that
// led to the observation, and the digests of those messages cover them.
func (f *nodeObservation) Digest() uint64 {
	h := hashBallot(uint64(f.Kind)<<56^uint64(f.DurableAt)^f.Boot<<40, f.Ballot)
	if f.Value != nil {
		h = keyed.Mix(h, f.Value.Version)
	}
	return h
}
