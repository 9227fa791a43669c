package disk

// Buffers is memory that disks use one after another: for data written to them and
// read from them, and for the lists of changes of files. It changes nothing in what a
// disk does. The zero Buffers is empty.
type Buffers struct {
	free, used [][]byte
	changes    [][]change // of files of disks that gave them back
}

// Borrow has d use the memory of b. Several disks may use it, of which one at a time
// is called.
func (d *Device) Borrow(b *Buffers) { d.buffers = b }

// GiveBack returns the lists of changes of d to b. d must not be used any more.
func (d *Device) GiveBack(b *Buffers) {
	for _, e := range d.dir.visible {
		if c := e.file.changes; cap(c) > 0 {
			clear(c)
			b.changes = append(b.changes, c[:0])
			e.file.changes = nil
		}
	}
}

// Reuse makes all memory free again. No disk that has used it may be used any more.
func (b *Buffers) Reuse() {
	b.free = append(b.free, b.used...)
	clear(b.used)
	b.used = b.used[:0]
}

// changeList returns an empty list of changes.
func (b *Buffers) changeList() (list []change) {
	if b == nil {
		return nil
	}
	if n := len(b.changes); n > 0 {
		list, b.changes = b.changes[n-1], b.changes[:n-1]
	}
	return list
}

const blockSize = 32 << 10

// take returns an empty slice with capacity for size bytes: a whole block if b can
// reuse it.
func (b *Buffers) take(size int) []byte {
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
