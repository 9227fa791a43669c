package sim

import (
	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/sim/disk"
)

// Buffers is memory that worlds use one after another, so that a campaign does
// not allocate it for every seed. It changes nothing in a run. The zero Buffers
// is empty. One world at a time may use it.
type Buffers struct {
	queue queue
	net   netmodel.Buffers
	disks disk.Buffers
}

// useBuffers has w use the memory of m, or memory of its own if m is nil.
func (w *World) useBuffers(m *Buffers) {
	if m == nil {
		m = &Buffers{} // of this world alone
	}
	w.queue, m.queue = m.queue, queue{}
	w.net.Borrow(&m.net)
	for _, p := range w.procs {
		if p != nil {
			p.disk.Borrow(&m.disks)
		}
	}
}

// Release gives the memory of the world back to Config.Buffers. The world must
// not be used any more.
func (w *World) Release() {
	m := w.cfg.Buffers
	if m == nil {
		return
	}
	q := &w.queue
	clear(q.slab)
	m.queue = queue{front: q.front[:0], heap: q.heap[:0], slab: q.slab[:0], free: q.free[:0]}
	w.net.GiveBack(&m.net)
	w.queue = queue{}
	for _, p := range w.procs {
		if p != nil {
			p.disk.GiveBack(&m.disks)
		}
	}
	m.disks.Reuse()
}
