package sim

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/netmodel"
)

// connection is the state of the connection between a process that sees its
// connections, the observer, and one peer. It carries the messages of both
// directions. When it ends, the messages under way are lost, and so are later ones
// until the observer is told; then there is a new connection.
type connection struct {
	number uint32 // of earlier connections
	used   bool   // a message has arrived over it
	ended  bool   // it has ended, and the observer does not know yet
}

// observerOf returns the process at an end of l that sees its connections, and the
// peer at the other end; nil if neither process does. Of two observers only the one
// with the higher id is told.
func (w *World) observerOf(l netmodel.Link) (observer *proc, peer ID) {
	low, high := w.procs[min(l.From, l.To)], w.procs[max(l.From, l.To)]
	switch {
	case high.connections != nil:
		return high, low.id
	case low.connections != nil:
		return low, high.id
	}
	return nil, 0
}

// endConnection ends the connection of an observer with a peer. The process closedBy
// closes it: the observer is told after Config.NewsDelay, or at once if it closes the
// connection itself.
func (w *World) endConnection(observer *proc, peer, closedBy ID) {
	c := &observer.connections[peer]
	if c.ended {
		return
	}
	c.ended = true
	w.fold(uint64(w.now), uint64(observer.id)<<16|uint64(peer))
	if w.cfg.Trace != nil {
		w.trace(TraceLine{Kind: ConnectionEndLine, At: w.now, Text: fmt.Sprintf("the connection of %d and %d ends", observer.id, peer)})
	}
	if closedBy == observer.id {
		w.push(w.now, record{kind: recordDisconnect, to: observer.id, from: peer, life: observer.life, token: uint64(c.number)})
		return
	}
	w.notifyDisconnect(observer, peer)
}

// notifyDisconnect sends an observer the news that its connection has ended.
func (w *World) notifyDisconnect(observer *proc, peer ID) {
	if !w.net.Open(netmodel.Link{From: peer, To: observer.id}) {
		return
	}
	c := &observer.connections[peer]
	w.push(w.now+w.cfg.NewsDelay, record{kind: recordDisconnect, to: observer.id, from: peer, life: observer.life, token: uint64(c.number)})
}

// takeNotice reports whether the news of r, a recordDisconnect or recordRefusal,
// reaches its observer. It renews the connection that has ended.
func (w *World) takeNotice(r *record) bool {
	if !w.net.Open(netmodel.Link{From: r.from, To: r.to}) {
		return false
	}
	if r.kind == recordRefusal {
		w.stats.SendFailures++
		return true
	}
	observer := w.procs[r.to]
	if r.life != observer.life || r.token != uint64(observer.connections[r.from].number) {
		return false
	}
	w.renewConnection(observer, r.from)
	w.stats.Disconnects++
	return true
}

// renewConnection opens a new connection in the place of one that has ended.
func (w *World) renewConnection(observer *proc, peer ID) {
	c := &observer.connections[peer]
	*c = connection{number: c.number + 1}
	w.net.Reset(netmodel.Link{From: observer.id, To: peer})
	w.net.Reset(netmodel.Link{From: peer, To: observer.id})
}

// lostToEnd reports whether a message that arrives is lost because its connection
// has ended. If the observer has sent it, the host of the peer tells the observer.
func (w *World) lostToEnd(r *record) bool {
	observer, peer := w.observerOf(netmodel.Link{From: r.from, To: r.to})
	if observer == nil {
		return false
	}
	if c := &observer.connections[peer]; !c.ended {
		c.used = true
		return false
	}
	if r.from == observer.id {
		w.notifyDisconnect(observer, peer)
	}
	w.hits.Reset++
	w.dropRecord(r)
	return true
}

// refuse handles a message to a process that is down. If its host is up, the host
// refuses the connection of an observer, which is told that the message was never
// sent.
func (w *World) refuse(r *record) {
	l := netmodel.Link{From: r.from, To: r.to}
	observer, peer := w.observerOf(l)
	w.dropRecord(r)
	if observer == nil || observer.id != r.from || !w.procs[r.to].hostUp || w.net.Arrive(l, r.life) != netmodel.Arrived {
		return
	}
	if observer.connections[peer].ended {
		w.notifyDisconnect(observer, peer)
		return
	}
	w.push(w.now+w.cfg.NewsDelay, record{kind: recordRefusal, to: r.from, from: r.to, msg: r.msg, token: r.token, life: observer.life})
}

// endConnections ends the connections of a process at the end of its life. Its host
// tells the observers among its peers, unless it has lost power. The connections of
// an observer end with it, and peers do not see that.
func (w *World) endConnections(p *proc) {
	for i := range w.cfg.Processes {
		observer := w.procs[w.cfg.Processes[i].ID]
		switch {
		case observer.id == p.id:
		case p.connections != nil && (observer.connections == nil || observer.id < p.id):
			if p.connections[observer.id].used {
				w.renewConnection(p, observer.id)
			}
		case observer.connections == nil || !observer.connections[p.id].used:
		case p.hostUp:
			w.endConnection(observer, p.id, p.id)
		default:
			observer.connections[p.id].ended = true
		}
	}
}
