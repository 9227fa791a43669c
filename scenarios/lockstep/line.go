package lockstep

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/wire"
	"github.com/lockstep-dst/lockstep/sim"
)

// line is the way of a message through the real codec: as a frame, in chunks of
// any size, through the real decoder.
type line struct {
	codec wire.Codec
	key   keyed.Key
	sent  uint64
	frame []byte
}

// Carry implements scenarios.Carrier.
func (r *run) Carry(m sim.Message) sim.Message {
	e := m.(*envelope)
	arrived := r.arena.envelope(r.line.carry(e.Message))
	arrived.fate = e.Fate()
	return arrived
}

func (l *line) carry(m node.Message) node.Message {
	frame, err := wire.AppendMessage(l.frame[:0], l.codec, m)
	if err != nil {
		panic(fmt.Sprintf("lockstep: a node says what cannot be sent: %v: %v", m, err))
	}
	l.frame = frame
	l.sent++
	var decoder wire.Decoder
	for i := uint64(0); len(frame) > 0; i++ {
		n := 1 + int(l.key.Word(l.sent).Word(i).Below(uint64(len(frame))))
		decoder.Write(frame[:n])
		frame = frame[n:]
		payload, ok, err := decoder.Next()
		if err != nil || ok != (len(frame) == 0) {
			panic(fmt.Sprintf("lockstep: a frame of %v is lost in chunks: %v", m, err))
		}
		if ok {
			return l.decode(payload, m)
		}
	}
	panic("lockstep: an empty frame")
}

func (l *line) decode(payload []byte, sent node.Message) node.Message {
	m, err := l.codec.Decode(payload)
	if err != nil {
		panic(fmt.Sprintf("lockstep: %v does not arrive: %v", sent, err))
	}
	return m
}
