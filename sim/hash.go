package sim

import (
	"hash/crc32"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
)

// fold adds two words to the hash.
func (w *World) fold(a, b uint64) { w.hash = keyed.Mix(w.hash^a, b^a<<1) }

// foldEvent folds an event of process id into the hash. A message counts with the
// digest that it had when it was sent. foldEvent checks that the digest is unchanged,
// also after RoundTrip: for every message if the world is strict, and else for one in
// sixteen, selected by the digest so that all runs agree.
func (w *World) foldEvent(id ID, ev *Event, r *record) {
	w.fold(uint64(w.now), uint64(ev.Kind)<<32|uint64(id)<<16|uint64(ev.From))
	if ev.Message == nil {
		w.fold(ev.Token, 1)
		return
	}
	w.fold(r.token, 0)
	if w.strict != nil || r.token%16 == 0 {
		w.checkArrived(id, ev, r)
	}
}

// checksum returns a hash of data: good enough to tell two runs apart, and most
// processors have an instruction for it.
func checksum(data []byte) uint64 {
	return keyed.Mix(uint64(len(data)), uint64(crc32.Checksum(data, castagnoli)))
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)
