package filestest

import (
	"cmp"
	"maps"
	"slices"

	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/stretchr/testify/require"
)

// model is what the files must look like.
type model map[string]*fileModel

// fileModel is one file: as it reads now, and what of it a crash must spare.
type fileModel struct {
	content   []byte
	synced    []byte     // at the last sync
	syncedLen int64      // of synced: no truncation since the sync went below it
	dirty     [][2]int64 // written since the sync
	linked    bool       // there was a syncdir since it was made
	removed   bool       // it was removed or renamed, and there was no syncdir since
	oldName   string     // its name until it was renamed, if there was no syncdir since
}

// randomRequests does any requests in any order, and compares what is read with the
// model all the time. At a crash every byte must be there that was synced and
// not touched since.
func randomRequests(d *driver, c random) {
	m := model{}
	for range 8 {
		for range c.IntN(40) {
			r := m.choose(c)
			d.execute(r)
			m.apply(r)
			m.requireContents(d)
		}
		for range c.IntN(4) { // and some that the crash cuts off
			r := m.choose(c)
			d.submit(r)
			m.touch(r)
		}
		d.Crash()
		m.requireSurvives(d)
	}
}

// choose is any request that must succeed.
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

// existing lists the files that are there to be changed.
func (m model) existing() (names []string) {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if !m[name].removed {
			names = append(names, name)
		}
	}
	return names
}

// apply is what a request that is done has changed.
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

// touch is what a request takes away from the certain, done or not.
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
		f.removed, f.linked = true, false // it need not be there after a crash
	case wal.Rename:
		f.oldName = r.File
		m[r.To], m[r.File] = f, &fileModel{removed: true}
	}
}

// resized is data at a length, in memory of its own.
func resized(data []byte, length int64) []byte {
	out := make([]byte, length)
	copy(out, data)
	return out
}

// requireContents checks that the files read as they were changed.
func (m model) requireContents(d *driver) {
	d.requireFiles(m.existing()...)
	for _, name := range m.existing() {
		d.requireContent(name, m[name].content)
	}
}

// requireSurvives checks what a crash has left, and goes on from there: it must last.
func (m model) requireSurvives(d *driver) {
	names, err := d.Dir().List()
	require.NoError(d, err)
	for _, name := range slices.Sorted(maps.Keys(m)) {
		f := m[name]
		at := name
		if !slices.Contains(names, name) && slices.Contains(names, f.oldName) {
			at = f.oldName // and there it is taken up below, or was above
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
		// A file that outlived a crash of the process alone is in memory still.
		d.execute(sync(name), syncDir())
	}
	m.requireContents(d)
}

// requireSynced checks that every byte is in got that must be.
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
