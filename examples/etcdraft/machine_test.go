package etcdraft

import (
	"testing"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/sim/kit"
	"github.com/stretchr/testify/require"
	pb "go.etcd.io/raft/v3/raftpb"
)

func TestCommands(t *testing.T) {
	m := newMachine()
	for _, step := range []struct {
		command command
		want    result
	}{
		{command{Kind: "delete", Key: "x"}, result{kit.Done, "nil"}},
		{command{Kind: "append", Key: "x", Argument: "a"}, result{kit.Done, "a"}},
		{command{Kind: "append", Key: "x", Argument: "b"}, result{kit.Done, "ab"}},
		{command{Kind: "cas", Key: "x", Expected: "a", Argument: "c"}, result{kit.Void, "ab"}},
		{command{Kind: "cas", Key: "x", Expected: "ab", Argument: "c"}, result{kit.Done, "c"}},
		{command{Kind: "cas", Key: "x", Expected: history.NoValue, Argument: "d"}, result{kit.Void, "c"}},
		{command{Kind: "cas", Key: "y", Expected: history.NoValue, Argument: "d"}, result{kit.Done, "d"}},
		{command{Kind: "write", Key: "x", Argument: "e"}, result{kit.Done, "e"}},
		{command{Kind: "delete", Key: "x"}, result{kit.Done, "nil"}},
	} {
		require.Equal(t, step.want, m.apply(step.command), "%+v", step.command)
	}
	require.Equal(t, history.NoValue, m.read("x"))
	require.Equal(t, "d", m.read("y"))
}

// A command that is proposed again has the result that it had.
func TestACommandIsAppliedOnce(t *testing.T) {
	n := &node{machine: newMachine(), config: config{marks: &marks{}}}
	c := command{ID: "c1.1", Kind: "append", Key: "x", Argument: "a"}
	require.Equal(t, result{kit.Done, "a"}, n.applyOnce(c))
	n.applyOnce(command{ID: "c2.1", Kind: "append", Key: "x", Argument: "b"})
	require.Equal(t, result{kit.Done, "a"}, n.applyOnce(c))
	require.Equal(t, "ab", n.machine.read("x"))
}

func TestASnapshotHasAllOfTheMachine(t *testing.T) {
	m := newMachine()
	r := m.apply(command{ID: "c1.1", Kind: "write", Key: "x", Argument: "a"})
	m.advance(2, 1, []byte("entry"), r)
	require.Equal(t, m, restore(m.snapshot(), 2))
	require.Equal(t, &machine{Index: 1, Values: map[string]string{}, Results: map[string]result{}}, restore(nil, 1))
}

func TestCommandsAreEncoded(t *testing.T) {
	for _, c := range []command{
		{},
		{"c1.1", "cas", "k1", "new", "old"},
		{ID: "c1.2", Kind: "write", Key: "ü \x00", Argument: string(make([]byte, 300))},
	} {
		require.Equal(t, c, decodeCommand(c.encode()))
	}
}

func TestPackets(t *testing.T) {
	c := command{ID: "c1.2", Kind: "write", Key: "k1", Argument: "a"}
	entry := func(kind pb.EntryType, data []byte) []*pb.Entry {
		return []*pb.Entry{{Type: &kind, Index: new(uint64(7)), Term: new(uint64(3)), Data: data}}
	}
	for _, p := range []struct {
		message *pb.Message
		name    string
	}{
		{&pb.Message{Type: pb.MsgApp.Enum(), Entries: entry(pb.EntryNormal, c.encode())}, "MsgApp k1 c1.2"},
		{&pb.Message{Type: pb.MsgApp.Enum(), Entries: entry(pb.EntryNormal, nil)}, "MsgApp - -"},
		{&pb.Message{Type: pb.MsgApp.Enum(), Entries: entry(pb.EntryConfChange, []byte{8, 1})}, "MsgApp - -"},
		{&pb.Message{Type: pb.MsgApp.Enum()}, "MsgApp - -"},
		{&pb.Message{Type: pb.MsgReadIndex.Enum(), Entries: entry(pb.EntryNormal, []byte("c1.2/1"))}, "MsgReadIndex - -"},
		{&pb.Message{Type: pb.MsgVoteResp.Enum(), Term: new(uint64(9))}, "MsgVoteResp - -"},
	} {
		m := kit.Message(newPacket(p.message))
		require.Equal(t, p.name, m.FateName())
		require.Contains(t, m.String(), p.message.GetType().String())
		require.Equal(t, marshal(p.message), marshal(kit.Body(m).(packet).message()))
	}
}
