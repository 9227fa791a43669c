package sim

import "github.com/lockstep-dst/lockstep/netmodel"

// Memory is what worlds use one after another, so that a campaign does not ask
// for it anew with every seed. It changes nothing in a run. The zero Memory is
// empty; one world at a time uses it.
type Memory struct {
	queue queue
	net   netmodel.Room
}

// borrow takes what m has.
func (w *World) borrow(m *Memory) {
	if m == nil {
		return
	}
	w.queue, m.queue = m.queue, queue{}
	w.net.Borrow(&m.net)
}

// Release ends the world, which must not be used any more, and gives its memory
// back.
func (w *World) Release() {
	m := w.cfg.Memory
	if m == nil {
		return
	}
	q := &w.queue
	clear(q.slab)
	m.queue = queue{heap: q.heap[:0], slab: q.slab[:0], free: q.free[:0]}
	w.net.GiveBack(&m.net)
	w.queue = queue{}
}
