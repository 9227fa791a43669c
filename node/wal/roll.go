package wal

// extent is where a segment is in the log.
type extent struct {
	sequence uint64
	base     LSN   // the position of its first record
	size     int64 // bytes of its file, once the log has left it
	version  uint16
}

// spare is the file of the next segment while it is being prepared.
type spare struct {
	file string // empty: there is none yet
	size int64  // bytes of it that are ready to be written over
}

// chunk is how many bytes of the next segment are prepared at a time: few
// enough that a batch behind them does not wait long.
const chunk = 1 << 20

// open has the log go on in a segment.
func (l *Log) open(e extent) {
	l.file, l.base, l.spare = segmentName(e.sequence), e.base, spare{}
}

// offset is the place in the current segment of a position in the log.
func (l *Log) offset(at LSN) int64 { return headerSize + int64(at-l.base) }

// fits reports whether the next batch belongs in the current segment: there is
// room for it and a seal, or there is nothing but it.
func (l *Log) fits() bool {
	return l.start == l.base || l.offset(l.End())+sealSize <= l.size
}

// roll plans the way into the next segment. First the next is made durable with
// its header, then the current one is sealed; so a seal proves that there is a
// next one, and a record there that there is a seal. All batches before are
// durable.
func (l *Log) roll() {
	now := &l.segments[len(l.segments)-1]
	now.size = max(l.size, l.offset(l.start)+sealSize)
	next := extent{sequence: now.sequence + 1, base: l.start, version: version}
	file := segmentName(next.sequence)
	head := header{version, l.id, next.sequence, next.base, l.boot, l.first}.encode()
	var begin []Request
	if l.spare.file == "" {
		begin = append(begin, l.newSpare())
	}
	if l.spare.size < l.size {
		begin = append(begin, Request{Op: Allocate, File: file, Offset: l.size})
	}
	begin = append(begin, Request{Op: Write, File: file, Data: head}, Request{Op: Sync, File: file}, Request{Op: SyncDir})
	seal := appendRecord(nil, l.salt, l.start, l.start, kindSeal, nil)
	end := []Request{
		{Op: Write, File: l.file, Offset: l.offset(l.start), Data: seal},
		{Op: Sync, File: l.file},
	}
	l.steps = append(l.steps, step{begin, l.durable}, step{end, l.durable})
	l.segments = append(l.segments, next)
	l.open(next)
}

// newSpare is the request that begins a spare: with a file that is not needed
// any more, which is then ready, or with a new one.
func (l *Log) newSpare() Request {
	l.spare.file = segmentName(l.segments[len(l.segments)-1].sequence + 1)
	if l.reserve == "" {
		return Request{Op: Create, File: l.spare.file}
	}
	r := Request{Op: Rename, File: l.reserve, To: l.spare.file}
	l.spare.size, l.reserve = l.size, ""
	return r
}

// issueChore issues some work that no batch waits for, behind one or alone: it
// prepares the next segment about as fast as this one fills, or removes a file.
func (l *Log) issueChore() {
	switch {
	case l.spare.size < l.size && l.spare.size < l.offset(l.start):
		l.issuePreparation()
	case len(l.garbage) > 0:
		l.issue(Request{Op: Remove, File: l.garbage[0]})
		l.garbage = l.garbage[1:]
	}
}

// issuePreparation issues some of the work that the next segment takes.
func (l *Log) issuePreparation() {
	if l.spare.file == "" {
		l.issue(l.newSpare())
	} else {
		l.issue(Request{Op: Sync, File: l.spare.file}) // the chunk before, which is on its way since
	}
	if l.spare.size < l.size {
		l.spare.size = min(l.size, l.spare.size+chunk)
		l.issue(Request{Op: Allocate, File: l.spare.file, Offset: l.spare.size})
	}
}

// trim is a trim record on its way to the disk.
type trim struct {
	first uint64 // the lowest segment needed after it; zero: there is none on its way
	end   LSN    // of the record
}

// Trim says that no entry that ends before keep is needed any more, as far as
// everything that was appended by now is durable. Segments of nothing else are
// removed or used again: a record says so first, and when it is durable the files go. Trim
// reports whether there are any.
func (l *Log) Trim(keep LSN) bool {
	n := 0
	for n+1 < len(l.segments) && l.segments[n+1].base < keep {
		n++
	}
	if n == 0 || l.trim.first != 0 {
		return false
	}
	l.trim.first = l.segments[n].sequence
	l.put(kindTrim, number(l.trim.first))
	l.trim.end = l.End()
	return true
}

// trimmed lets go of segments when the record that trims them is durable.
func (l *Log) trimmed() {
	if l.trim.first == 0 || l.durable < l.trim.end {
		return
	}
	l.first, l.trim = l.trim.first, trim{}
	n := 0
	for ; l.segments[n].sequence < l.first; n++ {
		l.release(l.segments[n])
	}
	l.segments = l.segments[n:]
}

// release lets go of a segment that is not needed: its file is put by to be used
// again, or is removed. One of an earlier version is removed: under another name
// a program of that version would call it damaged, and not of another version.
func (l *Log) release(e extent) {
	if file := segmentName(e.sequence); l.reserve == "" && e.size == l.size && e.version == version {
		l.reserve = file
	} else {
		l.garbage = append(l.garbage, file)
	}
}
