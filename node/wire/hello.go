package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

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
	// ErrEpoch means that the other side has another set of members.
	ErrEpoch = errors.New("the other side is in another epoch of the membership: wait until both have learnt the latest")
	// ErrCodec means that the other side uses another codec.
	ErrCodec = errors.New("the other side uses another codec: choose the same everywhere")
	// ErrNode means that the other side's number is that of this node, or 0.
	ErrNode = errors.New("the other side has no number of its own: check the address and its number")
)

const (
	magic          = "lockstep"
	fixedHelloSize = 12 // bytes with the same layout in all versions from 2 on
	maxCodec       = 8  // bytes of a codec's name
)

// Hello is the first message of both sides of a connection. The package comment has
// its layout.
type Hello struct {
	Protocol    uint16 // the latest version that the sender speaks
	Oldest      uint16 // the earliest version that the sender speaks
	Cluster     [16]byte
	Node        node.ID
	Incarnation [16]byte // of the node's log
	Boot, Life  uint64   // of the life that sends the messages of this connection
	Epoch       uint32
	Codec       string
}

// The numbers of the fields of a Hello. A later version may add fields. A receiver
// skips unknown fields from firstOptionalField on, and refuses other unknown fields.
const (
	fieldNode = iota + 1
	fieldEpoch
	fieldCluster
	fieldIncarnation
	fieldBoot
	fieldLife
	fieldCodec

	firstOptionalField = 128
)

// AppendHello appends h, with the name of its codec cut to eight bytes.
func AppendHello(dst []byte, h Hello) []byte {
	le := binary.LittleEndian
	dst = append(dst, magic...)
	dst = le.AppendUint16(dst, h.Protocol)
	dst = le.AppendUint16(dst, h.Oldest)
	field := func(number byte, data []byte) { dst = tlv.Append(dst, number, data) }
	field(fieldNode, le.AppendUint16(nil, uint16(h.Node)))
	field(fieldEpoch, le.AppendUint32(nil, h.Epoch))
	field(fieldCluster, h.Cluster[:])
	field(fieldIncarnation, h.Incarnation[:])
	field(fieldBoot, le.AppendUint64(nil, h.Boot))
	field(fieldLife, le.AppendUint64(nil, h.Life))
	field(fieldCodec, []byte(h.Codec[:min(len(h.Codec), maxCodec)]))
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
		return len(data) <= maxCodec && bytes.IndexByte(data, 0) < 0
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
	case fieldIncarnation:
		h.Incarnation = [16]byte(data)
	case fieldBoot:
		h.Boot = binary.LittleEndian.Uint64(data)
	case fieldLife:
		h.Life = binary.LittleEndian.Uint64(data)
	}
	return true
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
// other side's log are compared later: see package member.
func Check(own, theirs Hello) error {
	switch {
	case AgreedProtocol(own, theirs) == 0:
		return fmt.Errorf("protocols %d to %d, want one of %d to %d: %w", theirs.Oldest, theirs.Protocol, own.Oldest, own.Protocol, ErrProtocol)
	case own.Cluster != theirs.Cluster:
		return fmt.Errorf("cluster %x, want %x: %w", theirs.Cluster, own.Cluster, ErrCluster)
	case own.Epoch != theirs.Epoch:
		return fmt.Errorf("epoch %d, want %d: %w", theirs.Epoch, own.Epoch, ErrEpoch)
	case own.Codec != theirs.Codec:
		return fmt.Errorf("codec %q, want %q: %w", theirs.Codec, own.Codec, ErrCodec)
	case theirs.Node == own.Node || theirs.Node == 0:
		return fmt.Errorf("node %d, this is node %d: %w", theirs.Node, own.Node, ErrNode)
	}
	return nil
}
