package bubble

import (
	"cmp"
	"slices"
)

// receiver is the receiving half of a stream: the unread bytes in order, and the
// pieces behind a gap.
type receiver struct {
	room   int    // bytes that it holds at most
	buf    []byte // in order, unread
	next   uint64 // offset of the first byte that has not arrived
	pieces []piece
	finAt  uint64 // offset of the end of the stream, if it is known
	finSet bool
	ended  bool   // everything has arrived, and the end too
	edge   uint64 // right edge of the window that the peer was last told
}

// piece is data that arrived ahead of earlier data.
type piece struct {
	seq  uint64
	data []byte
}

// window returns how many bytes there is room for.
func (r *receiver) window() uint64 { return uint64(max(r.room-len(r.buf), 0)) }

// offer returns the window, and notes that the peer is told.
func (r *receiver) offer() uint64 {
	r.edge = r.next + r.window()
	return r.window()
}

// reopened reports whether the peer has to be told of room that reading has made: it
// knows of less than one segment, and there is much more (RFC 9293, 3.8.6.2.2).
func (r *receiver) reopened(size int) bool {
	return !r.ended && r.edge < r.next+uint64(size) && r.window() >= uint64(min(2*size, r.room/2))
}

// take takes a piece of the stream in, in any order and any number of times. It
// drops bytes beyond the window.
func (r *receiver) take(seq uint64, data []byte, fin bool) {
	if fin && !r.finSet {
		r.finAt, r.finSet = seq+uint64(len(data)), true
	}
	if edge := r.next + r.window(); seq+uint64(len(data)) > edge {
		data = data[:max(edge, seq)-seq]
	}
	if len(data) > 0 && seq+uint64(len(data)) > r.next {
		at, found := slices.BinarySearchFunc(r.pieces, seq, func(p piece, seq uint64) int { return cmp.Compare(p.seq, seq) })
		if !found || len(r.pieces[at].data) < len(data) {
			r.pieces = slices.Insert(r.pieces, at, piece{seq, data})
		}
	}
	r.join()
	if r.finSet && !r.ended && r.next == r.finAt {
		r.ended = true
		r.next++
	}
}

// join moves the pieces that are in order to buf.
func (r *receiver) join() {
	n := 0
	for ; n < len(r.pieces) && r.pieces[n].seq <= r.next; n++ {
		p := r.pieces[n]
		if end := p.seq + uint64(len(p.data)); end > r.next {
			r.buf = append(r.buf, p.data[r.next-p.seq:]...)
			r.next = end
		}
	}
	r.pieces = slices.Delete(r.pieces, 0, n)
}

// read moves bytes in order to b.
func (r *receiver) read(b []byte) int {
	n := copy(b, r.buf)
	if r.buf = r.buf[n:]; len(r.buf) == 0 {
		r.buf = nil
	}
	return n
}
