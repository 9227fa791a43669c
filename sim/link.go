package sim

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/netmodel"
)

// handleDrop schedules the consequences of a message that is dropped at its
// sending: a SendFailed event, or the end of the connection.
func (w *World) handleDrop(l netmodel.Link, m Message, v *netmodel.Verdict) {
	switch {
	case v.Cause == netmodel.Refused && w.procs[l.From].connections != nil:
		p := w.procs[l.From]
		w.stats.SendFailures++
		w.push(w.now, record{kind: recordSendFailed, to: l.From, from: l.To, msg: m, token: m.Digest(), life: p.life})
	case v.EndsConnection():
		if w.cfg.Corrupt != nil {
			w.cfg.Corrupt(l.From, l.To, m, v.Cause == netmodel.ConnectionReset, w.corruptKey.Word(v.Key).Word(uint64(v.Occurrence)))
		}
		w.push(v.At, record{kind: recordReset, to: l.To, from: l.From, life: v.Connection, token: w.heals})
	}
}

// resetConnection ends a connection, unless it has ended already or the network
// was healed since.
func (w *World) resetConnection(r *record) {
	l := netmodel.Link{From: r.from, To: r.to}
	if r.token != w.heals || r.life != w.net.Connection(l) {
		return
	}
	if observer, peer := w.observerOf(l); observer != nil {
		w.endConnection(observer, peer, l.To)
		return
	}
	w.net.Reset(l)
	w.fold(uint64(w.now), uint64(r.from)<<16|uint64(r.to))
	if w.cfg.Trace != nil {
		w.trace(TraceLine{Kind: ConnectionEndLine, At: w.now, Text: fmt.Sprintf("the connection %v ends", l)})
	}
}

// checkArrival decides whether a message at the end of its link arrives. If not,
// it keeps the message for a clogged link or drops it.
func (w *World) checkArrival(r *record) netmodel.Arrival {
	a := w.net.Arrive(netmodel.Link{From: r.from, To: r.to}, r.life)
	switch a {
	case netmodel.Arrived:
		if w.lostToEnd(r) {
			return netmodel.LostToReset
		}
	case netmodel.Clogged:
		w.hits.Clog++
		w.clogged = append(w.clogged, *r)
	case netmodel.LostToCut:
		w.hits.Cut++
		w.dropRecord(r)
	case netmodel.LostToReset:
		w.hits.Reset++
		w.dropRecord(r)
	}
	return a
}

// Clog has a link hold all messages that arrive. Clogs nest: each needs an
// Unclog.
func (w *World) Clog(l netmodel.Link) { w.net.Clog(l) }

// Unclog undoes one Clog of a link. After the last, all held messages arrive at
// once, in order.
func (w *World) Unclog(l netmodel.Link) {
	if w.net.Unclog(l) {
		w.releaseClogged(func(r *record) bool { return r.from == l.From && r.to == l.To })
	}
}

// releaseClogged releases the held messages for which is reports true.
func (w *World) releaseClogged(is func(*record) bool) {
	rest := w.clogged[:0]
	for i := range w.clogged {
		if r := &w.clogged[i]; is(r) {
			w.push(w.now, *r)
		} else {
			rest = append(rest, *r)
		}
	}
	clear(w.clogged[len(rest):])
	w.clogged = rest
}

// Heal ends all faults of the network, gives all links the profile p, and ends
// all pauses, slowness and clock stops. Disk faults stay, and so do processes
// that are down.
func (w *World) Heal(p netmodel.Profile) {
	w.heals++
	w.net.Heal(p)
	w.releaseClogged(func(*record) bool { return true })
	for _, s := range w.cfg.Processes {
		w.endSlowdown(w.procs[s.ID])
	}
}
