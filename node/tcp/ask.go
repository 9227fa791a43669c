package tcp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/wire"
)

var errAsked = errors.New("the node was asked for its number alone")

// Ask dials an address, and returns the number of the member there. It shows no life, and
// keeps no connection. A node that does not have this one among its members refuses to say:
// see NotAdded.
func (t *Transport) Ask(ctx context.Context, address string) (node.ID, error) {
	ctx, cancel := context.WithTimeout(ctx, t.cfg.DialTimeout)
	defer cancel()
	defer context.AfterFunc(t.ctx, cancel)()
	nc, err := t.cfg.Dial(ctx, address)
	if err != nil {
		return 0, err
	}
	c := newConn(nc)
	defer c.closeWith(errAsked)
	defer context.AfterFunc(ctx, func() { c.closeWith(errAsked) })()
	id, err := t.askHandshake(c)
	if err != nil {
		return 0, describeError(err)
	}
	return id, nil
}

func (t *Transport) askHandshake(c *conn) (node.ID, error) {
	if err := t.setHandshakeDeadline(c); err != nil {
		return 0, err
	}
	if t.cfg.TLS != nil {
		if err := t.secure(c, tls.Client(c.raw, t.cfg.TLS.Client())); err != nil {
			return 0, err
		}
	}
	if _, err := c.Write(t.answer); err != nil {
		return 0, err
	}
	theirs, err := readAnswer(c)
	if err != nil {
		return 0, err
	}
	if err := wire.Check(t.cfg.Hello, theirs); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrRefusing, err)
	}
	return theirs.Node, c.checkOwner(theirs.Node)
}

// NotAdded reports whether an attempt to connect ended since the node at the other side does
// not have this one among its members: it may add it later.
func NotAdded(err error) bool { return refusedFor(err, ErrNotMember) }
