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

// codecPipe sends messages through the real codec: encoded as a frame, split into chunks
// of any size, decoded by the real decoder.
type codecPipe struct {
	key     keyed.Key
	count   uint64
	buf     []byte
	decoder wire.Decoder // of undamaged frames
}

// RoundTrip implements scenarios.MessageCodec.
func (r *run) RoundTrip(m sim.Message) sim.Message {
	e, ok := m.(*envelope)
	if !ok {
		return m // the end of a connection has no bytes
	}
	if e.decoded == nil {
		e.decoded = e
		if r.crossesCodec(e) {
			e.decoded = r.envelopes.Make(arenaBlock)
			*e.decoded = envelope{Message: r.pipe.roundTrip(r.codecOf(e), e.Message), fateKey: e.FateKey(), life: e.life, level: e.level, form: e.form}
		}
	}
	return e.decoded
}

// codecOf is the codec of a message: the plan's, or the one of the first level.
func (r *run) codecOf(e *envelope) wire.Codec {
	if e.form == node.LevelCBOR {
		return wire.CBOR{}
	}
	return r.codec
}

// crossesCodec reports whether a message is one that is sent as bytes. Knobs.CodecPercent
// is the share of messages; 0 means all.
func (r *run) crossesCodec(e *envelope) bool {
	if onlyForClients(e.Message) {
		return false
	}
	percent := uint64(r.plan.Knobs.CodecPercent)
	return percent == 0 || keyed.Key(e.Digest()).Word(codecChoice).Below(100) < percent
}

// onlyForClients reports whether a message never passes between nodes, so that their
// codecs do not know it: the reply of a service that stops.
func onlyForClients(m node.Message) bool {
	r, ok := m.(*node.Reply)
	return ok && r.Reason == node.Stopping
}

// codecChoice is the key of the random choice in crossesCodec.
var codecChoice = keyed.String("as bytes")

// Corrupt implements scenarios.MessageCodec.
func (r *run) Corrupt(m sim.Message, cut bool, k keyed.Key) string {
	e, ok := m.(*envelope)
	if !ok || onlyForClients(e.Message) {
		return ""
	}
	if taken := r.pipe.corrupt(r.codecOf(e), e.Message, cut, k, firstPayload); taken != nil {
		return taken.String()
	}
	return ""
}

// frameReader returns the payload of the first frame of a stream, if there is one.
type frameReader func(stream []byte) (payload []byte, ok bool)

// corrupt delivers m's frame truncated or damaged to a receiver that reads it with
// read. It returns the message that the receiver decodes before it gives up, or nil if
// the receiver rejects the bytes.
func (l *codecPipe) corrupt(codec wire.Codec, m node.Message, cut bool, k keyed.Key, read frameReader) node.Message {
	frame, err := wire.AppendMessage(l.buf[:0], codec, m)
	if err != nil {
		panic(fmt.Sprintf("lockstep: a message cannot be encoded: %v: %v", m, err))
	}
	l.buf = frame
	whole := slices.Clone(frame)
	if cut {
		frame = frame[:k.Name("cut").Below(uint64(len(frame)))]
	} else {
		frame = corruptFrame(frame, k)
		requireDecoderGivesUp(frame)
	}
	payload, ok := read(frame)
	if !ok || bytes.HasSuffix(whole, payload) {
		return nil // rejected, or damaged only outside the payload
	}
	taken, err := codec.Decode(payload)
	if err != nil { // the decoder accepts the frame, and the codec rejects it
		return nil
	}
	return taken
}

// requireDecoderGivesUp panics if, after a stream with a damaged length, a decoder waits
// for more bytes than a frame can have. It would wait for ever and buffer everything.
func requireDecoderGivesUp(stream []byte) {
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

// zeros follow damaged bytes. They are never written to.
var zeros = make([]byte, 16<<10)

// corruptFrame damages a frame in one of four ways.
func corruptFrame(frame []byte, k keyed.Key) []byte {
	n := uint64(len(frame))
	at := k.Name("at").Below(n)
	switch k.Name("how").Below(4) {
	case 0: // bits flip
		for i := range 1 + k.Name("bits").Below(3) {
			frame[(at+i)%n] ^= 1 << k.Word(i).Below(8)
		}
	case 1: // a run of zeros
		for i := at; i < min(n, at+16); i++ {
			frame[i] = 0
		}
		frame[at] ^= 0xff
	case 2: // bytes are missing, and the rest moves up
		frame = append(frame[:at:at], frame[min(n, at+1+k.Name("missing").Below(8)):]...)
		frame = append(frame, make([]byte, 16)...)
	case 3: // bytes are repeated
		frame = append(frame[:at:at], append([]byte{frame[at] ^ 1}, frame[at:]...)...)
	}
	return frame
}

// firstPayload is the frameReader of nodes.
func firstPayload(stream []byte) ([]byte, bool) {
	var decoder wire.Decoder
	decoder.Write(stream)
	payload, ok, err := decoder.Next()
	return payload, ok && err == nil
}

// roundTrip delivers m as the first of two equal frames, in chunks that ignore the
// boundaries of frames.
func (l *codecPipe) roundTrip(codec wire.Codec, m node.Message) (arrived node.Message) {
	frame, err := wire.AppendMessage(l.buf[:0], codec, m)
	if err != nil {
		panic(fmt.Sprintf("lockstep: a message cannot be encoded: %v: %v", m, err))
	}
	stream := append(frame, frame...)
	l.buf = stream
	l.count++
	decoder := &l.decoder
	decoder.Reset()
	frames := 0
	for i := uint64(0); len(stream) > 0; i++ {
		n := 1 + int(l.key.Word(l.count).Word(i).Below(uint64(len(stream))))
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
				arrived = decode(codec, payload, m)
			}
		}
	}
	if frames != 2 {
		panic(fmt.Sprintf("lockstep: of two frames of %v there are %d in chunks", m, frames))
	}
	return arrived
}

func decode(codec wire.Codec, payload []byte, sent node.Message) node.Message {
	m, err := codec.Decode(payload)
	if err != nil {
		panic(fmt.Sprintf("lockstep: %v does not arrive: %v", sent, err))
	}
	return m
}
