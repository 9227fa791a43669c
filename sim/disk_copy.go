package sim

import (
	"bytes"
	"fmt"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
)

// DiskCopy is what a disk held at a time, as a backup has it.
type DiskCopy []copiedFile

type copiedFile struct {
	name string
	data []byte
}

// CopyDisk copies what is durable on the disk of a process, which may be up.
func (w *World) CopyDisk(id ID) (c DiskCopy) {
	d := &w.proc(id).disk
	for _, e := range d.dir.durable {
		c = append(c, copiedFile{e.name, e.file.durableData()})
	}
	return c
}

// durableData is what is durable of f.
func (f *file) durableData() []byte {
	data := bytes.Clone(f.image)
	for _, c := range f.changes[:f.syncedCount] {
		if !c.lost {
			data = c.apply(data)
		}
	}
	return data
}

// RestoreDisk puts a copy in the place of what the disk of a process holds, durably.
// The process must be down.
func (w *World) RestoreDisk(id ID, c DiskCopy) {
	p := w.mustBeDown(id)
	p.disk = disk{
		profile: p.disk.profile, highWaterFile: p.disk.highWaterFile, key: p.disk.key.Name("restored").Word(uint64(p.life)),
		pool: p.disk.pool, faults: p.disk.faults, // damage may be in the copy, too
	}
	for _, f := range c {
		n := dirEntry{f.name, &file{name: f.name, image: bytes.Clone(f.data)}}
		p.disk.dir.visible = append(p.disk.dir.visible, n)
		p.disk.dir.durable = append(p.disk.dir.durable, n)
	}
	w.hits.Rollback++
	w.fold(uint64(id), keyed.String("restore"))
}

// mustBeDown is a process that must be down.
func (w *World) mustBeDown(id ID) *proc {
	p := w.proc(id)
	if p.code != nil {
		panic(fmt.Sprintf("sim: process %d is not down", id))
	}
	return p
}
