package sim

import (
	"github.com/lockstep-dst/lockstep/netmodel"
)

// applyEffects carries out the effects of a step of p.
func (w *World) applyEffects(p *proc) {
	out := &w.out
	for i := range out.disk {
		w.submit(p, &out.disk[i])
	}
	var last Message // a message to several receivers is hashed once
	var sum uint64
	for i := range out.sends {
		s := &out.sends[i]
		if s.msg == nil {
			w.misuse(MisuseNilMessage, p.id, "process %d sends a nil message to %d", p.id, s.to)
		}
		if s.msg != last {
			last, sum = s.msg, s.msg.Digest()
			if w.strict != nil {
				w.checkSend(p.id, s, sum)
			}
		}
		w.send(p.id, s.to, s.msg, sum)
	}
	for _, t := range out.timers {
		w.fold(t.token, uint64(t.after))
		w.setTimer(p, t.token, p.clock.span(min(max(t.after, 0), MaxTime)))
	}
	for _, f := range out.observations {
		if f == nil {
			w.misuse(MisuseNilMessage, p.id, "process %d makes a nil observation", p.id)
		}
		w.fold(f.Digest(), uint64(p.id))
		if w.cfg.Trace != nil {
			w.traceObservation(p.id, f)
		}
		if w.cfg.Observe != nil {
			w.cfg.Observe(w.now, p.id, f)
		}
	}
	out.reset()
}

// send hands m, with digest sum, to the network.
func (w *World) send(from, to ID, m Message, sum uint64) {
	if to > netmodel.MaxID || w.procs[to] == nil {
		w.misuse(MisuseUnknownReceiver, from, "process %d sends to %d, which is no process of this world: %v", from, to, m)
	}
	if w.strict != nil {
		w.strict.watch(w.now, from, to, m, sum)
	}
	if from == to {
		w.deliverAt(w.now, from, to, 0, m, sum)
		return
	}
	w.stats.Sent++
	l := netmodel.Link{From: from, To: to}
	v := w.net.Judge(w.now, l, m.FateKey())
	if s, ok := m.(Single); v.Duplicate && ok && s.Single() {
		v.Duplicate = false
	}
	if w.strict != nil && v.Occurrence == 1 {
		w.checkFateName(from, to, m)
	}
	w.hits.verdict(&v)
	w.fold(uint64(to)<<48|uint64(v.Occurrence)<<8|uint64(v.Cause)<<4|uint64(v.Fate), v.Key)
	if w.cfg.Trace != nil {
		w.traceSend(from, to, m, v)
	}
	if w.cfg.OnSend != nil {
		seen := v // only this one escapes to the heap
		w.cfg.OnSend(from, to, m, &seen)
	}
	if v.Fate == netmodel.Drop {
		w.stats.Dropped++
		w.fold(sum, 3)
		w.handleDrop(l, m, &v)
		return
	}
	w.deliverAt(v.At, from, to, v.Connection, m, sum)
	if v.Breaks {
		w.push(v.At, record{kind: recordReset, to: to, from: from, life: v.Connection, token: w.heals})
	}
	if v.Duplicate {
		w.deliverAt(v.CopyAt, from, to, v.Connection, m, sum)
	}
}

// deliverAt schedules the arrival of m at time at, over a connection.
func (w *World) deliverAt(at Duration, from, to ID, connection uint32, m Message, sum uint64) {
	w.fold(uint64(at), sum)
	w.push(at, record{kind: recordMessage, to: to, from: from, msg: m, token: sum, life: connection})
}
