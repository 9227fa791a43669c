package bubble

import "github.com/lockstep-dst/lockstep/sim"

// This file is the side of a Conn that faces the network. All of it runs in a step
// of the host, under its lock.

// sendSyn asks the peer for the stream.
func (c *Conn) sendSyn() {
	c.send(&segment{kind: segmentSyn, port: uint16(c.remote.Port), window: c.in.offer()})
	c.startWait()
}

// sendAccept agrees to a stream.
func (c *Conn) sendAccept() {
	c.send(&segment{kind: segmentAccept, ack: c.in.next, window: c.in.offer()})
	c.startWait()
}

// reply sends a segment without data.
func (c *Conn) reply(kind segmentKind) {
	c.ackOwed = false
	c.send(&segment{kind: kind, seq: c.out.next, ack: c.in.next, window: c.in.offer()})
}

// sendPiece sends a piece of the stream.
func (c *Conn) sendPiece(seq uint64, data []byte, fin bool) {
	c.ackOwed = false
	c.send(&segment{kind: segmentData, seq: seq, data: data, fin: fin, ack: c.in.next, window: c.in.offer()})
}

func (c *Conn) send(m *segment) {
	m.stream, m.from, m.to = c.name, c.number, c.peerNumber
	c.stack.host.out.Send(c.peer, m)
}

// owe notes that the peer waits for an acknowledgement. It goes with data if the
// code writes some in this step.
func (c *Conn) owe() {
	c.ackOwed = true
	c.touch()
}

// pump sends all that can be sent now.
func (c *Conn) pump() {
	if c.state != established {
		return
	}
	if c.aborted || c.closed && len(c.in.buf) > 0 { // the bytes in it will never be read
		c.abort()
		return
	}
	for {
		seq, data, fin, ok := c.out.take(c.stack.now, c.stack.tuning.Segment)
		if !ok {
			break
		}
		c.sendPiece(seq, data, fin)
	}
	if c.ackOwed {
		c.reply(segmentAck)
	}
	if c.closed && c.in.ended && c.out.ended {
		c.forget()
		return
	}
	c.arm()
}

// receive takes a segment of a stream that both sides know.
func (c *Conn) receive(m *segment) {
	c.heard, c.probing = c.stack.now, false
	if c.state == accepting {
		c.state = established
		c.accepter.arrived(c)
	}
	c.receiveAck(m)
	switch m.kind {
	case segmentProbe, segmentAccept:
		c.owe()
	case segmentData:
		if c.closed && len(m.data) > 0 && m.seq+uint64(len(m.data)) > c.in.next {
			c.abort()
			return
		}
		c.in.take(m.seq, m.data, m.fin)
		c.changed.Broadcast()
		c.owe()
	}
	c.touch()
}

// receiveAck takes the acknowledgement in a segment.
func (c *Conn) receiveAck(m *segment) {
	progress, resend := c.out.acknowledge(c.stack.now, m.ack, m.window)
	if progress {
		c.timerDue = 0 // what is still outstanding waits anew
		c.changed.Broadcast()
	}
	if resend {
		c.resend()
	}
}

// receiveReset takes the news that the peer does not know the stream, or has ended
// it.
func (c *Conn) receiveReset() {
	if c.state == dialling {
		c.fail(errRefused)
		return
	}
	c.fail(errReset)
}

// resend sends again the first piece that is not acknowledged.
func (c *Conn) resend() {
	seq, data, fin := c.out.again(c.stack.tuning.Segment)
	c.sendPiece(seq, data, fin)
}

// awaits reports whether the peer has to answer something.
func (c *Conn) awaits() bool {
	return c.state != established || c.out.outstanding() || c.out.blocked() || c.probing
}

// orphaned reports whether nothing is left to do but to hear of the end of the
// peer's side, which the code does not want to read any more.
func (c *Conn) orphaned() bool { return c.closed && c.out.ended && !c.in.ended }

// arm sets the timer: of retransmission if the peer has to answer something, and
// else of keep-alive.
func (c *Conn) arm() {
	switch {
	case !c.awaits():
		c.waiting = false
		if c.orphaned() {
			if c.orphanEnd == 0 {
				c.orphanEnd = c.stack.now + c.stack.tuning.GiveUp
			}
			c.setTimer(c.orphanEnd - c.stack.now)
			return
		}
		c.setTimer(c.stack.tuning.KeepAlive)
	case !c.waiting:
		c.heard = c.stack.now // the wait begins
		c.startWait()
	case c.timerDue == 0:
		c.startWait()
	}
}

// startWait sets the timer of retransmission.
func (c *Conn) startWait() {
	c.waiting = true
	c.setTimer(c.out.rto.timeout())
}

func (c *Conn) setTimer(after sim.Duration) {
	c.timerDue = c.stack.now + after
	c.stack.host.out.SetTimer(c.number, after)
}

// onTimer is called when the timer of c is due.
func (c *Conn) onTimer() {
	switch {
	case !c.awaits() && c.orphaned():
		c.forget()
		return
	case !c.awaits():
		c.probing, c.heard = true, c.stack.now
		c.reply(segmentProbe)
		c.startWait()
		return
	case c.stack.now-c.heard >= c.stack.tuning.GiveUp:
		c.fail(errTimeout)
		return
	}
	c.out.timeout()
	switch {
	case c.state == dialling:
		c.sendSyn()
	case c.state == accepting:
		c.sendAccept()
	case c.out.outstanding():
		c.resend()
		c.startWait()
	default:
		c.reply(segmentProbe)
		c.startWait()
	}
}

// abort resets the stream of the peer.
func (c *Conn) abort() {
	c.reply(segmentReset)
	c.fail(errReset)
}

// fail ends the stream with an error.
func (c *Conn) fail(err error) {
	c.err = err
	c.forget()
}

// forget ends the stream: no segment concerns it any more.
func (c *Conn) forget() {
	if c.state == accepting {
		c.accepter.arriving--
	}
	c.state = gone
	c.stack.ends++
	delete(c.stack.conns, c.number)
	if c.accepter != nil {
		delete(c.stack.offered, offer{c.peer, c.peerNumber})
	}
	c.changed.Broadcast()
}
