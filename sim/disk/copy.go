package disk

import (
	"bytes"
	"fmt"
	"slices"
)

// Copy is a backup: the durable content of a disk at one time.
type Copy []copiedFile

type copiedFile struct {
	name string
	data []byte
}

// Copy copies the durable content of the disk, whose process may be up.
func (d *Device) Copy() (c Copy) {
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

// Restore replaces the content of the disk by a copy, durably. Its process is down, and
// life is the number of its last life.
func (d *Device) Restore(c Copy, life uint64) {
	faults := d.faults // the copy may contain damage
	*d = d.emptied(d.key.Name("restored").Word(life))
	d.faults = faults
	for _, f := range c {
		n := dirEntry{f.name, &file{name: f.name, image: bytes.Clone(f.data)}}
		d.dir.visible = append(d.dir.visible, n)
		d.dir.durable = append(d.dir.durable, n)
	}
}

// List implements View.
func (c Copy) List() ([]string, error) {
	names := make([]string, len(c))
	for i, f := range c {
		names[i] = f.name
	}
	return names, nil
}

// Read implements View. The caller must not change the bytes.
func (c Copy) Read(name string) ([]byte, error) {
	i := slices.IndexFunc(c, func(f copiedFile) bool { return f.name == name })
	if i < 0 {
		return nil, fmt.Errorf("file %q: %w", name, ErrNoFile)
	}
	return c[i].data, nil
}
