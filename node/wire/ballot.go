package wire

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/lockstep-dst/lockstep/node"
)

type ballot struct {
	_     struct{} `cbor:",toarray"`
	Epoch uint32
	Round uint64
	Node  uint16
	Boot  uint64
}

func ballotOf(b node.Ballot) ballot {
	return ballot{Epoch: b.Epoch, Round: b.Round, Node: uint16(b.Node), Boot: b.Boot}
}

func (b ballot) ballot() node.Ballot {
	return node.Ballot{Epoch: b.Epoch, Round: b.Round, Node: node.ID(b.Node), Boot: b.Boot}
}

// MarshalText returns the text of node.Ballot.
func (b ballot) MarshalText() ([]byte, error) { return []byte(b.ballot().String()), nil }

// UnmarshalText accepts exactly the texts of MarshalText.
func (b *ballot) UnmarshalText(text []byte) error {
	epoch, rest := uint64(1), string(text)
	if cut, ok := strings.CutPrefix(rest, "e"); ok {
		digits, after, _ := strings.Cut(cut, ":")
		epoch, rest = number(digits, 32), after
	}
	if n, ok := numbers(rest, 64, 16, 64); ok {
		*b = ballot{Epoch: uint32(epoch), Round: n[0], Node: uint16(n[1]), Boot: n[2]}
	} else {
		*b = ballot{}
	}
	if b.ballot().String() != string(text) {
		return fmt.Errorf("ballot %q: want round.node.boot, as in 7.2.1", text)
	}
	return nil
}

type readID struct {
	_    struct{} `cbor:",toarray"`
	Node uint16
	Boot uint64
	Seq  uint64
}

func readIDOf(r node.ReadID) readID { return readID{Node: uint16(r.Node), Boot: r.Boot, Seq: r.Seq} }

func (r readID) readID() node.ReadID {
	return node.ReadID{Node: node.ID(r.Node), Boot: r.Boot, Seq: r.Seq}
}

// MarshalText returns the text of node.ReadID.
func (r readID) MarshalText() ([]byte, error) { return []byte(r.readID().String()), nil }

// UnmarshalText accepts exactly the texts of MarshalText.
func (r *readID) UnmarshalText(text []byte) error {
	n, ok := numbers(string(text), 16, 64, 64)
	*r = readID{Node: uint16(n[0]), Boot: n[1], Seq: n[2]}
	if !ok || r.readID().String() != string(text) {
		return fmt.Errorf("read %q: want node.boot.sequence, as in 2.1.9", text)
	}
	return nil
}

// numbers parses three numbers separated by dots, each of at most the given bits.
func numbers(text string, bits ...int) (n [3]uint64, ok bool) {
	parts := strings.SplitN(text, ".", 4)
	if len(parts) != len(n) {
		return n, false
	}
	for i, p := range parts {
		n[i] = number(p, bits[i])
	}
	return n, true
}

// number parses a number. It returns 0 if text is invalid: callers format the result
// again and compare it with the text.
func number(text string, bits int) uint64 {
	n, err := strconv.ParseUint(text, 10, bits)
	if err != nil {
		return 0
	}
	return n
}
