package streamserver

import (
	"errors"

	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/service"
)

// prepare makes a client's request one for the node, as httpapi.Transition does. The
// error explains the mistake to people.
func (c *Conn) prepare(r *op.Request) error {
	if _, _, err := fsm.SplitKey(r.Key); err != nil {
		return err
	}
	r.Attempt = max(1, r.Attempt)
	switch {
	case r.Kind != op.Propose:
		*r = op.Request{Kind: r.Kind, Key: r.Key, ID: r.ID, Attempt: r.Attempt}
	case r.To == "":
		return errors.New("to: missing: name the state to go to")
	case r.ID == "" || r.ID.IsOnce():
		r.ID, r.Retry, r.Watermark = op.Once(c.cfg.Name(r)), false, 0
	}
	_, err := r.ID.Watermark(r.Key)
	return err
}

// prepareWatch returns the mistake in the query of a watch, or nil.
func prepareWatch(q *service.Query) error {
	if !q.Single {
		return nil
	}
	_, _, err := fsm.SplitKey(q.Prefix)
	return err
}
