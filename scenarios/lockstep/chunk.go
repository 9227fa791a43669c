package lockstep

import (
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/arena"
	"github.com/lockstep-dst/lockstep/sim"
)

// chunk is a part of the bytes that cross a client's connection in one direction, as
// package stream makes them. A chunk that is lost, or that another one overtakes, ends
// the connection: its receiver finds a gap.
type chunk struct {
	subject
	connection uint64 // number that the client has given it, from 1 on
	offset     uint64 // of data in the direction's bytes
	data       []byte
	reset      bool // the sender has no such connection, or has just ended it
	damaged    bool // for the judge: the bytes are not those that were sent
}

// subject is the subject of a chunk, for its fate: the first message in it.
type subject struct {
	kind, key, name string
}

func subjectOf(kind string, m node.Message) subject {
	key, first := m.About()
	return subject{kind, key, first.Name()}
}

// noSubject is that of the bytes that are about no operation: a greeting.
var noSubject = subject{"stream", "-", "-"}

// FateKey implements sim.Message.
func (s *subject) FateKey() uint64 { return sim.FateKey(s.kind, s.key, s.name) }

// FateName implements sim.Message.
func (s *subject) FateName() string { return s.kind + " " + s.key + " " + s.name }

// Digest implements sim.Message.
func (c *chunk) Digest() uint64 {
	h := keyed.Mix(c.FateKey(), c.connection<<1|bit(c.reset))
	return keyed.Mix(keyed.Mix(h, c.offset), keyed.String(string(c.data)))
}

// Single implements sim.Single.
func (c *chunk) Single() bool { return true }

func (c *chunk) String() string {
	if c.reset {
		return fmt.Sprintf("reset of connection %d", c.connection)
	}
	return fmt.Sprintf("%d bytes at %d of connection %d: %s", len(c.data), c.offset, c.connection, c.FateName())
}

// direction is the sending side of a connection: it cuts what one end has to say into
// chunks, and may damage them.
type direction struct {
	connection uint64
	sent       uint64    // bytes
	key        keyed.Key // of the random choices
}

// send sends data to a process.
func (d *direction) send(r *run, to sim.ID, data []byte, about subject, out *sim.Effects) {
	for len(data) > 0 {
		k := d.key.Word(d.sent)
		n := len(data)
		if n > 1 && k.Name("cut").Below(4) == 0 {
			n = 1 + int(k.Name("at").Below(uint64(n-1)))
		}
		c := r.chunks.Make(arenaBlock)
		*c = chunk{subject: about, connection: d.connection, offset: d.sent, data: data[:n:n]}
		if k.Name("damage").Below(1000) < uint64(r.plan.Knobs.StreamDamage) {
			c.data, c.damaged = damageChunk(c.data, k), true
			r.marks.streamDamages++
		}
		out.Send(to, c)
		d.sent += uint64(n)
		data = data[n:]
	}
}

// damageChunk returns data with one to three flipped bits, which a checksum of 32 bits
// always detects. The length of the stream stays.
func damageChunk(data []byte, k keyed.Key) []byte {
	data = slices.Clone(data)
	for i := range 1 + k.Name("bits").Below(3) {
		data[k.Name("byte").Word(i).Below(uint64(len(data)))] ^= 1 << k.Name("bit").Word(i).Below(8)
	}
	return data
}

// streamBroken is the observation that a client has closed a connection because of the
// bytes of a node, none of which were damaged.
type streamBroken struct {
	node node.ID
	err  error
}

// Digest implements sim.Observation.
func (f *streamBroken) Digest() uint64 { return keyed.String(f.err.Error()) }

func (f *streamBroken) String() string {
	return fmt.Sprintf("closes its connection to node %d: %v", f.node, f.err)
}

// chunkPool allocates chunks in blocks.
type chunkPool = arena.Arena[chunk]
