package tcp

import (
	"errors"
	"fmt"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/wire"
)

// Errors of a handshake, other than those of a broken connection.
var (
	// ErrPeerRefused: the peer rejects this node; its reason follows.
	ErrPeerRefused = errors.New("the peer refuses this node")
	// ErrRefusing: this node rejects the peer.
	ErrRefusing = errors.New("refusing the peer")
	// ErrNotMember: the node at the other side is not a member.
	ErrNotMember = errors.New("the other side is not a member: add it (lockstep members add), or correct its number")
	// ErrFormerMember: the node at the other side was a member, and was removed.
	ErrFormerMember = errors.New("the other side was a member and was removed, and an id is not used again")
	// ErrWrongNode: another member is at this address.
	ErrWrongNode = errors.New("another member answers at this address: check the peers' addresses")
)

// dialHandshake carries out the dialler's handshake on a connection to the node
// wanted.
func (t *Transport) dialHandshake(c *conn, wanted node.ID) error {
	if err := t.setHandshakeDeadline(c); err != nil {
		return err
	}
	if err := t.secureOutgoing(c, wanted); err != nil {
		return err
	}
	if _, err := c.Write(t.hello); err != nil {
		return err
	}
	theirs, err := readAnswer(c)
	if err != nil {
		return err
	}
	refusal := t.checkHello(theirs, wanted)
	verdict := readVerdict(c)
	switch {
	case refusal != nil && verdict == nil:
		_, _ = c.Write(appendVerdict(nil, refusal, nil)) // only informs the peer
		return refusal
	case refusal != nil && errors.Is(verdict, ErrPeerRefused):
		return fmt.Errorf("%w; and %w", refusal, verdict)
	case refusal != nil:
		return refusal
	case verdict != nil:
		return verdict
	}
	if _, err := c.Write(appendVerdict(nil, nil, nil)); err != nil {
		return err
	}
	c.codec, c.level = wire.AgreedCodec(t.cfg.Hello, theirs), wire.AgreedLevel(t.cfg.Hello, theirs)
	return c.handshakeDone()
}

// acceptHandshake carries out the acceptor's handshake. Who is refused learns the code
// of the reason, and nothing of this node. The Hello is valid if one was received, even
// with an error.
func (t *Transport) acceptHandshake(c *conn) (wire.Hello, error) {
	if err := t.setHandshakeDeadline(c); err != nil {
		return wire.Hello{}, err
	}
	if err := t.secureIncoming(c); err != nil {
		return wire.Hello{}, err
	}
	theirs, err := readHello(c)
	if err != nil {
		return wire.Hello{}, err
	}
	refusal := t.checkHello(theirs, 0)
	if err := c.checkOwner(theirs.Node); err != nil {
		refusal = err
	}
	if refusal != nil {
		_, _ = c.Write(appendVerdict(nil, refusal, formerProof(t.cfg.Formed(), theirs))) // only informs the peer
		return theirs, refusal
	}
	if _, err := c.Write(appendVerdict(t.answer, nil, nil)); err != nil {
		return theirs, err
	}
	if err := readVerdict(c); err != nil {
		return theirs, err
	}
	c.codec, c.life, c.level = wire.AgreedCodec(theirs, t.cfg.Hello), theirs.Life, theirs.Level
	return theirs, c.handshakeDone()
}

func (t *Transport) setHandshakeDeadline(c *conn) error {
	return c.SetDeadline(time.Now().Add(t.cfg.HandshakeTimeout))
}

// checkHello returns an error if this node rejects the other side. Wanted is the
// dialled node, or 0.
func (t *Transport) checkHello(theirs wire.Hello, wanted node.ID) error {
	err := wire.Check(t.cfg.Hello, theirs)
	switch {
	case err != nil:
	case t.peer(theirs.Node) == nil && theirs.Node <= t.peers.Load().lastID:
		err = fmt.Errorf("node %d: %w", theirs.Node, ErrFormerMember)
	case t.peer(theirs.Node) == nil:
		err = fmt.Errorf("node %d: %w", theirs.Node, ErrNotMember)
	case wanted != 0 && wanted != theirs.Node:
		err = fmt.Errorf("node %d, want %d: %w", theirs.Node, wanted, ErrWrongNode)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefusing, err)
	}
	return nil
}

func readHello(c *conn) (wire.Hello, error) {
	payload, err := c.readFrame(0)
	if err != nil {
		return wire.Hello{}, err
	}
	return wire.DecodeHello(payload)
}

// readAnswer reads the acceptor's Hello, or the refusal in its place.
func readAnswer(c *conn) (wire.Hello, error) {
	payload, err := c.readFrame(0)
	if err != nil {
		return wire.Hello{}, err
	}
	if len(payload) > 0 && payload[0] == verdictNo {
		return wire.Hello{}, decodeVerdict(payload)
	}
	return wire.DecodeHello(payload)
}

// refused reports whether a handshake ended with a no of either side.
func refused(err error) bool { return errors.Is(err, ErrPeerRefused) || errors.Is(err, ErrRefusing) }
