package etcdraft

import (
	"strings"

	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/kit"
	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

// request is an attempt of a client at an operation.
type request struct {
	Key     string `fate:"key"`
	ID      string `fate:"op"`
	Attempt int
	Command command
}

// reply answers one attempt.
type reply struct {
	Key     string `fate:"key"`
	ID      string `fate:"op"`
	Attempt int
	Answer  kit.Answer
	Try     sim.ID // of Retry: the leader, if it is known
	Value   string // after the operation
}

// packet is a message of raft, encoded: raft keeps the messages that it is handed and
// changes some, and a message of a simulation belongs to all of its receivers.
type packet struct {
	Kind string `fate:"kind"` // as in "app-resp"
	Key  string `fate:"key"`
	Op   string `fate:"op"` // of the first entry
	Data []byte
}

// newPacket encodes m. The network decides its fate by kind and first operation, never by
// a term or an index, so that faults of a plan strike the same messages when others go.
func newPacket(m *pb.Message) packet {
	p := packet{Kind: kinds[m.GetType()], Data: marshal(m)}
	if entries := m.GetEntries(); len(entries) > 0 && len(entries[0].GetData()) > 0 && m.GetType() == pb.MsgApp {
		if c, err := decodeCommand(entries[0].GetData()); err == nil {
			p.Key, p.Op = c.Key, c.ID
		}
	}
	return p
}

func (p packet) message() *pb.Message { return unmarshal(p.Data) }

// String is the text in traces.
func (p packet) String() string { return raft.DescribeMessage(p.message(), describeEntry) }

// aliased is a message of raft as it is: see Aliased.
type aliased struct{ *pb.Message }

func (a *aliased) FateKey() uint64  { return kit.Message(newPacket(a.Message)).FateKey() }
func (a *aliased) FateName() string { return kit.Message(newPacket(a.Message)).FateName() }
func (a *aliased) Digest() uint64   { return kit.Message(newPacket(a.Message)).Digest() }
func (a *aliased) String() string   { return newPacket(a.Message).String() }

func describeEntry(data []byte) string {
	c, err := decodeCommand(data)
	if err != nil {
		return ""
	}
	return strings.Join([]string{c.ID, c.Kind, c.Key, c.Argument}, " ")
}

// kinds are the names of the types of messages: "app-resp" of MsgAppResp.
var kinds = func() map[pb.MessageType]string {
	names := map[pb.MessageType]string{}
	for number, name := range pb.MessageType_name {
		var kebab strings.Builder
		for i, r := range strings.TrimPrefix(name, "Msg") {
			if i > 0 && r >= 'A' && r <= 'Z' {
				kebab.WriteByte('-')
			}
			kebab.WriteRune(r)
		}
		names[pb.MessageType(number)] = strings.ToLower(kebab.String())
	}
	return names
}()

func marshal(m *pb.Message) []byte {
	data, err := proto.Marshal(m)
	if err != nil {
		panic(err) // a message of raft is always valid
	}
	return data
}

func unmarshal(data []byte) *pb.Message {
	m := &pb.Message{}
	if err := proto.Unmarshal(data, m); err != nil {
		panic(err) // the network delivers what marshal made, and the log proves damage
	}
	return m
}
