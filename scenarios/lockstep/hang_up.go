package lockstep

import (
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/sim"
)

// hangUp is the end of a client's connection, as its node sees it: the client awaits no
// reply to an attempt any more.
type hangUp struct {
	key     string
	id      node.OpID
	attempt uint32
}

// FateKey implements sim.Message.
func (h *hangUp) FateKey() uint64 { return sim.FateKey("hang-up", h.key, h.id.Name()) }

// FateName implements sim.Message.
func (h *hangUp) FateName() string { return "hang-up " + h.key + " " + h.id.Name() }

// Digest implements sim.Message.
func (h *hangUp) Digest() uint64 { return keyed.Mix(h.FateKey(), uint64(h.attempt)) }

func (h *hangUp) String() string { return "hangs up " + string(h.id) + " on " + h.key }

// attemptSent is an attempt without a reply.
type attemptSent struct {
	to node.ID
	hangUp
}

// noteSent notes an attempt that awaits a reply.
func (c *client) noteSent(r *node.Request, to node.ID) {
	if c.run.plan.Knobs.HangUp {
		c.unanswered = append(c.unanswered, attemptSent{to, hangUp{r.Key, r.ID, r.Attempt}})
	}
}

// noteReply notes that an attempt of the current call has a reply.
func (c *client) noteReply(r *node.Reply) {
	for i := range c.unanswered {
		if s := &c.unanswered[i]; s.id == r.ID && s.attempt == r.Attempt {
			c.unanswered = append(c.unanswered[:i], c.unanswered[i+1:]...)
			return
		}
	}
}

// hangUpAll hangs up on the nodes that have not replied to the call that is over.
func (c *client) hangUpAll(out *sim.Effects) {
	for i := range c.unanswered {
		if c.byStream && c.cancelByStream(&c.unanswered[i], out) {
			continue
		}
		h := c.unanswered[i].hangUp
		out.Send(sim.ID(c.unanswered[i].to), &h)
	}
	c.unanswered = c.unanswered[:0]
}
