package lockstep

import (
	"bytes"
	"fmt"
	"slices"

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
	whole wire.Decoder // of what arrives whole
	// reader takes the first payload out of a stream; nil: the real decoder
	reader func(stream []byte) (payload []byte, ok bool)
}

// RoundTrip implements scenarios.Carrier.
func (r *run) RoundTrip(m sim.Message) sim.Message {
	e := m.(*envelope)
	if e.arrived == nil {
		e.arrived = e
		if r.asBytes(e) {
			e.arrived = r.arena.block.make()
			*e.arrived = envelope{Message: r.line.carry(e.Message), fate: e.FateKey(), life: e.life}
		}
	}
	return e.arrived
}

// asBytes reports whether a message is one of those that cross as bytes.
func (r *run) asBytes(e *envelope) bool {
	percent := uint64(r.plan.Knobs.CodecPercent)
	return percent == 0 || keyed.Key(e.Digest()).Word(carriedAsBytes).Below(100) < percent
}

// carriedAsBytes is what the choice is for that asBytes makes.
var carriedAsBytes = keyed.String("as bytes")

// Corrupt implements scenarios.Carrier.
func (r *run) Corrupt(m sim.Message, cut bool, k keyed.Key) string {
	if taken := r.line.damage(m.(*envelope).Message, cut, k); taken != nil {
		return taken.String()
	}
	return ""
}

// damage has m's frame arrive cut off, or damaged, with the frames of others
// behind it. It gives what the receiver takes for a message before it gives up.
func (l *line) damage(m node.Message, cut bool, k keyed.Key) node.Message {
	frame, err := wire.AppendMessage(l.frame[:0], l.codec, m)
	if err != nil {
		panic(fmt.Sprintf("lockstep: a node says what cannot be sent: %v: %v", m, err))
	}
	l.frame = frame
	whole := slices.Clone(frame)
	if cut {
		frame = frame[:k.Name("cut").Below(uint64(len(frame)))]
	} else {
		frame = harm(frame, k)
		gaveUp(frame)
	}
	payload, ok := l.first(frame)
	if !ok || bytes.HasSuffix(whole, payload) {
		return nil // refused, or harmed where nobody reads
	}
	taken, err := l.codec.Decode(payload)
	if err != nil { // the decoder has let it through, and the codec refuses it
		return nil
	}
	return taken
}

// gaveUp panics if a decoder waits for more than a frame can have, after a stream
// whose length was damaged: it would for ever, and keep it all.
func gaveUp(stream []byte) {
	var decoder wire.Decoder
	decoder.Write(stream)
	for more := 0; more <= wire.MaxFrame; more += len(zeros) {
		if _, ok, err := decoder.Next(); ok || err != nil {
			return
		}
		decoder.Write(zeros)
	}
	if _, ok, err := decoder.Next(); !ok && err == nil {
		panic(fmt.Sprintf("lockstep: the decoder waits for more than %d bytes", decoder.Buffered()))
	}
}

// zeros are what follows damaged bytes. Nobody writes to them.
var zeros = make([]byte, 16<<10)

// harm damages a frame, in one of the ways in which bytes suffer.
func harm(frame []byte, k keyed.Key) []byte {
	n := uint64(len(frame))
	at := k.Name("at").Below(n)
	switch k.Name("how").Below(4) {
	case 0: // bits flip
		for i := range 1 + k.Name("bits").Below(3) {
			frame[(at+i)%n] ^= 1 << k.Word(i).Below(8)
		}
	case 1: // zeros in its midst
		for i := at; i < min(n, at+16); i++ {
			frame[i] = 0
		}
		frame[at] ^= 0xff
	case 2: // some are missing, and what follows comes in their place
		frame = append(frame[:at:at], frame[min(n, at+1+k.Name("missing").Below(8)):]...)
		frame = append(frame, make([]byte, 16)...)
	case 3: // some come twice
		frame = append(frame[:at:at], append([]byte{frame[at] ^ 1}, frame[at:]...)...)
	}
	return frame
}

// first is the payload of the first frame of a stream, if there is one.
func (l *line) first(stream []byte) ([]byte, bool) {
	if l.reader != nil {
		return l.reader(stream)
	}
	var decoder wire.Decoder
	decoder.Write(stream)
	payload, ok, err := decoder.Next()
	return payload, ok && err == nil
}

// carry has m arrive as the first of two frames that are alike, in chunks that
// do not care where a frame ends.
func (l *line) carry(m node.Message) (arrived node.Message) {
	frame, err := wire.AppendMessage(l.frame[:0], l.codec, m)
	if err != nil {
		panic(fmt.Sprintf("lockstep: a node says what cannot be sent: %v: %v", m, err))
	}
	stream := append(frame, frame...)
	l.frame = stream
	l.sent++
	decoder := &l.whole
	decoder.Reset()
	frames := 0
	for i := uint64(0); len(stream) > 0; i++ {
		n := 1 + int(l.key.Word(l.sent).Word(i).Below(uint64(len(stream))))
		decoder.Write(stream[:n])
		stream = stream[n:]
		for {
			payload, ok, err := decoder.Next()
			if err != nil || ok && !bytes.HasSuffix(frame, payload) {
				panic(fmt.Sprintf("lockstep: a frame of %v is damaged in chunks: %v", m, err))
			}
			if !ok {
				break
			}
			if frames++; frames == 1 {
				arrived = l.decode(payload, m)
			}
		}
	}
	if frames != 2 {
		panic(fmt.Sprintf("lockstep: of two frames of %v there are %d in chunks", m, frames))
	}
	return arrived
}

func (l *line) decode(payload []byte, sent node.Message) node.Message {
	m, err := l.codec.Decode(payload)
	if err != nil {
		panic(fmt.Sprintf("lockstep: %v does not arrive: %v", sent, err))
	}
	return m
}
