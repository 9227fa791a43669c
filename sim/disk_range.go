package sim

import (
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
)

// DiskRange is the place of a DiskFault that damages: the bytes of a file from From up
// to To.
type DiskRange struct {
	File     string
	From, To int64
}

// DamageDisk does the damage f to the disk of a process at a place, at once. It does
// none if the fault may not damage these bytes: see DiskFault. BitRot changes a byte or
// all bytes of the range, Zeroed and Truncated begin with its first byte. DamageDisk
// panics if f is none of these.
func (w *World) DamageDisk(id ID, f DiskFault, at DiskRange) {
	w.proc(id).disk.damageRange(f, w.now, at, &w.diskHits)
	w.fold(uint64(id)<<8|uint64(f), keyed.Mix(keyed.String(at.File), uint64(at.From)^uint64(at.To)<<32))
}

// damageRange is the part of DamageDisk that concerns the disk.
func (d *disk) damageRange(f DiskFault, now Duration, at DiskRange, hits *DiskHits) {
	d.ensureFaults(hits)
	file := d.dir.find(at.File)
	if file == nil || d.mustSpare(file) || at.From < 0 || at.From >= at.To {
		return
	}
	file.applyHighWater()
	durable := file.durableSize()
	k := d.key.Name(diskFaultNames[f]).Word(uint64(now)).Name("range")
	switch {
	case f == BitRot && at.To <= min(d.provenEnd(file), durable):
		file.fold()
		d.rotRange(file, at.From, at.To, k)
	case f == Zeroed && at.From < min(file.highWaterEnd, durable) && d.zeroFrom(file, at.From):
	case f == Truncated && at.From < min(file.highWaterSize, durable):
		d.truncateAt(file, at.From)
	case f != BitRot && f != Zeroed && f != Truncated:
		panic(fmt.Sprintf("sim: %v is no damage that has a place", f))
	default:
		return
	}
	d.faults.damaged = true
	d.faults.hit(f)
}

// rotRange changes one of the bytes from at to end, or all of them.
func (d *disk) rotRange(f *file, at, end int64, k keyed.Key) {
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

// List implements Disk.
func (c DiskCopy) List() ([]string, error) {
	names := make([]string, len(c))
	for i, f := range c {
		names[i] = f.name
	}
	return names, nil
}

// Read implements Disk. The caller must not change the bytes.
func (c DiskCopy) Read(name string) ([]byte, error) {
	i := slices.IndexFunc(c, func(f copiedFile) bool { return f.name == name })
	if i < 0 {
		return nil, fmt.Errorf("file %q: %w", name, ErrNoFile)
	}
	return c[i].data, nil
}
