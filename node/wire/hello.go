package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/lockstep-dst/lockstep/node"
)

// Protocol is the version of frames and messages that this program speaks.
const Protocol = 1

// Reasons to refuse a connection.
var (
	// ErrHello: the first frame is no Hello.
	ErrHello = errors.New("not a hello: check that the address is that of a node")
	// ErrProtocol: the versions differ.
	ErrProtocol = errors.New("the other side speaks another version of the protocol: run the same version everywhere")
	// ErrCluster: it is of another cluster.
	ErrCluster = errors.New("the other side belongs to another cluster: check the address and the cluster it is told to join")
	// ErrEpoch: it knows other members.
	ErrEpoch = errors.New("the other side is in another epoch of the membership: wait until both have learnt the latest")
	// ErrCodec: it speaks another codec.
	ErrCodec = errors.New("the other side uses another codec: choose the same everywhere")
	// ErrNode: it claims to be this node, or none.
	ErrNode = errors.New("the other side has no number of its own: check the address and its number")
)

const (
	magic     = "lockstep"
	helloSize = 56
	maxCodec  = 8 // bytes of a codec's name
)

// Hello is what both sides of a connection say first. The package comment gives
// its layout.
type Hello struct {
	Protocol    uint16
	Cluster     [16]byte
	Node        node.ID
	Incarnation [16]byte // of the node's log
	Epoch       uint32
	Codec       string
}

// AppendHello appends h; the name of its codec is cut after eight bytes.
func AppendHello(dst []byte, h Hello) []byte {
	var codec [maxCodec]byte
	copy(codec[:], h.Codec)
	dst = append(dst, magic...)
	dst = binary.LittleEndian.AppendUint16(dst, h.Protocol)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(h.Node))
	dst = binary.LittleEndian.AppendUint32(dst, h.Epoch)
	dst = append(dst, h.Cluster[:]...)
	dst = append(dst, h.Incarnation[:]...)
	return append(dst, codec[:]...)
}

// DecodeHello reads a Hello. Of one of another protocol only the version is
// read, for Check to refuse.
func DecodeHello(b []byte) (Hello, error) {
	if len(b) < 10 || string(b[:8]) != magic {
		return Hello{}, ErrHello
	}
	h := Hello{Protocol: binary.LittleEndian.Uint16(b[8:])}
	if h.Protocol != Protocol {
		return h, nil
	}
	if len(b) != helloSize {
		return Hello{}, fmt.Errorf("%d bytes, want %d: %w", len(b), helloSize, ErrHello)
	}
	h.Node = node.ID(binary.LittleEndian.Uint16(b[10:]))
	h.Epoch = binary.LittleEndian.Uint32(b[12:])
	h.Cluster = [16]byte(b[16:])
	h.Incarnation = [16]byte(b[32:])
	codec := bytes.TrimRight(b[48:], "\x00")
	if bytes.IndexByte(codec, 0) >= 0 {
		return Hello{}, fmt.Errorf("codec %q: %w", codec, ErrHello)
	}
	h.Codec = string(codec)
	return h, nil
}

// Check refuses a connection between two that would misunderstand each other.
// Whether the other's incarnation is the one that is remembered is for its
// caller to see.
func Check(own, theirs Hello) error {
	switch {
	case own.Protocol != theirs.Protocol:
		return fmt.Errorf("protocol %d, want %d: %w", theirs.Protocol, own.Protocol, ErrProtocol)
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
