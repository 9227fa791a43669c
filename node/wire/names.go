package wire

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/node"
)

// messageType is the type of a message.
type messageType uint8

const (
	typeProposal messageType = iota + 1
	typeAcknowledgment
	typeReject
	typeCommit
	typeReadRequest
	typeReadReport
	typeRequest
	typeReply
	typeRepairRequest
	typeRepairReport
	typeRepairValue
	typeIntroduction
	typeExtendedAccept
)

var messageTypeNames = [...]string{"?", "proposal", "acknowledgment", "reject", "commit",
	"read-request", "read-report", "request", "reply", "repair-request", "repair-report", "repair-value", "introduction", "extended-accept"}

func (k messageType) String() string { return messageTypeNames[k] }

// entryKindNames are older than the names in package node. Version 2 of the protocol
// has them.
var entryKindNames = [...]string{"made", "void-illegal", "void-mismatch", "void"}

func (k entryKind) String() string { return entryKindNames[k] }

// The enumerations of package node: numbers in CBOR, names in JSON. Values have been
// checked before they are marshalled.
type (
	phase       node.Phase
	requestKind node.Kind
	outcome     node.Outcome

	entryKind node.EntryKind
)

// MarshalText returns the name.
func (k messageType) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// MarshalText returns the name.
func (p phase) MarshalText() ([]byte, error) { return []byte(node.Phase(p).String()), nil }

// MarshalText returns the name.
func (a requestKind) MarshalText() ([]byte, error) { return []byte(node.Kind(a).String()), nil }

// MarshalText returns the name.
func (o outcome) MarshalText() ([]byte, error) { return []byte(node.Outcome(o).String()), nil }

// MarshalText returns the name.
func (k entryKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText parses a name.
func (k *messageType) UnmarshalText(text []byte) error {
	v, err := named("type", text, typeProposal, typeExtendedAccept)
	*k = v
	return err
}

// UnmarshalText parses a name.
func (p *phase) UnmarshalText(text []byte) error {
	v, err := named("phase", text, node.Prepare, node.Accept)
	*p = phase(v)
	return err
}

// UnmarshalText parses a name.
func (a *requestKind) UnmarshalText(text []byte) error {
	v, err := named("kind", text, node.Propose, node.ReadLocal)
	*a = requestKind(v)
	return err
}

// UnmarshalText parses a name.
func (o *outcome) UnmarshalText(text []byte) error {
	v, err := named("outcome", text, node.Committed, node.Unknown)
	*o = outcome(v)
	return err
}

// UnmarshalText parses a name.
func (k *entryKind) UnmarshalText(text []byte) error {
	v, err := named("kind", text, entryKind(node.EntryTransition), entryKind(node.EntryTombstone))
	*k = v
	return err
}

// named returns the value of first to last with the given name.
func named[T interface {
	~uint8
	fmt.Stringer
}](what string, text []byte, first, last T) (T, error) {
	for v := first; v <= last; v++ {
		if v.String() == string(text) {
			return v, nil
		}
	}
	var names []string
	for v := first; v <= last; v++ {
		names = append(names, v.String())
	}
	return 0, fmt.Errorf("%s %q: want one of %v", what, text, names)
}
