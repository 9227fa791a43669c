package etcdraft

import (
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
	Value   string // of the key, after the operation
}

// packet is a message between nodes, encoded: raft keeps the messages that it is handed
// and changes some, and a message of a simulation belongs to all of its receivers.
//
// The network decides its fate by type and first operation, and not by a term or an
// index: so the faults of a plan strike the same messages when others are gone.
type packet struct {
	Type string `fate:"kind"`
	Key  string `fate:"key"`
	Op   string `fate:"op"`
	Data []byte
}

func newPacket(m *pb.Message) packet {
	p := packet{Type: m.GetType().String(), Data: marshal(m)}
	if entries := m.GetEntries(); m.GetType() == pb.MsgApp && len(entries) > 0 && isCommand(entries[0]) {
		first := decodeCommand(entries[0].GetData())
		p.Key, p.Op = first.Key, first.ID
	}
	return p
}

func (p packet) message() *pb.Message { return unmarshal(p.Data) }

// String is the text in traces, as raft writes it.
func (p packet) String() string { return raft.DescribeMessage(p.message(), nil) }

func marshal(m *pb.Message) []byte { return get(proto.MarshalOptions{Deterministic: true}.Marshal(m)) }

func unmarshal(data []byte) *pb.Message {
	m := &pb.Message{}
	must(proto.Unmarshal(data, m)) // of marshal: the network and the log prove damage
	return m
}

// must panics on an error that only a bug can cause.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// get is must for a function that returns a value.
func get[T any](value T, err error) T {
	must(err)
	return value
}
