package main

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/node/wire"
)

// attackTimeout bounds each step of an attacker: nodes under siege are slow.
const attackTimeout = 20 * time.Second

// dialAttack opens a connection that leaves no port in TIME_WAIT. It waits for a moment if
// there is none.
func dialAttack(address string) net.Conn {
	nc, err := net.DialTimeout("tcp", address, attackTimeout)
	if err != nil {
		time.Sleep(time.Millisecond)
		return nil
	}
	_ = nc.(*net.TCPConn).SetLinger(0)
	_ = nc.SetDeadline(time.Now().Add(attackTimeout))
	return nc
}

// strange sends a Hello that is mutated, as are the frame around it and the words behind it.
func (b *besieger) strange() int64 {
	nc := dialAttack(b.plan.Peers[b.target()])
	if nc == nil {
		return 0
	}
	defer nc.Close()
	h := memberHello()
	h.Node = node.ID(1 + b.random.IntN(len(b.plan.Peers)))
	hello := wire.AppendHello(nil, h)
	text := b.mutate([][]byte{hello})
	if len(text) == 0 || b.random.IntN(2) == 0 {
		text = b.mutate([][]byte{append(frame(hello), frame([]byte{1})...)})
	} else {
		text = frame(text)
	}
	b.took()
	_ = nc.SetDeadline(time.Now().Add(100 * time.Millisecond)) // it need not wait with the node
	if _, err := nc.Write(text); err == nil {
		discard(nc)
	}
	return 1
}

// poserSeeds are sound messages of all kinds, by codec.
type poserSeeds struct{ payloads map[string][][]byte }

// pose sends mutated messages of all kinds in the name of a member, in a life that no
// node has admitted, and ends with bytes that are no message.
func (s *poserSeeds) pose(b *besieger) int64 {
	if s.payloads == nil {
		s.payloads = map[string][][]byte{"binary": goldenPayloads("binary.txt", 1), "cbor": goldenPayloads("cbor.txt", 1), "json": goldenPayloads("jsonl", 0)}
	}
	codec := []wire.Codec{wire.Binary{}, wire.CBOR{}, wire.JSON{}}[b.random.IntN(3)]
	at := b.target()
	as := node.ID(1 + (at+1+b.random.IntN(2))%3)
	nc := b.callPeer(at, as, uint64(1000+b.number), codec)
	if nc == nil {
		return 0
	}
	defer nc.Close()
	return b.sendMessages(nc, codec, s.payloads[codec.Name()], func(node.Message) bool { return true })
}

// callPeer introduces itself by a Hello, and returns the connection; nil: there is none.
func (b *besieger) callPeer(at int, as node.ID, life uint64, codec wire.Codec) net.Conn {
	nc := dialAttack(b.plan.Peers[at])
	if nc == nil {
		return nil
	}
	h := memberHello()
	h.Node, h.Life, h.Codecs, h.Codec = as, life, nil, ""
	h.OfferCodecs(codec)
	if _, err := nc.Write(append(frame(wire.AppendHello(nil, h)), frame([]byte{1})...)); err == nil {
		if _, err = nc.Read(make([]byte, 1)); err == nil {
			return nc
		}
	}
	_ = nc.Close()
	return nil
}

// sendMessages sends mutated payloads that the codec reads, up to one that it does not read or
// has a damaged frame, and waits until the node hangs up. Messages that are not to be
// sent are left out.
func (b *besieger) sendMessages(nc net.Conn, codec wire.Codec, seeds [][]byte, permitted func(node.Message) bool) (inputs int64) {
	var message node.Message
	read := func(payload []byte) bool {
		var err error
		message, err = codec.Decode(payload)
		return err == nil
	}
	var text []byte
	for inputs < 256 {
		payload, sound := b.sound(seeds, read)
		if sound && !permitted(message) || len(payload) == 0 || len(payload) > wire.MaxFrame {
			continue
		}
		inputs++
		b.took()
		text = append(text, frame(payload)...)
		if b.random.IntN(64) == 0 { // its checksum fails
			text[len(text)-len(payload)-1-b.random.IntN(4)] ^= 1 << b.random.IntN(8)
			sound = false
		}
		if !sound {
			break
		}
	}
	if inputs == 256 {
		text = append(text, frame([]byte{0xff})...)
	}
	if _, err := nc.Write(text); err != nil {
		return 0 // it may have been closed for another one
	}
	if discard(nc) {
		b.ended()
	}
	return inputs
}

// goldenPayloads returns the messages in a golden file of package wire: the lines that have
// no mark before them, which in the files of text are the first of each group.
func goldenPayloads(name string, after int) (all [][]byte) {
	file, err := os.Open("../../node/wire/testdata/messages." + name)
	if err != nil {
		panic(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		switch line := lines.Text(); {
		case after == 0:
			all = append(all, []byte(line))
		case strings.HasPrefix(line, "# "):
			lines.Scan()
			b, err := hex.DecodeString(lines.Text())
			if err != nil {
				panic(err)
			}
			all = append(all, b)
		}
	}
	return all
}

// liarPlan is a member that lies, as itself: it goes on from the log of a node that has ended.
type liarPlan struct {
	ID      node.ID
	Shows   member.Introduction
	Cluster [16]byte
}

// liarKeys are the machines that the member names: it could create others, up to the quotas.
const liarKeys = 16

func liarKey(i int) string { return fmt.Sprintf("lifecycle/liar-%d", i) }

// liarSeeds are sound messages of all kinds, as the member would send them.
type liarSeeds struct {
	payloads [][]byte
	turns    int
}

// lie sends mutated messages of all kinds as a member that is heard.
func (s *liarSeeds) lie(b *besieger) int64 {
	if s.payloads == nil {
		s.payloads = b.plan.Liar.seeds()
	}
	at := s.turns % len(b.plan.Peers)
	nc := b.callPeer(at, b.plan.Liar.ID, b.plan.Liar.Shows.Life, wire.Binary{})
	if nc == nil {
		return 0
	}
	defer nc.Close()
	if s.turns++; s.turns <= 100 { // a node admits it when the memory of it is durable
		var begin []byte
		for _, m := range []node.Message{&b.plan.Liar.Shows, b.plan.Liar.commit()} {
			var err error
			if begin, err = wire.AppendMessage(begin, wire.Binary{}, m); err != nil {
				panic(err)
			}
		}
		_, _ = nc.Write(begin)
	}
	return b.sendMessages(nc, wire.Binary{}, s.payloads, b.plan.Liar.permits)
}

// commit is a lie that every node shows which hears the member: no majority has chosen it.
func (l *liarPlan) commit() node.Message {
	return &node.Commit{Key: liarKey(0), Ballot: l.ballot(1), First: "c9.9",
		Value: &node.Value{Version: 1, Serial: 1, State: "Running", StateBefore: "Init", Window: []node.Entry{{ID: "c9.9", To: "Running"}}}}
}

func (l *liarPlan) ballot(round uint64) node.Ballot {
	return node.Ballot{Epoch: 1, Round: round, Node: l.ID, Boot: l.Shows.Boot}
}

// permits reports whether the member may send a message: of its machines, and without an
// introduction that would have it heard no more.
func (l *liarPlan) permits(m node.Message) bool {
	if in, ok := m.(*member.Introduction); ok {
		return in.Incarnation != l.Shows.Incarnation
	}
	switch m.(type) {
	case *node.RepairRequest, *node.RepairReport:
		return true
	}
	key, _ := m.About()
	for i := range liarKeys {
		if key == liarKey(i) {
			return true
		}
	}
	return false
}

// seeds returns the golden messages with the machines and the ballots of the member.
func (l *liarPlan) seeds() (all [][]byte) {
	for i, payload := range goldenPayloads("binary.txt", 1) {
		m, err := wire.Binary{}.Decode(payload)
		if err != nil {
			panic(err)
		}
		key, b := liarKey(i%liarKeys), l.ballot(uint64(1+i%9))
		switch m := m.(type) {
		case *node.Proposal:
			m.Key, m.Ballot = key, b
			if m.Phase == node.Accept {
				m.Next = l.ballot(b.Round + 1)
			}
		case *node.Acknowledgment:
			m.Key = key
		case *node.Reject:
			m.Key = key
		case *node.Commit:
			m.Key, m.Ballot = key, b
		case *node.ReadRequest:
			m.Key, m.Read.Node, m.Read.Boot = key, l.ID, l.Shows.Boot
		case *node.ReadReport:
			m.Key = key
		case *node.Request:
			m.Key = key
		case *node.Reply:
			m.Key = key
		case *node.RepairValue:
			m.Key, m.Ballot = key, b
		}
		if payload, err = (wire.Binary{}).Append(nil, m); err != nil {
			panic(err)
		}
		all = append(all, payload)
	}
	return all
}
