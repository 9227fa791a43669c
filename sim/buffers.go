package sim

import "github.com/lockstep-dst/lockstep/netmodel"

// Buffers is memory that worlds use one after another, so that a campaign does
// not allocate it for every seed. It changes nothing in a run. The zero Buffers
// is empty. One world at a time may use it.
type Buffers struct {
	queue  queue
	net    netmodel.Buffers
	blocks blockPool
}

// blockPool holds memory for data written to disks and read from them, and for
// the lists of changes of files.
type blockPool struct {
	free, used [][]byte
	changes    [][]change // of files of released worlds
}

// changeList returns an empty list of changes.
func (b *blockPool) changeList() (list []change) {
	if b == nil {
		return nil
	}
	if n := len(b.changes); n > 0 {
		list, b.changes = b.changes[n-1], b.changes[:n-1]
	}
	return list
}

// reclaim takes the lists of changes of a disk's files.
func (b *blockPool) reclaim(d *disk) {
	for _, e := range d.dir.visible {
		if c := e.file.changes; cap(c) > 0 {
			clear(c)
			b.changes = append(b.changes, c[:0])
			e.file.changes = nil
		}
	}
}

const blockSize = 32 << 10

// take returns an empty slice with capacity for size bytes: a whole block if the
// pool can reuse it.
func (b *blockPool) take(size int) []byte {
	if b == nil || size > blockSize {
		return make([]byte, 0, size)
	}
	var block []byte
	if n := len(b.free); n > 0 {
		block, b.free = b.free[n-1], b.free[:n-1]
	} else {
		block = make([]byte, 0, blockSize)
	}
	b.used = append(b.used, block)
	return block
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
			p.disk.pool = &m.blocks
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
			m.blocks.reclaim(&p.disk)
		}
	}
	m.blocks.free = append(m.blocks.free, m.blocks.used...)
	clear(m.blocks.used)
	m.blocks.used = m.blocks.used[:0]
}
