package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/internal/tlv"
)

// Protocol and OldestProtocol are the latest and the earliest version of frames and
// messages that this program speaks. The two sides of a connection use the latest
// version that both know.
const (
	Protocol       = 2
	OldestProtocol = 2
)

// Errors of DecodeHello and Check: reasons to refuse a connection.
var (
	// ErrHello means that the first frame is not a Hello.
	ErrHello = errors.New("not a hello: check that the address is that of a node")
	// ErrProtocol means that there is no version that both sides speak.
	ErrProtocol = errors.New("the other side speaks no version of the protocol that this one does: run the same version everywhere")
	// ErrCluster means that the other side is of another cluster.
	ErrCluster = errors.New("the other side belongs to another cluster: check the address and the cluster that it is started for")
	// ErrEpoch means that the other side has another set of members. Earlier builds refuse
	// a connection for it; this one does not.
	ErrEpoch = errors.New("the other side is in another epoch of the membership: wait until both have learnt the latest")
	// ErrCodec means that the two sides read no codec in common.
	ErrCodec = errors.New("the other side reads no codec that this one does: choose the same everywhere")
	// ErrNode means that the other side's number is that of this node, or 0.
	ErrNode = errors.New("the other side has no number of its own: check the address and its number")
)

const (
	magic          = "lockstep"
	fixedHelloSize = 12 // bytes with the same layout in all versions from 2 on
	maxCodec       = 8  // bytes of a codec's name
	maxCodecs      = 16 // names in a list
)

// Hello is the first message of both sides of a connection. The package comment has
// its layout. It names the sender and shows nothing of its log: neither incarnation nor
// boot, which only introductions show. The acceptor's has no life either.
type Hello struct {
	Protocol uint16 // the latest version that the sender speaks
	Oldest   uint16 // the earliest version that the sender speaks
	Cluster  [16]byte
	Node     node.ID
	Life     uint64     // of the messages of this connection; 0: the sender is the acceptor and sends none
	Epoch    uint32     // always 1: see Check
	Codec    string     // for a side that knows no list of codecs
	Level    node.Level // of the sender's build
	Codecs   []string   // those that the sender reads, in the order in which it prefers to send them; nil: Codec alone
}

// The numbers of the fields of a Hello. A later version may add fields. A receiver
// skips unknown fields from firstOptionalField on, and refuses other unknown fields.
const (
	fieldNode = iota + 1
	fieldEpoch
	fieldCluster
	fieldIncarnation // unused
	fieldBoot        // unused
	fieldLife
	fieldCodec

	firstOptionalField = 128
	fieldCodecs        = 128
	fieldLevel         = 129 // none: below LevelExtensions; without data: that level; else the level, and perhaps data of later versions
)

// AppendHello appends h, with the names of codecs cut to eight bytes, and the list of
// them to sixteen.
func AppendHello(dst []byte, h Hello) []byte {
	le := binary.LittleEndian
	dst = append(dst, magic...)
	dst = le.AppendUint16(dst, h.Protocol)
	dst = le.AppendUint16(dst, h.Oldest)
	field := func(number byte, data []byte) { dst = tlv.Append(dst, number, data) }
	field(fieldNode, le.AppendUint16(nil, uint16(h.Node)))
	field(fieldEpoch, le.AppendUint32(nil, h.Epoch))
	field(fieldCluster, h.Cluster[:])
	field(fieldIncarnation, make([]byte, 16))
	field(fieldBoot, make([]byte, 8))
	field(fieldLife, le.AppendUint64(nil, h.Life))
	field(fieldCodec, []byte(h.Codec[:min(len(h.Codec), maxCodec)]))
	if len(h.Codecs) > 0 {
		field(fieldCodecs, appendCodecs(nil, h.Codecs[:min(len(h.Codecs), maxCodecs)]))
	}
	switch {
	case h.Level > node.LevelExtensions:
		field(fieldLevel, []byte{byte(h.Level)})
	case h.Level == node.LevelExtensions:
		field(fieldLevel, nil)
	}
	return dst
}

// appendCodecs appends names, each after its length.
func appendCodecs(dst []byte, names []string) []byte {
	for _, name := range names {
		name = name[:min(len(name), maxCodec)]
		dst = append(append(dst, byte(len(name))), name...)
	}
	return dst
}

// DecodeHello decodes a Hello. If it has no version in common with this program, only
// the versions are decoded, for Check to refuse. Errors wrap ErrHello.
func DecodeHello(b []byte) (Hello, error) {
	if len(b) < 10 || string(b[:8]) != magic {
		return Hello{}, ErrHello
	}
	h := Hello{Protocol: binary.LittleEndian.Uint16(b[8:])}
	h.Oldest = h.Protocol // version 1 has no earliest version
	if h.Protocol < OldestProtocol {
		return h, nil
	}
	if len(b) < fixedHelloSize {
		return Hello{}, fmt.Errorf("%d bytes: %w", len(b), ErrHello)
	}
	h.Oldest = binary.LittleEndian.Uint16(b[10:])
	if h.Oldest > Protocol {
		return h, nil
	}
	return h, h.fields(b[fixedHelloSize:])
}

// fields decodes the fields of a Hello: all fields of this version, once each and in
// order, and perhaps optional ones of later versions.
func (h *Hello) fields(b []byte) error {
	next := byte(fieldNode)
	h.Level = node.LevelCBOR
	for len(b) > 0 {
		number, data, rest, ok := tlv.Next(b)
		if !ok {
			return fmt.Errorf("a field is cut off: %w", ErrHello)
		}
		b = rest
		switch {
		case number == next && number <= fieldCodec:
			if !h.take(number, data) {
				return fmt.Errorf("field %d has %d bytes: %w", number, len(data), ErrHello)
			}
			next++
		case number == fieldCodecs:
			if h.Codecs != nil || !h.takeCodecs(data) {
				return fmt.Errorf("field %d is no list of names, or comes twice: %w", number, ErrHello)
			}
			h.Level = max(h.Level, node.LevelBinary)
		case number == fieldLevel:
			if h.Level >= node.LevelExtensions {
				return fmt.Errorf("field %d comes twice: %w", number, ErrHello)
			}
			h.takeLevel(data)
		case number < firstOptionalField:
			return fmt.Errorf("field %d is not known, or not in its place: %w", number, ErrHello)
		}
	}
	if next <= fieldCodec {
		return fmt.Errorf("field %d is missing: %w", next, ErrHello)
	}
	return nil
}

// take decodes one field. It reports false if its length is wrong, or the codec's name
// has a zero byte.
func (h *Hello) take(number byte, data []byte) bool {
	size := [...]int{fieldNode: 2, fieldEpoch: 4, fieldCluster: 16, fieldIncarnation: 16, fieldBoot: 8, fieldLife: 8}
	if number == fieldCodec {
		h.Codec = string(data)
		return isCodecName(data)
	}
	if len(data) != size[number] {
		return false
	}
	switch number {
	case fieldNode:
		h.Node = node.ID(binary.LittleEndian.Uint16(data))
	case fieldEpoch:
		h.Epoch = binary.LittleEndian.Uint32(data)
	case fieldCluster:
		h.Cluster = [16]byte(data)
	case fieldLife:
		h.Life = binary.LittleEndian.Uint64(data)
	}
	return true
}

// takeCodecs decodes a list of one to sixteen names. It reports false if it is none.
func (h *Hello) takeCodecs(data []byte) bool {
	for len(data) > 0 {
		n := int(data[0])
		if n == 0 || n >= len(data) || !isCodecName(data[1:1+n]) || len(h.Codecs) == maxCodecs {
			return false
		}
		h.Codecs = append(h.Codecs, string(data[1:1+n]))
		data = data[1+n:]
	}
	return h.Codecs != nil
}

// takeLevel decodes the field of a level.
func (h *Hello) takeLevel(data []byte) {
	h.Level = node.LevelExtensions
	if len(data) > 0 {
		h.Level = max(h.Level, node.Level(data[0]))
	}
}

func isCodecName(b []byte) bool { return len(b) <= maxCodec && bytes.IndexByte(b, 0) < 0 }

// OfferCodecs makes h offer all that this program reads: every codec, with c as the one to send
// with if the other side reads it, and the latest level. A side that knows no list, which is of an earlier version, is
// offered c, or CBOR in place of Binary, which it does not know.
func (h *Hello) OfferCodecs(c Codec) {
	h.Codec, h.Codecs, h.Level = c.Name(), []string{c.Name()}, node.LatestLevel
	if c == (Binary{}) {
		h.Codec = CBOR{}.Name()
	}
	for _, other := range codecs {
		if other != c {
			h.Codecs = append(h.Codecs, other.Name())
		}
	}
}

// Reads returns the names of the codecs that the sender of h reads, the one that it
// prefers to send with first.
func (h Hello) Reads() []string {
	if h.Codecs == nil {
		return []string{h.Codec}
	}
	return h.Codecs
}

// AgreedCodec is the codec of the messages from one side to the other: the first in the
// sender's list that the receiver reads too; nil if there is none. Both sides come to the
// same.
func AgreedCodec(sender, receiver Hello) Codec {
	for _, name := range sender.Reads() {
		if !slices.Contains(receiver.Reads(), name) {
			continue
		}
		if c, err := ByName(name); err == nil {
			return c
		}
	}
	return nil
}

// AgreedLevel is the level of the messages between two sides: the lower of theirs. A Hello
// that says nothing is of the first.
func AgreedLevel(own, theirs Hello) node.Level {
	return max(node.LevelCBOR, min(own.Level, theirs.Level, node.LatestLevel))
}

// AgreedProtocol is the latest version that both sides speak; 0 if there is none.
func AgreedProtocol(own, theirs Hello) uint16 {
	agreed := min(own.Protocol, theirs.Protocol)
	if agreed < max(own.Oldest, theirs.Oldest) {
		return 0
	}
	return agreed
}

// Check returns an error if two sides would misunderstand each other. Memories of the
// other side's log are compared later: see package member. So are epochs: messages carry
// their own, and members in different ones must introduce themselves to each other, since
// that is how the one behind learns the later configuration. The field of the Hello stays,
// for earlier builds, which refuse any value but 1.
func Check(own, theirs Hello) error {
	switch {
	case AgreedProtocol(own, theirs) == 0:
		return fmt.Errorf("protocols %d to %d, want one of %d to %d: %w", theirs.Oldest, theirs.Protocol, own.Oldest, own.Protocol, ErrProtocol)
	case own.Cluster != theirs.Cluster:
		return fmt.Errorf("cluster %x, want %x: %w", theirs.Cluster, own.Cluster, ErrCluster)
	case AgreedCodec(own, theirs) == nil:
		return fmt.Errorf("codec %q, want %q: %w", strings.Join(theirs.Reads(), ", "), strings.Join(own.Reads(), ", "), ErrCodec)
	case theirs.Node == own.Node || theirs.Node == 0:
		return fmt.Errorf("node %d, this is node %d: %w", theirs.Node, own.Node, ErrNode)
	}
	return nil
}
