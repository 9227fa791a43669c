package tcp

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/wire"
)

// How a handshake fails, other than by a broken connection.
var (
	// ErrRefused: the peer wants nothing of this node; its words follow.
	ErrPeerRefused = errors.New("the peer refuses this node")
	// ErrUnfit: this node wants nothing of the peer.
	ErrRefusing = errors.New("refusing the peer")
	// ErrStranger: its node is no member.
	ErrNotMember = errors.New("the other side is not a member: add it to the peers, or correct its number")
	// ErrElsewhere: another member is at this address.
	ErrWrongNode = errors.New("another member answers at this address: check the peers' addresses")

	errBadReply = errors.New("neither yes nor no in a handshake")
)

const (
	replyYes byte = 1
	replyNo  byte = 2

	maxReason = 256
)

// dialHandshake introduces this node on a connection it has dialled, to reach
// the node wanted.
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
	unfit := t.checkHello(theirs, wanted)
	said := readReply(c)
	switch {
	case unfit != nil && said == nil:
		_, _ = c.Write(appendReply(nil, unfit)) // a courtesy
		return unfit
	case unfit != nil && errors.Is(said, ErrPeerRefused):
		return fmt.Errorf("%w; and %w", unfit, said)
	case unfit != nil:
		return unfit
	case said != nil:
		return said
	}
	if _, err := c.Write(appendReply(nil, nil)); err != nil {
		return err
	}
	return c.handshakeDone()
}

// acceptHandshake hears who has dialled this node. The Hello is good if there
// was one, even if there is an error.
func (t *Transport) acceptHandshake(c *conn) (wire.Hello, error) {
	if err := t.setHandshakeDeadline(c); err != nil {
		return wire.Hello{}, err
	}
	theirs, err := readHello(c)
	if err != nil {
		return wire.Hello{}, err
	}
	unfit := t.checkHello(theirs, 0)
	if _, err := c.Write(appendReply(t.hello, unfit)); err != nil && unfit == nil {
		return theirs, err
	}
	if unfit != nil {
		return theirs, unfit
	}
	if err := readReply(c); err != nil {
		return theirs, err
	}
	return theirs, c.handshakeDone()
}

func (t *Transport) setHandshakeDeadline(c *conn) error {
	return c.SetDeadline(time.Now().Add(t.cfg.HandshakeTimeout))
}

// checkHello says what is wrong with the other side. Wanted is the node that was
// dialled, or 0.
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

// appendReply appends a frame that says yes, or no for a reason.
func appendReply(dst []byte, refusal error) []byte {
	payload := []byte{replyYes}
	if refusal != nil {
		// Of "refusing the peer: why" the other side gets the why.
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
		return fmt.Errorf("%w, in its words: %q", ErrPeerRefused, text)
	}
	return errBadReply
}

// refused reports whether a handshake ended with a no of either side.
func refused(err error) bool { return errors.Is(err, ErrPeerRefused) || errors.Is(err, ErrRefusing) }
