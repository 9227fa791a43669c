package wal

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/node/internal/invariant"
)

// segmentInfo is a segment and its place in the log.
type segmentInfo struct {
	sequence  uint64
	base      LSN   // position of its first record
	size      int64 // bytes of its file
	version   uint16
	headerLen int // bytes of its header
}

// spare is the file of the next segment while it is being prepared.
type spare struct {
	file      string // empty: there is none yet
	size      int64  // bytes allocated
	requested int64  // size after the requests in flight; 0: none of them allocates
	awaited   bool   // a batch waits for the requests in flight
	retryAt   LSN    // the disk was full: the next attempt is at this position of the log
	fullErr   error  // why the last attempt found no room; nil if it did
}

// onComplete updates s when all requests in flight are complete.
func (s *spare) onComplete() {
	if s.requested > 0 {
		s.size, s.requested, s.fullErr = s.requested, 0, nil
	}
	s.awaited = false
}

// spareChunk is the number of bytes of the next segment that are allocated at a
// time: few enough that a batch after them does not wait long.
const spareChunk = 1 << 20

// useSegment makes the segment e, in a file, the one that the log writes to.
func (l *Log) useSegment(file string, e segmentInfo) {
	l.file, l.base, l.headerLen, l.spare = file, e.base, int64(e.headerLen), spare{}
}

// offset converts a position in the log to an offset in the current segment.
func (l *Log) offset(at LSN) int64 { return l.headerLen + int64(at-l.base) }

// fits reports whether the next batch belongs in the current segment: there is room
// for it and a seal, or the segment has no record yet. Of a life, only the first
// record is ever written to a segment of an earlier version than the log has now: a
// program of that version must reject the log rather than misread it.
func (l *Log) fits() bool {
	now := &l.segments[len(l.segments)-1]
	return l.nextBatchAt == l.base || now.version == l.version && l.offset(l.End())+sealSize <= min(l.segmentSize, now.size)
}

// prepared reports whether the next segment has a file of its full length.
func (l *Log) prepared() bool { return l.spare.file != "" && l.spare.size == l.segmentSize }

// roll plans the requests that move the log to the next segment, which is prepared.
// First the header of the next segment is made durable, then the current segment is
// sealed. So a seal proves that there is a next segment, and a record there proves
// that there is a seal. All earlier batches are durable.
func (l *Log) roll() {
	invariant.Check(l.durable.at == l.nextBatchAt, "wal: the log goes on to the next segment when all before is durable")
	invariant.Check(l.prepared(), "wal: the log goes on to a segment of full length")
	now := &l.segments[len(l.segments)-1]
	now.size = max(now.size, l.offset(l.nextBatchAt)+sealSize)
	next := segmentInfo{sequence: now.sequence + 1, base: l.nextBatchAt, size: l.segmentSize, version: l.version, headerLen: headerSize}
	file := l.spare.file
	head := header{
		version: l.version, identity: l.identity, sequence: next.sequence, base: next.base, boot: l.boot, first: l.firstNeeded, size: uint64(l.segmentSize),
	}.encode()
	seal := appendRecord(nil, l.salt, l.nextBatchAt, l.nextBatchAt, kindSeal, nil)
	l.groups = append(l.groups, requestGroup{durable: l.durable, requests: []DiskRequest{
		{Op: Write, File: file, Data: head}, {Op: Sync, File: file}, {Op: SyncDir},
	}}, requestGroup{durable: l.durable, requests: []DiskRequest{
		{Op: Write, File: l.file, Offset: l.offset(l.nextBatchAt), Data: seal}, {Op: Sync, File: l.file},
	}})
	invariant.Check(next.base >= now.base && file == segmentName(next.sequence), "wal: segments are in the order of their positions and numbers")
	l.segments = append(l.segments, next)
	l.useSegment(file, next)
}

// issueMaintenance issues one piece of work that no batch waits for, after a batch or
// alone. It allocates the next segment about as fast as this one fills, syncs the
// mark now and then, or removes a file.
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

// issuePreparation issues the next requests that prepare the spare. A released file
// is renamed and needs nothing more. Otherwise a file is created, and then filled
// with zeros, a chunk at a time. The request that may lack space comes last.
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
			l.issue(DiskRequest{Op: Sync, File: s.file}) // the previous chunk, written in the meantime
		}
		s.requested = min(l.segmentSize, s.size+spareChunk)
		l.issue(DiskRequest{Op: Allocate, File: s.file, Offset: s.requested, Optional: true})
	}
}

func (l *Log) spareName() string {
	return segmentName(l.segments[len(l.segments)-1].sequence + 1)
}

// spareFailed handles a request for the spare that failed because the disk is full.
// The log goes on while its segment has room, and tries again later. If a batch waits
// for the spare, it returns an error, with which the log fails.
func (l *Log) spareFailed(r DiskRequest, err error) error {
	s := &l.spare
	if s.requested = 0; r.Op == Create {
		s.file = ""
	}
	s.fullErr, s.retryAt = err, l.nextBatchAt+LSN(l.segmentSize/16)
	if s.awaited && l.segments[len(l.segments)-1].version != l.version {
		return fmt.Errorf("the log is to go on in version %d, for which a new segment is needed, and there is no room for it: make room, or do not ask for that form: %w", l.version, err)
	}
	if s.awaited {
		return fmt.Errorf("there is no room for the next segment, and none left in %s: %w", l.file, err)
	}
	return nil
}

// Full is the error with which the disk refused space for the next segment, or nil.
// While it is not nil, the log goes on in the space that it has. It fails when that
// is used up.
func (l *Log) Full() error { return l.spare.fullErr }

// trim is a trim record that is not yet durable.
type trim struct {
	first uint64 // the lowest segment needed after it; 0: no record is pending
	end   LSN    // of the record
}

// Trim releases the entries that end before keep, effective when everything appended
// so far is durable. If there are segments with no other entries, it appends a trim
// record; when the record is durable, their files are removed or reused. Trim reports
// whether it appended one. It does not while an earlier trim record is not durable.
func (l *Log) Trim(keep LSN) bool {
	invariant.Check(keep <= l.End(), "wal: a log is trimmed within its records")
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

// onTrimDurable releases segments when their trim record is durable.
func (l *Log) onTrimDurable() {
	if l.trim.first == 0 || l.durable.at < l.trim.end {
		return
	}
	invariant.Check(l.trim.first > l.firstNeeded, "wal: a trim releases segments from the beginning")
	l.firstNeeded, l.trim = l.trim.first, trim{}
	n := 0
	for ; l.segments[n].sequence < l.firstNeeded; n++ {
		l.release(l.segments[n])
	}
	l.segments = l.segments[n:]
	invariant.Check(l.segments[0].sequence == l.firstNeeded, "wal: the first segment that is needed is kept")
}

// release releases a segment: its file is kept for reuse, or removed. A file of an
// earlier version is removed: under another name, a program of that version would
// report damage instead of another version.
func (l *Log) release(e segmentInfo) {
	if file := segmentName(e.sequence); l.recycled == "" && e.size == l.segmentSize && e.version == l.version {
		l.recycled = file
	} else {
		l.garbage = append(l.garbage, file)
	}
}
