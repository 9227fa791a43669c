package filestest

import (
	"cmp"
	"maps"
	"slices"

	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/stretchr/testify/require"
)

// model is the expected state of the files, by name.
type model map[string]*fileModel

// fileModel is the content of one file, and the part of it that a crash must spare.
type fileModel struct {
	content   []byte
	synced    []byte     // the content at the last sync
	syncedLen int64      // length of synced, reduced by truncations since
	dirty     [][2]int64 // ranges written since the sync
	linked    bool       // a syncdir has followed its creation
	removed   bool       // removed or renamed, without a syncdir since
	oldName   string     // its name before a rename, without a syncdir since
}

// randomRequests executes random requests and compares the files with the model after
// each. After a crash, every byte must be there that was synced and not changed since.
func randomRequests(d *driver, c random) {
	m := model{}
	for range 8 {
		for range c.IntN(40) {
			r := m.choose(c)
			d.execute(r)
			m.apply(r)
			m.requireContents(d)
		}
		for range c.IntN(4) { // requests that the crash interrupts
			r := m.choose(c)
			d.submit(r)
			m.touch(r)
		}
		d.Crash()
		m.requireSurvives(d)
	}
}

// choose returns a random request that must succeed.
func (m model) choose(c random) wal.DiskRequest {
	files := m.existing()
	if name := []string{file1, file2, file3}[c.IntN(3)]; (len(files) == 0 || c.oneIn(20)) && (m[name] == nil || !m[name].removed) {
		return create(name)
	}
	if len(files) == 0 {
		return syncDir()
	}
	file := files[c.IntN(len(files))]
	switch c.IntN(8) {
	case 0:
		if c.oneIn(4) {
			return remove(file)
		}
		if to := []string{file1, file2, file3}[c.IntN(3)]; m[to] == nil && m[file].oldName == "" && c.oneIn(2) {
			return rename(file, to)
		}
		return syncDir()
	case 1, 2:
		return sync(file)
	case 3:
		if size := int64(len(m[file].content)); c.oneIn(2) {
			return allocate(file, size+1+c.Int64N(2000))
		}
		return truncate(file, c.Int64N(6000))
	}
	return write(file, c.Int64N(5000), c.data(2000))
}

// existing returns the names of the files that exist, sorted.
func (m model) existing() (names []string) {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if !m[name].removed {
			names = append(names, name)
		}
	}
	return names
}

// apply updates the model for a completed request.
func (m model) apply(r wal.DiskRequest) {
	m.touch(r)
	f := m[r.File]
	switch r.Op {
	case wal.Write:
		if len(r.Data) > 0 {
			f.content = resized(f.content, max(int64(len(f.content)), r.Offset+int64(len(r.Data))))
			copy(f.content[r.Offset:], r.Data)
		}
	case wal.Truncate, wal.Allocate:
		f.content = resized(f.content, r.Offset)
	case wal.Sync:
		*f = fileModel{content: f.content, synced: slices.Clone(f.content), syncedLen: int64(len(f.content)), linked: f.linked, oldName: f.oldName}
	case wal.SyncDir:
		maps.DeleteFunc(m, func(_ string, f *fileModel) bool { return f.removed })
		for _, f := range m {
			f.linked, f.oldName = true, ""
		}
	}
}

// touch removes the guarantees that a request ends, completed or not.
func (m model) touch(r wal.DiskRequest) {
	if r.Op == wal.Create && m[r.File] == nil {
		m[r.File] = &fileModel{}
	}
	f := m[r.File]
	switch r.Op {
	case wal.Write:
		f.dirty = append(f.dirty, [2]int64{r.Offset, r.Offset + int64(len(r.Data))})
	case wal.Truncate:
		f.syncedLen = min(f.syncedLen, r.Offset)
	case wal.Remove:
		f.removed, f.linked = true, false // it may be gone after a crash
	case wal.Rename:
		f.oldName = r.File
		m[r.To], m[r.File] = f, &fileModel{removed: true}
	}
}

// resized returns a copy of data with the given length.
func resized(data []byte, length int64) []byte {
	out := make([]byte, length)
	copy(out, data)
	return out
}

// requireContents checks the names and contents of all files.
func (m model) requireContents(d *driver) {
	d.requireFiles(m.existing()...)
	for _, name := range m.existing() {
		d.requireContent(name, m[name].content)
	}
}

// requireSurvives checks the files after a crash, and makes the model theirs: they
// must now last.
func (m model) requireSurvives(d *driver) {
	names, err := d.Dir().List()
	require.NoError(d, err)
	for _, name := range slices.Sorted(maps.Keys(m)) {
		f := m[name]
		at := name
		if !slices.Contains(names, name) && slices.Contains(names, f.oldName) {
			at = f.oldName // checked under that name, below or above
		}
		if !slices.Contains(names, at) {
			require.Falsef(d, f.linked, "%s is gone", name)
			delete(m, name)
			continue
		}
		got, err := d.Dir().Read(at)
		require.NoError(d, err)
		f.requireSynced(d, name, got)
		if at != name {
			delete(m, name)
			continue
		}
		require.NotContainsf(d, names, cmp.Or(f.oldName, "?"), "%s has two names", name)
		*f = fileModel{content: got, synced: slices.Clone(got), syncedLen: int64(len(got)), linked: true}
		// After a process crash, the file may still be only in memory.
		d.execute(sync(name), syncDir())
	}
	m.requireContents(d)
}

// requireSynced checks that got has every byte that must have survived.
func (f *fileModel) requireSynced(d *driver, name string, got []byte) {
	certain := slices.Repeat([]bool{true}, int(f.syncedLen))
	for _, w := range f.dirty {
		for i := w[0]; i < min(w[1], f.syncedLen); i++ {
			certain[i] = false
		}
	}
	for i, is := range certain {
		if is && (i >= len(got) || got[i] != f.synced[i]) {
			require.FailNowf(d, "lost", "%s: byte %d of %d was synced and is not there", name, i, len(f.synced))
		}
	}
}
