package wal

import "fmt"

// segmentInfo is where a segment is in the log.
type segmentInfo struct {
	sequence  uint64
	base      LSN   // the position of its first record
	size      int64 // bytes of its file, once the log has left it
	version   uint16
	headerLen int // bytes of its header
}

// spare is the file of the next segment while it is being prepared.
type spare struct {
	file      string // empty: there is none yet
	size      int64  // bytes of it that are ready to be written over
	requested int64  // ... when what is in flight is done; 0: nothing is
	awaited   bool   // a batch cannot be written before it
	retryAt   LSN    // the disk is full: not before the log has come so far is it asked again
	fullErr   error  // why there is no room; nil if there was the last time
}

// onComplete is told that all requests in flight are.
func (s *spare) onComplete() {
	if s.requested > 0 {
		s.size, s.requested, s.fullErr = s.requested, 0, nil
	}
	s.awaited = false
}

// spareChunk is how many bytes of the next segment are prepared at a time: few
// enough that a batch behind them does not wait long.
const spareChunk = 1 << 20

// useSegment has the log go on in a segment, which is in a file.
func (l *Log) useSegment(file string, e segmentInfo) {
	l.file, l.base, l.headerLen, l.spare = file, e.base, int64(e.headerLen), spare{}
}

// offset is the place in the current segment of a position in the log.
func (l *Log) offset(at LSN) int64 { return l.headerLen + int64(at-l.base) }

// fits reports whether the next batch belongs in the current segment: there is
// room for it and a seal, or there is nothing but it. What comes behind the first
// record of a life is never written to a segment of an earlier version: a program of
// that version is to refuse the log, and not to misread it.
func (l *Log) fits() bool {
	now := &l.segments[len(l.segments)-1]
	return l.nextBatchAt == l.base || now.version == currentVersion && l.offset(l.End())+sealSize <= l.segmentSize
}

// prepared reports whether there is a file for the next segment, as long as it is
// to be.
func (l *Log) prepared() bool { return l.spare.file != "" && l.spare.size == l.segmentSize }

// roll plans the way into the next segment, which is prepared. First the next is
// made durable with its header, then the current one is sealed; so a seal proves
// that there is a next one, and a record there that there is a seal. All batches
// before are durable.
func (l *Log) roll() {
	now := &l.segments[len(l.segments)-1]
	now.size = max(now.size, l.segmentSize, l.offset(l.nextBatchAt)+sealSize)
	next := segmentInfo{sequence: now.sequence + 1, base: l.nextBatchAt, version: currentVersion, headerLen: headerSize}
	file := l.spare.file
	head := header{
		identity: l.identity, sequence: next.sequence, base: next.base, boot: l.boot, first: l.firstNeeded, size: uint64(l.segmentSize),
	}.encode()
	seal := appendRecord(nil, l.salt, l.nextBatchAt, l.nextBatchAt, kindSeal, nil)
	l.groups = append(l.groups, requestGroup{[]DiskRequest{
		{Op: Write, File: file, Data: head}, {Op: Sync, File: file}, {Op: SyncDir},
	}, l.durable}, requestGroup{[]DiskRequest{
		{Op: Write, File: l.file, Offset: l.offset(l.nextBatchAt), Data: seal}, {Op: Sync, File: l.file},
	}, l.durable})
	l.segments = append(l.segments, next)
	l.useSegment(file, next)
}

// issueMaintenance issues some work that no batch waits for, behind one or alone: it
// prepares the next segment about as fast as this one fills, makes the mark
// durable once in a while, or removes a file.
func (l *Log) issueMaintenance() {
	switch {
	case l.spare.size < l.segmentSize && l.spare.size < l.offset(l.nextBatchAt) && l.nextBatchAt >= l.spare.retryAt:
		l.issuePreparation()
	case l.marker.written-l.marker.synced >= LSN(min(l.segmentSize, spareChunk)):
		l.issue(l.marker.sync())
	case len(l.garbage) > 0:
		l.issue(DiskRequest{Op: Remove, File: l.garbage[0]})
		l.garbage = l.garbage[1:]
	}
}

// issuePreparation issues some of the work that the next segment takes: a file that
// is not needed any more is given its name, and is ready; a new one is made, and
// filled with zeros, some at a time. What may fail for want of space comes last.
func (l *Log) issuePreparation() {
	s := &l.spare
	switch {
	case s.file == "" && l.recycled != "":
		s.file, s.size, s.fullErr = l.spareName(), l.segmentSize, nil
		l.issue(DiskRequest{Op: Rename, File: l.recycled, To: s.file})
		l.recycled = ""
	case s.file == "":
		s.file = l.spareName()
		l.issue(DiskRequest{Op: Create, File: s.file, Optional: true})
	default:
		if s.size > 0 {
			l.issue(DiskRequest{Op: Sync, File: s.file}) // the chunk before, which is on its way since
		}
		s.requested = min(l.segmentSize, s.size+spareChunk)
		l.issue(DiskRequest{Op: Allocate, File: s.file, Offset: s.requested, Optional: true})
	}
}

func (l *Log) spareName() string {
	return segmentName(l.segments[len(l.segments)-1].sequence + 1)
}

// spareFailed takes it that the disk has no room for a spare. The log goes on as long
// as its segment has room, and asks again when a part of that is used up. When a
// batch waits for the spare, that is the end: an error.
func (l *Log) spareFailed(r DiskRequest, err error) error {
	s := &l.spare
	if s.requested = 0; r.Op == Create {
		s.file = ""
	}
	s.fullErr, s.retryAt = err, l.nextBatchAt+LSN(l.segmentSize/16)
	if s.awaited {
		return fmt.Errorf("there is no room for the next segment, and none left in %s: %w", l.file, err)
	}
	return nil
}

// Full is why the disk has no room for the next segment, or nil. While it is not
// nil the log goes on in the room it has, and stops when that is used up.
func (l *Log) Full() error { return l.spare.fullErr }

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
	l.put(kindTrim, encodeNumber(l.trim.first))
	l.trim.end = l.End()
	return true
}

// onTrimDurable lets go of segments when the record that trims them is durable.
func (l *Log) onTrimDurable() {
	if l.trim.first == 0 || l.durable.at < l.trim.end {
		return
	}
	l.firstNeeded, l.trim = l.trim.first, trim{}
	n := 0
	for ; l.segments[n].sequence < l.firstNeeded; n++ {
		l.release(l.segments[n])
	}
	l.segments = l.segments[n:]
}

// release lets go of a segment that is not needed: its file is put by to be used
// again, or is removed. One of an earlier version is removed: under another name
// a program of that version would call it damaged, and not of another version.
func (l *Log) release(e segmentInfo) {
	if file := segmentName(e.sequence); l.recycled == "" && e.size == l.segmentSize && e.version == currentVersion {
		l.recycled = file
	} else {
		l.garbage = append(l.garbage, file)
	}
}
