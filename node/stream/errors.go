package stream

import (
	"errors"
	"fmt"

	"github.com/lockstep-dst/lockstep/node/op"
)

// Versions of the protocol that this package speaks.
const (
	Version       = 1
	OldestVersion = 1
)

// Protocol is the name of the protocol in the header Upgrade.
const Protocol = "lockstep"

// Bounds of messages.
const (
	MaxFrame  = 64 << 10 // bytes of a message
	MaxName   = 1 << 10  // bytes of a key, a prefix, or an operation's id
	MaxState  = 16 << 10 // bytes of a state, which may be the text of a definition (fsm.MaxText)
	MaxText   = 4 << 10  // bytes of a text for people; longer ones are cut
	MaxCredit = 1 << 20  // credits of a connection or a watch at one time
	maxCode   = 64       // bytes of a reason or a code
)

// Errors of both ends. Errors about received bytes wrap ErrMessage, ErrProtocol,
// ErrVersion, or an error of package frame. They are final: close the connection.
var (
	ErrMessage  = errors.New("not a message of this protocol")
	ErrProtocol = errors.New("the other side breaks the rules of the protocol")
	ErrVersion  = errors.New("the two sides have no version of the protocol in common")
	ErrNoCredit = errors.New("the connection has no credit for another operation or watch") // try again after an event
	ErrClosed   = errors.New("the connection takes no more requests")
	ErrInvalid  = errors.New("a request that does not fit into a message") // nothing was sent
)

// Code is the reason of a Goaway.
type Code uint8

// The codes.
const (
	Stopping        Code = iota + 1 // the node stops
	ProtocolError                   // the client has broken a rule
	TooSlow                         // the client does not take its replies
	VersionMismatch                 // ErrVersion
	Idle                            // nothing has come from the client for a long time
)

func (c Code) String() string {
	names := [...]string{"?", "stopping", "protocol error", "too slow", "version mismatch", "idle"}
	if int(c) < len(names) {
		return names[c]
	}
	return fmt.Sprintf("code %d", uint8(c))
}

// Codes of Refused and End, besides the reasons of package op.
const (
	Cancelled op.Reason = "cancelled" // the client has asked for it; the request may be carried out
	Slow      op.Reason = "slow"      // more has changed than the node keeps for a watcher
)
