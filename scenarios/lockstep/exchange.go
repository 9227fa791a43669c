package lockstep

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/session"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// exchange is one attempt of a client's current call, from its request to the reply
// or the end of its connection. It ends once, as over HTTP.
type exchange struct {
	request *node.Request
	sent    *node.Request // request, as it crosses the network
	to      node.ID
	ended   bool
}

// exchangeEnded is the observation that a client learns the end of an exchange.
type exchangeEnded struct {
	operation *scenarios.Operation
	request   *node.Request
	end       session.Exchange
}

// Digest implements sim.Observation.
func (e *exchangeEnded) Digest() uint64 {
	h := keyed.Mix(keyed.String(e.operation.ID), uint64(e.end.Attempt)<<1|bit(e.end.NeverSent))
	if e.end.Reply != nil {
		h = messageDigest(h, e.end.Reply)
	}
	return h
}

func (e *exchangeEnded) String() string {
	switch {
	case e.end.Reply != nil:
		return "takes " + e.end.Reply.String()
	case e.end.NeverSent:
		return fmt.Sprintf("could not send attempt %d of %s", e.end.Attempt, e.operation.ID)
	}
	return fmt.Sprintf("loses attempt %d of %s", e.end.Attempt, e.operation.ID)
}

// receive takes a message.
func (c *client) receive(ev *sim.Event, out *sim.Effects) {
	e := ev.Message.(*envelope)
	r, ok := e.Message.(*node.Reply)
	if !ok || c.sessionCall == nil {
		return
	}
	x := c.exchangeOf(r)
	if x != nil && !x.ended && c.run.crossesHTTP(e) {
		r = overHTTP(x.request, r, httpapi.Responder{Node: node.ID(ev.From), Boot: e.life})
	}
	c.takeReply(x, r, out)
}

// takeReply takes a reply to the current call. It ends its exchange, unless the
// connection has; a reply to no request of the call is handed to the session as it is.
func (c *client) takeReply(x *exchange, r *node.Reply, out *sim.Effects) {
	c.noteReply(r)
	switch {
	case x == nil:
		c.apply(c.sessionCall.Reply(c.now, r), out)
	case !x.ended:
		c.endExchange(x, session.Exchange{Attempt: r.Attempt, Reply: r}, out)
	}
}

// exchangeOf returns the exchange of the current call that r replies to, or nil.
func (c *client) exchangeOf(r *node.Reply) *exchange {
	for i := range c.exchanges {
		if x := &c.exchanges[i]; x.request.ID == r.ID && x.request.Attempt == r.Attempt {
			return x
		}
	}
	return nil
}

// endWhere ends the open exchanges of which is reports true, without a reply.
func (c *client) endWhere(is func(*exchange) bool, neverSent bool, out *sim.Effects) {
	for i := range len(c.exchanges) { // none that the ends add
		if x := &c.exchanges[i]; c.sessionCall != nil && !x.ended && is(x) {
			c.endExchange(x, session.Exchange{Attempt: x.request.Attempt, NeverSent: neverSent}, out)
		}
	}
}

// endExchange passes the end of an exchange to the session.
func (c *client) endExchange(x *exchange, end session.Exchange, out *sim.Effects) {
	x.ended = true
	f := c.run.exchangeEnds.Make(arenaBlock)
	*f = exchangeEnded{c.invocation.Operation, x.request, end}
	out.Observe(f)
	c.apply(c.sessionCall.EndExchange(c.now, end), out)
}

// send sends an attempt, and begins its exchange.
func (c *client) send(to node.ID, r *node.Request, out *sim.Effects) {
	c.exchanges = append(c.exchanges, exchange{request: r, sent: r, to: to})
	if c.byStream && c.sendByStream(c.streamTo(to), r, out) {
		return
	}
	e, sent := c.run.envelopes.wrap(r), r
	if c.run.crossesHTTP(e) {
		sent = requestOverHTTP(r)
		e = c.run.envelopes.wrap(sent)
	}
	c.exchanges[len(c.exchanges)-1].sent = sent
	out.Send(sim.ID(to), e)
}

// crossesHTTP reports whether a message between a client and a node takes the form of
// HTTP.
func (r *run) crossesHTTP(e *envelope) bool {
	percent := uint64(r.plan.Knobs.HTTPPercent)
	return percent != 0 && keyed.Key(e.Digest()).Word(httpChoice).Below(100) < percent
}

// httpChoice is the key of the random choice in crossesHTTP.
var httpChoice = keyed.String("over HTTP")

// requestOverHTTP returns the request that a server makes of the one that a client sends:
// its target, and the body of a proposal. HTTP knows no attempts: an exchange has one.
func requestOverHTTP(r *node.Request) *node.Request {
	target := httpapi.TargetOf(r)
	key, err := httpapi.KeyIn(target.Path)
	if err != nil {
		panic(fmt.Sprintf("lockstep: %v is refused over HTTP: %v", r, err))
	}
	if r.Kind != node.Propose {
		return readOverHTTP(r, key, target.Query)
	}
	body, err := json.Marshal(httpapi.TransitionOf(r))
	if err != nil {
		panic(fmt.Sprintf("lockstep: %v has no HTTP form: %v", r, err))
	}
	t, err := httpapi.ReadTransition(bytes.NewReader(body))
	if err != nil {
		panic(fmt.Sprintf("lockstep: %v does not arrive over HTTP: %v", r, err))
	}
	arrived, err := t.Request(key, "", func() string { return r.ID.Name() })
	if err != nil {
		panic(fmt.Sprintf("lockstep: %v is refused over HTTP: %v", r, err))
	}
	arrived.Attempt = r.Attempt
	return arrived
}

// readOverHTTP is requestOverHTTP of a read. HTTP does not carry its id and whether it is
// a retry; the server makes up an id, which names the exchange as this one does.
func readOverHTTP(r *node.Request, key, query string) *node.Request {
	kind, err := httpapi.ReadKind(query)
	if err != nil {
		panic(fmt.Sprintf("lockstep: %v is refused over HTTP: %v", r, err))
	}
	return &node.Request{Kind: kind, Key: key, ID: r.ID, Attempt: r.Attempt}
}

// overHTTP returns the reply that a client takes from the HTTP response to req.
func overHTTP(req *node.Request, reply *node.Reply, from httpapi.Responder) *node.Reply {
	response := httpapi.Encode(req, reply, from, "")
	body, err := json.Marshal(response.Body)
	if err != nil {
		panic(fmt.Sprintf("lockstep: %v has no HTTP form: %v", reply, err))
	}
	a, err := httpapi.Decode(req, response.Status, body)
	if err != nil {
		panic(fmt.Sprintf("lockstep: %v does not arrive over HTTP: %v", reply, err))
	}
	return a.Reply
}
