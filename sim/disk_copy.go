package sim

import (
	"bytes"
	"fmt"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
)

// DiskCopy is a backup: the durable content of a disk at one time.
type DiskCopy []copiedFile

type copiedFile struct {
	name string
	data []byte
}

// CopyDisk copies the durable content of the disk of a process, which may be up.
func (w *World) CopyDisk(id ID) (c DiskCopy) {
	d := &w.proc(id).disk
	for _, e := range d.dir.durable {
		c = append(c, copiedFile{e.name, e.file.durableData()})
	}
	return c
}

// durableData returns the durable content of f.
func (f *file) durableData() []byte {
	data := bytes.Clone(f.image)
	for _, c := range f.changes[:f.syncedCount] {
		if !c.lost {
			data = c.apply(data)
		}
	}
	return data
}

// RestoreDisk replaces the content of the disk of a process by a copy, durably.
// The process must be down.
func (w *World) RestoreDisk(id ID, c DiskCopy) {
	p := w.mustBeDown(id)
	p.disk = disk{
		profile: p.disk.profile, highWaterFile: p.disk.highWaterFile, key: p.disk.key.Name("restored").Word(uint64(p.life)),
		pool: p.disk.pool, faults: p.disk.faults, // the copy may contain damage
	}
	for _, f := range c {
		n := dirEntry{f.name, &file{name: f.name, image: bytes.Clone(f.data)}}
		p.disk.dir.visible = append(p.disk.dir.visible, n)
		p.disk.dir.durable = append(p.disk.dir.durable, n)
	}
	w.hits.Rollback++
	w.fold(uint64(id), keyed.String("restore"))
}

// mustBeDown returns a process, and panics if it is up.
func (w *World) mustBeDown(id ID) *proc {
	p := w.proc(id)
	if p.code != nil {
		panic(fmt.Sprintf("sim: process %d is not down", id))
	}
	return p
}
