package attacker

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/member"
)

// Source makes choices: a *rand.Rand, or a test's generator.
type Source interface {
	// IntN returns a number from 0 to n-1.
	IntN(n int) int
}

// Liar makes messages of a member that lies. It knows all that a member does.
type Liar struct {
	Members      []node.ID
	Incarnations [][16]byte // of the members
	Lives        []uint64   // of the members
	Cluster      [16]byte
	ID           node.ID // the member in the name of which it lies
	Victim       node.ID // to whom
	Keys         []string
	// Accuses is whether it states that it remembers lives of others which they have not
	// had. One testimony of that kind makes an honest member abstain.
	Accuses bool
}

// Message returns a message of any kind.
func (l *Liar) Message(s Source) node.Message {
	if s.IntN(12) == 0 {
		return l.Introduction(s)
	}
	key, b, v := pick(s, l.Keys), l.ballot(s), l.value(s)
	accepted := b
	if v == nil {
		accepted = node.Ballot{}
	}
	phase := node.Phase(1 + s.IntN(2))
	own := node.Ballot{Epoch: 1, Round: uint64(1 + s.IntN(8)), Node: l.Victim, Boot: 1} // the victim's, if it has come to that round
	exchange := node.ReadID{Node: pick(s, l.Members), Boot: 1, Seq: uint64(1 + s.IntN(8))}
	switch s.IntN(11) {
	case 0:
		return l.proposal(s, phase, key, b, v, l.ballot(s))
	case 1:
		next := b
		next.Round++
		return l.proposal(s, phase, key, b, v, next)
	case 2:
		return &node.Acknowledgment{Phase: phase, Key: key, Ballot: own, Accepted: accepted, Value: v, First: "c9.9", At: number(s)}
	case 3:
		return &node.Reject{Phase: phase, Key: key, Ballot: own, Reason: pick(s, []node.Reason{node.StaleBallot, node.BaseNotHeld}), Promised: b, First: "c9.9"}
	case 4:
		return &node.Commit{Key: key, Ballot: b, Value: v, First: "c9.9"}
	case 5:
		return &node.ReadRequest{Key: key, Read: exchange, First: "c9.9"}
	case 6:
		return &node.ReadReport{Key: key, Read: exchange, Accepted: accepted, Value: v, First: "c9.9", At: number(s)}
	case 7:
		return &node.RepairRequest{Exchange: exchange, Digest: number(s), Progress: number(s), Ranges: []node.HashRange{{}}, Wants: l.Keys}
	case 8:
		return &node.RepairReport{Exchange: exchange, Digest: number(s), Progress: number(s), RangesAnswered: uint16(s.IntN(3)), WantsAnswered: uint16(s.IntN(3)),
			Items: []node.RepairItem{{Key: key, Ballot: b, Chosen: s.IntN(2) == 0}}, Ranges: []node.HashRange{{Path: uint64(s.IntN(16)), Depth: 1, Digest: number(s)}}}
	case 9:
		return &node.RepairValue{Key: key, Ballot: b, Value: v, Chosen: s.IntN(2) == 0}
	}
	if s.IntN(2) == 0 {
		return &node.Request{Kind: node.Kind(1 + s.IntN(3)), Key: key, ID: node.OpID(fmt.Sprintf("c%d.1", 200+s.IntN(9))), To: "Running", Retry: s.IntN(2) == 0, Watermark: number(s)}
	}
	return &node.Reply{Kind: node.Propose, Key: key, ID: "c1.1", Attempt: uint32(s.IntN(5)), Outcome: node.Outcome(1 + s.IntN(3)), Reason: node.Illegal, Final: s.IntN(2) == 0}
}

// Introduction returns an introduction with any content that codecs let through.
func (l *Liar) Introduction(s Source) *member.Introduction {
	in := &member.Introduction{
		Incarnation: l.of(s, l.Incarnations, l.ID), Boot: number(s), Life: l.life(s, l.ID), Position: number(s),
		Stage: member.Stage(s.IntN(3)), Cluster: l.Cluster, Answer: s.IntN(2) == 0, Abstains: s.IntN(2) == 0,
	}
	if s.IntN(4) == 0 {
		in.Cluster = [16]byte{byte(s.IntN(256))}
	}
	if s.IntN(2) == 0 {
		for i, id := range l.Members {
			in.Members = append(in.Members, member.Identity{ID: id, Incarnation: l.Incarnations[i]})
		}
	}
	for range s.IntN(4) {
		in.Past = append(in.Past, member.Life{Boot: number(s), ID: l.life(s, l.ID), End: number(s)})
	}
	for range s.IntN(member.MaxKnown) {
		in.Known = append(in.Known, l.testimony(s))
	}
	return in
}

// testimony returns a testimony about anybody by anybody. Without Accuses it is one
// that none of its kind makes an honest member abstain: about no life, by no member, or
// of another log.
func (l *Liar) testimony(s Source) member.Testimony {
	t := member.Testimony{Of: pick(s, l.Members), By: pick(s, l.Members)}
	t.Memory = member.Memory{Incarnation: l.of(s, l.Incarnations, t.Of), Boot: number(s), Life: l.life(s, t.Of), Position: number(s)}
	if l.Accuses {
		return t
	}
	switch s.IntN(3) {
	case 0:
		t.Memory = member.Memory{Incarnation: l.of(s, l.Incarnations, t.Of)}
	case 1:
		t.By = node.ID(1000 + s.IntN(60_000))
	case 2:
		t.Memory.Incarnation = [16]byte{0xee, byte(s.IntN(256))}
	}
	if t.By == l.ID && t.Of != l.Victim {
		t.Of = l.Victim // about the other it would be an accusation, though of another log
	}
	return t
}

// ballot returns a ballot of any member, in any round.
func (l *Liar) ballot(s Source) node.Ballot {
	id := l.ID
	if s.IntN(4) == 0 {
		id = pick(s, l.Members)
	}
	round := number(s)
	if s.IntN(2) == 0 {
		round = uint64(1 + s.IntN(9))
	}
	return node.Ballot{Epoch: 1, Round: round, Node: id, Boot: 1 + number(s)%1_000}
}

// value returns a value of a lifecycle machine, or nil.
func (l *Liar) value(s Source) *node.Value {
	id := node.OpID(fmt.Sprintf("c%d.1", 300+s.IntN(9)))
	switch s.IntN(4) {
	case 0:
		return nil
	case 1:
		return &node.Value{Version: 1, Serial: 1, State: "Flying", StateBefore: "Init", Window: []node.Entry{{ID: id, To: "Flying"}}}
	}
	return &node.Value{Version: 1, Serial: 1, State: "Running", StateBefore: "Init", Window: []node.Entry{{ID: id, To: "Running"}}}
}

// of returns the id of a member, mostly the right one.
func (l *Liar) of(s Source, ids [][16]byte, id node.ID) [16]byte {
	for i := range l.Members {
		if l.Members[i] == id && s.IntN(4) > 0 {
			return ids[i]
		}
	}
	return [16]byte{0xbb, byte(s.IntN(256))}
}

func (l *Liar) life(s Source, id node.ID) uint64 {
	for i := range l.Members {
		if l.Members[i] == id && s.IntN(2) > 0 {
			return l.Lives[i]
		}
	}
	return number(s)
}

// number returns a number of any size: small, or near a power of two.
func number(s Source) uint64 {
	return uint64(1)<<s.IntN(64) - uint64(s.IntN(2))
}

func pick[T any](s Source, of []T) T { return of[s.IntN(len(of))] }

// proposal returns a proposal with another ballot in the place that its phase has for one.
// An accept has its value, or extends another one.
func (l *Liar) proposal(s Source, phase node.Phase, key string, b node.Ballot, v *node.Value, other node.Ballot) *node.Proposal {
	p := &node.Proposal{Phase: phase, Key: key, Ballot: b, Value: v, First: "c9.9"}
	if phase == node.Prepare {
		p.Known = other
		return p
	}
	p.Next = other
	if v != nil && s.IntN(2) == 0 { // as an extension of anything
		p.Value, p.Extension = nil, &node.Extension{Base: l.ballot(s), Dropped: uint16(s.IntN(4)), Entries: v.Window}
	}
	return p
}
