package server

import (
	"github.com/lockstep-dst/lockstep/node/internal/clientlimit"
	"github.com/lockstep-dst/lockstep/node/op"
)

// Call implements streamserver.Gate: it counts a request against the client's share. mu is
// locked.
func (c *streamConn) Call(r *op.Request) (cost int, code op.Reason, text string) {
	if c.revoked {
		return 0, op.Forbidden, errRevoked.Error()
	}
	if code, text := c.server.judgeOperation(c.client, r); code != "" {
		return 0, code, text
	}
	cost = smallResponse + len(r.Key) + len(r.ID) + len(r.To)
	if v := c.server.clients.request(c.client.share, cost); v != clientlimit.Admitted {
		return 0, op.RateLimited, c.server.limitText(v)
	}
	return cost, "", ""
}

// CallDone implements streamserver.Gate.
func (c *streamConn) CallDone(cost int) { c.server.clients.done(c.client.share, cost) }

// Watch implements streamserver.Gate: it counts a watch against the client's share. Who
// has opened the stream may read. mu is locked.
func (c *streamConn) Watch() (code op.Reason, text string) {
	if c.revoked {
		return op.Forbidden, errRevoked.Error()
	}
	if v := c.server.clients.watch(c.client.share); v != clientlimit.Admitted {
		return op.RateLimited, c.server.limitText(v)
	}
	return "", ""
}

// WatchDone implements streamserver.Gate.
func (c *streamConn) WatchDone() { c.server.clients.watchDone(c.client.share) }

// revoke ends the stream of a client that has lost its role: its watches at once, and all
// when the requests that were taken are answered. It takes no others.
func (c *streamConn) revoke() {
	c.mu.Lock()
	c.revoked, c.batch = true, nil
	c.side.Revoke(op.Forbidden, errRevoked.Error())
	gone := c.batch
	c.mu.Unlock()
	c.server.loop.submit(gone)
	c.signal()
}
