package streamserver

import (
	"maps"
	"slices"

	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/stream"
)

// Gate admits the requests and watches of one client, and is told when they are finished.
type Gate interface {
	// Call returns why the client may not have a request; the code is empty if it may.
	// CallDone is then told the cost when the request is finished.
	Call(r *op.Request) (cost int, code op.Reason, text string)
	CallDone(cost int)

	// Watch returns why the client may not have another watch; the code is empty if it
	// may. WatchDone is then called when the watch is finished.
	Watch() (code op.Reason, text string)
	WatchDone()
}

// open is the Gate of a client that may have everything.
type open struct{}

func (open) Call(*op.Request) (int, op.Reason, string) { return 0, "", "" }
func (open) CallDone(int)                              {}
func (open) Watch() (op.Reason, string)                { return "", "" }
func (open) WatchDone()                                {}

// Revoke ends the watches of a client that may have nothing more, and the stream when
// no call is unfinished. The Gate refuses requests that come until then.
func (c *Conn) Revoke(code op.Reason, text string) {
	for _, id := range slices.Sorted(maps.Keys(c.watches)) {
		w := c.watches[id]
		c.endWatch(id, w, code, text)
		c.abandon(w.ticket)
	}
	c.Leave(stream.Idle, text)
}

// forgetCall ends a request that was admitted.
func (c *Conn) forgetCall(exchange uint64) {
	c.cfg.Gate.CallDone(c.calls[exchange].cost)
	delete(c.calls, exchange)
}

// forgetWatch ends a watch that was admitted.
func (c *Conn) forgetWatch(exchange uint64) {
	c.cfg.Gate.WatchDone()
	delete(c.watches, exchange)
}
