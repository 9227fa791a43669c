package server

import (
	"errors"
	"os"
	"time"

	"github.com/lockstep-dst/lockstep/node/service"
	"github.com/lockstep-dst/lockstep/node/stream"
)

// streamReadBuffer is the size in bytes of the largest read of a stream.
const streamReadBuffer = 32 << 10

// readLoop takes the client's bytes until the connection fails. After the end of the
// stream it drops them: to close a connection with bytes unread would reset it, and the
// client might miss the last message.
func (c *streamConn) readLoop(first []byte) {
	chunk, batch := make([]byte, streamReadBuffer), []clientEvent(nil)
	batch = c.receive(first, batch)
	var deadline time.Time
	for {
		if now := time.Now(); deadline.Sub(now) < streamSilence*3/4 {
			deadline = now.Add(streamSilence)
			if !c.extend(deadline) {
				deadline = now.Add(time.Hour) // the writer has set the last one
			}
		}
		n, err := c.conn.Read(chunk)
		c.server.streams.traffic.received.add(n)
		batch = c.receive(chunk[:n], batch)
		if err != nil {
			c.readFailed(err)
			return
		}
	}
}

// extend sets the deadline of reads, unless the stream is about to end.
func (c *streamConn) extend(deadline time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.side.Finished() {
		return false
	}
	_ = c.conn.SetReadDeadline(deadline) // fails only if the connection is dead
	return true
}

// readFailed has the writer end the stream.
func (c *streamConn) readFailed(err error) {
	c.mu.Lock()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.side.End(stream.Idle, "nothing has come for a long time")
	} else {
		c.side.Hangup()
	}
	c.mu.Unlock()
	c.signal()
}

// receive takes bytes, and hands the requests in them to the loop, in the memory of
// batch, which it returns.
func (c *streamConn) receive(chunk []byte, batch []clientEvent) []clientEvent {
	if len(chunk) == 0 {
		return batch
	}
	batch, work := c.decode(chunk, batch)
	if work {
		c.signal()
	}
	c.server.loop.submit(batch) // if it is refused, the writer gives all calls their end
	clear(batch)
	return batch[:0]
}

// decode takes bytes. It returns the events for the loop, and whether the writer has
// work.
func (c *streamConn) decode(chunk []byte, batch []clientEvent) ([]clientEvent, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.batch = batch
	if err := c.side.Receive(c.server.loop.now(), chunk); err != nil {
		c.server.log.Debug("a client breaks the protocol", "client", c.conn.RemoteAddr(), "error", err)
	}
	c.noteBusy()
	return c.batch, c.side.Pending() > 0 || c.side.Finished()
}

// emit adds an event of the stream's own to the batch for the loop.
func (c *streamConn) emit(ev service.Event, exchange uint64) {
	e := clientEvent{Event: ev}
	if exchange != 0 {
		e.recipient = recipient{stream: c, id: exchange}
	}
	c.batch = append(c.batch, e)
}
