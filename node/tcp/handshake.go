package tcp

import (
	"errors"
	"fmt"
	"strings"
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
	ErrNotMember = errors.New("the other side is not a member: add it to the peers, or correct its number")
	// ErrWrongNode: another member is at this address.
	ErrWrongNode = errors.New("another member answers at this address: check the peers' addresses")

	errBadReply = errors.New("neither yes nor no in a handshake")
)

const (
	replyYes byte = 1
	replyNo  byte = 2

	maxReason = 256
)

// dialHandshake carries out the dialler's handshake on a connection to the node
// wanted.
func (t *Transport) dialHandshake(c *conn, wanted node.ID) error {
	if err := t.setHandshakeDeadline(c); err != nil {
		return err
	}
	if _, err := c.Write(t.hello); err != nil {
		return err
	}
	theirs, err := readHello(c)
	if err != nil {
		return err
	}
	refusal := t.checkHello(theirs, wanted)
	reply := readReply(c)
	switch {
	case refusal != nil && reply == nil:
		_, _ = c.Write(appendReply(nil, refusal)) // only informs the peer
		return refusal
	case refusal != nil && errors.Is(reply, ErrPeerRefused):
		return fmt.Errorf("%w; and %w", refusal, reply)
	case refusal != nil:
		return refusal
	case reply != nil:
		return reply
	}
	if _, err := c.Write(appendReply(nil, nil)); err != nil {
		return err
	}
	c.codec = wire.AgreedCodec(t.cfg.Hello, theirs)
	return c.handshakeDone()
}

// acceptHandshake carries out the acceptor's handshake. The Hello is valid if one
// was received, even with an error.
func (t *Transport) acceptHandshake(c *conn) (wire.Hello, error) {
	if err := t.setHandshakeDeadline(c); err != nil {
		return wire.Hello{}, err
	}
	theirs, err := readHello(c)
	if err != nil {
		return wire.Hello{}, err
	}
	refusal := t.checkHello(theirs, 0)
	if _, err := c.Write(appendReply(t.hello, refusal)); err != nil && refusal == nil {
		return theirs, err
	}
	if refusal != nil {
		return theirs, refusal
	}
	if err := readReply(c); err != nil {
		return theirs, err
	}
	c.codec = wire.AgreedCodec(theirs, t.cfg.Hello)
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
	case t.peers[theirs.Node] == nil:
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

// appendReply appends a frame with a yes, or with a no and the reason.
func appendReply(dst []byte, refusal error) []byte {
	payload := []byte{replyYes}
	if refusal != nil {
		// The other side gets the text after "refusing the peer: ".
		why := strings.TrimPrefix(refusal.Error(), ErrRefusing.Error()+": ")
		payload = append([]byte{replyNo}, why[:min(len(why), maxReason)]...)
	}
	return must(wire.AppendFrame(dst[:len(dst):len(dst)], payload))
}

func readReply(c *conn) error {
	payload, err := c.readFrame(0)
	switch {
	case err != nil:
		return err
	case len(payload) == 1 && payload[0] == replyYes:
		return nil
	case payload[0] == replyNo:
		text := payload[1:min(len(payload), 1+maxReason)]
		return fmt.Errorf("%w, for this reason: %q", ErrPeerRefused, text)
	}
	return errBadReply
}

// refused reports whether a handshake ended with a no of either side.
func refused(err error) bool { return errors.Is(err, ErrPeerRefused) || errors.Is(err, ErrRefusing) }
