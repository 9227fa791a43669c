package origin

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// kind is the kind of a message.
type kind uint8

const (
	request        kind = iota // client → node
	reply                      // node → client
	proposal                   // proposer → peer: request for an acknowledgment
	acknowledgment             // peer → proposer: the transition is legal
	reject                     // peer → proposer: illegal in the peer's state
	commit                     // proposer → peer: apply it
	receipt                    // node → node: the delivery with this number has arrived
)

var kindNames = [...]string{"request", "reply", "proposal", "acknowledgment", "reject", "commit", "receipt"}

// kindHashes are the names' hashes, for fate keys.
var kindHashes = func() (h [len(kindNames)]uint64) {
	for i, name := range kindNames {
		h[i] = keyed.String(name)
	}
	return h
}()

func (k kind) String() string { return kindNames[k] }

// message is every message of these processes. It is immutable once sent.
type message struct {
	kind       kind
	invocation *scenarios.Invocation
	deliveryID uint64            // delivery number of the sender; 0: sent once
	outcome    scenarios.Outcome // reply
	reason     string            // reply
	state      string            // reply, reject: the sender's state
}

// FateKey implements sim.Message.
func (m *message) FateKey() uint64 {
	return sim.FateKeyOf(kindHashes[m.kind], keyed.String(m.invocation.Key), keyed.String(m.invocation.ID))
}

// FateName implements sim.Message.
func (m *message) FateName() string {
	return m.kind.String() + " " + m.invocation.Key + " " + m.invocation.ID
}

// Digest implements sim.Message.
func (m *message) Digest() uint64 {
	h := keyed.Mix(m.FateKey(), m.deliveryID)
	h = keyed.Mix(h, keyed.String(string(m.outcome))^keyed.String(m.reason)<<1)
	return keyed.Mix(h, keyed.String(m.state)^keyed.String(m.invocation.Argument)<<1)
}

func (m *message) String() string {
	s := m.FateName()
	switch m.kind {
	case request, proposal, commit:
		s += " " + m.invocation.Operation.String()
	case reject:
		s += " from " + m.state
	case reply:
		s += " " + string(m.outcome)
		if m.reason != "" {
			s += " " + m.reason
		}
		if m.state != "" {
			s += " in " + m.state
		}
	}
	return s
}

// applied is the observation that a node has applied a transition.
type applied struct {
	invocation *scenarios.Invocation
	from, to   string
}

// Digest implements sim.Observation.
func (a *applied) Digest() uint64 {
	return keyed.Mix(keyed.String(a.invocation.ID), keyed.String(a.from)^keyed.String(a.to)<<1)
}

func (a *applied) String() string {
	return fmt.Sprintf("applied %s %s %s→%s", a.invocation.Key, a.invocation.ID, a.from, a.to)
}

// booted is the observation that a node starts without state.
type booted struct{ life int }

// Digest implements sim.Observation.
func (b *booted) Digest() uint64 { return uint64(b.life) }

func (b *booted) String() string { return fmt.Sprintf("booted, life %d", b.life) }
