package bubble

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/sim"
)

// segmentKind is the kind of a segment.
type segmentKind uint8

const (
	segmentSyn    segmentKind = iota + 1 // a dialler asks for a stream to a port
	segmentAccept                        // a listener agrees
	segmentData                          // bytes, the end of the stream, or both
	segmentAck                           // nothing but an acknowledgement
	segmentProbe                         // asks for an acknowledgement
	segmentReset                         // there is no such stream, or it has failed
)

func (k segmentKind) String() string {
	return [...]string{"?", "syn", "accept", "data", "ack", "probe", "reset"}[k]
}

// segment is the message in which streams cross the network. Offsets count the bytes
// of one direction from 0; the end of the stream counts as one more.
type segment struct {
	kind     segmentKind
	stream   *streamName
	from, to uint64 // stream numbers at the sender and at the receiver; 0: none yet
	port     uint16 // syn: the port that is dialled
	seq      uint64 // offset of the first byte of data
	ack      uint64 // every byte before this offset has arrived
	window   uint64 // bytes from ack on that the sender of the segment has room for
	fin      bool   // the stream ends behind data
	data     []byte
}

// streamName is the name of a stream in fate names and traces: host, life and number
// at the dialler, as in "101.1.3".
type streamName struct {
	text string
	hash uint64
}

func newStreamName(id sim.ID, life int, number uint32) *streamName {
	text := fmt.Sprintf("%d.%d.%d", id, life, number)
	return &streamName{text, keyed.String(text)}
}

// subject is the third part of the fate name: the offset that the segment is about.
// It is the same for all copies of a segment that is sent again.
func (s *segment) subject() uint64 {
	switch s.kind {
	case segmentData:
		return s.seq
	case segmentAck, segmentProbe:
		return s.ack
	}
	return 0
}

// fateKind is the first part of the fate name.
func (s *segment) fateKind() string {
	if s.kind == segmentData && len(s.data) == 0 {
		return "fin"
	}
	return s.kind.String()
}

// FateKey implements sim.Message.
func (s *segment) FateKey() uint64 {
	return sim.FateKeyOf(keyed.String(s.fateKind()), s.stream.hash, keyed.String(fmt.Sprint(s.subject())))
}

// FateName implements sim.Message.
func (s *segment) FateName() string {
	return fmt.Sprintf("%s %s %d", s.fateKind(), s.stream.text, s.subject())
}

// Digest implements sim.Message.
func (s *segment) Digest() uint64 {
	h := keyed.Mix(s.stream.hash, uint64(s.kind)<<17|uint64(s.port)<<1|uint64(len(s.data))<<25)
	for _, word := range [...]uint64{s.from, s.to, s.seq, s.ack, s.window} {
		h = keyed.Mix(h, word)
	}
	if s.fin {
		h = keyed.Mix(h, 1)
	}
	return keyed.Mix(h, keyed.String(string(s.data)))
}

func (s *segment) String() string {
	text := fmt.Sprintf("%v %s", s.kind, s.stream.text)
	switch s.kind {
	case segmentSyn:
		return fmt.Sprintf("%s to port %d", text, s.port)
	case segmentReset:
		return text
	case segmentData:
		text += fmt.Sprintf(" %d+%d", s.seq, len(s.data)) + excerpt(s.data)
		if s.fin {
			text += " end"
		}
	}
	return fmt.Sprintf("%s ack %d+%d", text, s.ack, s.window)
}

// maxExcerpt is the number of bytes of a segment that a trace shows.
const maxExcerpt = 24

// excerpt returns the beginning of data for a trace, and a hash of data that is
// longer, so that the traces of two runs differ where their data does.
func excerpt(data []byte) string {
	switch {
	case len(data) == 0:
		return ""
	case len(data) <= maxExcerpt:
		return fmt.Sprintf(" %q", data)
	}
	return fmt.Sprintf(" %q... (%08x)", data[:maxExcerpt], uint32(keyed.String(string(data))))
}
