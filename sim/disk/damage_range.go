package disk

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
)

// Range is the place of a Fault that damages: the bytes of a file from From up
// to To.
type Range struct {
	File     string
	From, To int64
}

// Damage does the damage f at a place, at once. It does none if the fault may not
// damage these bytes: see Fault. BitRot changes a byte or all bytes of the range,
// Zeroed and Truncated begin with its first byte. Damage panics if f is none of these.
// It counts its effect in hits.
func (d *Device) Damage(f Fault, now netmodel.Duration, at Range, hits *Hits) {
	d.ensureFaults(hits)
	file := d.dir.find(at.File)
	if file == nil || d.mustSpare(file) || at.From < 0 || at.From >= at.To {
		return
	}
	file.applyHighWater()
	durable := file.durableSize()
	k := d.key.Name(faultNames[f]).Word(uint64(now)).Name("range")
	switch {
	case f == BitRot && at.To <= min(d.provenEnd(file), durable):
		file.fold()
		d.rotRange(file, at.From, at.To, k)
	case f == Zeroed && at.From < min(file.highWaterEnd, durable) && d.zeroFrom(file, at.From):
	case f == Truncated && at.From < min(file.highWaterSize, durable):
		d.truncateAt(file, at.From)
	case f != BitRot && f != Zeroed && f != Truncated:
		panic(fmt.Sprintf("disk: %v is no damage that has a place", f))
	default:
		return
	}
	d.faults.damaged = true
	d.faults.hit(f)
}

// rotRange changes one of the bytes from at to end, or all of them.
func (d *Device) rotRange(f *file, at, end int64, k keyed.Key) {
	if !k.Name("all").Chance(500_000) {
		at += int64(k.Name("at").Below(uint64(end - at)))
		end = at + 1
	}
	f.changeBytes(at, end, k)
	d.noteDamage(f)
}

// changeBytes changes the bytes of the image from at to end.
func (f *file) changeBytes(at, end int64, k keyed.Key) {
	for i := at; i < end; i++ {
		f.image[i] ^= byte(1 + k.Word(uint64(i)).Below(255))
	}
}
