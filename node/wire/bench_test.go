package wire_test

import (
	"fmt"
	"testing"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/wire"
)

// benchmarked returns messages as nodes send them at work: machines with a dedup window
// of 16 entries, and ids with a watermark.
func benchmarked() (list []struct {
	name string
	m    node.Message
}) {
	const key, first = "lifecycle/web-1", node.OpID("1015@x3_k5hGz0Q9aLw7RtYcV")
	ballot, next := node.Ballot{Epoch: 1, Round: 1007, Node: 2, Boot: 3}, node.Ballot{Epoch: 1, Round: 1008, Node: 2, Boot: 3}
	read := node.ReadID{Node: 2, Boot: 3, Seq: 4711}
	v := valueWithWindow(16)
	for i := range v.Window {
		v.Window[i].ID = node.OpID(fmt.Sprintf("%d%s", 1000+i, first[4:]))
	}
	add := func(name string, m node.Message) {
		list = append(list, struct {
			name string
			m    node.Message
		}{name, m})
	}
	add("prepare", &node.Proposal{Phase: node.Prepare, Key: key, Ballot: ballot, First: first})
	add("accept", &node.Proposal{Phase: node.Accept, Key: key, Ballot: ballot, Value: v, Next: next, First: first})
	add("promise", &node.Acknowledgment{Phase: node.Prepare, Key: key, Ballot: next, Accepted: ballot, Value: v, First: first, At: 1 << 30})
	add("accepted", &node.Acknowledgment{Phase: node.Accept, Key: key, Ballot: ballot, First: first, At: 1 << 30})
	add("reject", &node.Reject{Phase: node.Accept, Key: key, Ballot: ballot, Reason: node.StaleBallot, Promised: next, First: first})
	add("commit", &node.Commit{Key: key, Ballot: ballot, Value: v, First: first})
	add("read-request", &node.ReadRequest{Key: key, Read: read, First: first})
	add("read-report", &node.ReadReport{Key: key, Read: read, Accepted: ballot, Value: v, First: first, At: 1 << 30})
	add("request", &node.Request{Kind: node.Propose, Key: key, ID: first, Attempt: 2, To: "Running", Watermark: 1015})
	add("reply", &node.Reply{Kind: node.Propose, Key: key, ID: first, Attempt: 2, Outcome: node.Committed, State: "Running", Version: 1016, Serial: 1016})
	add("repair-value", &node.RepairValue{Key: key, Ballot: ballot, Value: v, Chosen: true})
	return list
}

// One operation is one message, with its frame.
func BenchmarkAppend(b *testing.B) {
	for _, c := range codecs {
		for _, x := range benchmarked() {
			b.Run(c.Name()+"/"+x.name, func(b *testing.B) {
				buf := framed(b, c, x.m)
				b.ReportAllocs()
				b.SetBytes(int64(len(buf)))
				for b.Loop() {
					buf, _ = wire.AppendMessage(buf[:0], c, x.m)
				}
			})
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, c := range codecs {
		for _, x := range benchmarked() {
			b.Run(c.Name()+"/"+x.name, func(b *testing.B) {
				stream := framed(b, c, x.m)
				var d wire.Decoder
				b.ReportAllocs()
				b.SetBytes(int64(len(stream)))
				for b.Loop() {
					d.Write(stream)
					payload, _, _ := d.Next()
					if _, err := c.Decode(payload); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// One operation is a frame of 1 KiB, in two chunks as from a socket.
func BenchmarkDecoder(b *testing.B) {
	stream, _ := wire.AppendFrame(nil, make([]byte, 1024))
	var d wire.Decoder
	b.ReportAllocs()
	b.SetBytes(int64(len(stream)))
	for b.Loop() {
		d.Write(stream[:500])
		d.Next()
		d.Write(stream[500:])
		if _, ok, err := d.Next(); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
