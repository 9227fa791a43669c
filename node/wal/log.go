package wal

import (
	"errors"
	"fmt"

	"github.com/lockstep-dst/lockstep/node/internal/invariant"
)

// maxBatch is the maximum size of a batch, in bytes: it keeps a record's distance to
// the start of its batch within 32 bits.
const maxBatch = 1 << 31

// Log is the write-ahead log of one life of a node. Recover returns it. It is not
// safe for concurrent use.
type Log struct {
	segmentSize int64 // bytes of a segment
	version     uint16
	identity    Identity
	salt        uint32
	boot        uint64

	segments      []segmentInfo // the segments needed, in order; the last is written to
	file          string        // the name of the last
	headerLen     int64         // bytes of the header of the last
	base          LSN           // the position of the first record of the last
	firstNeeded   uint64        // the lowest segment needed, durably
	trim          trim
	garbage       []string // files to be removed
	recycled      string   // a released file that becomes the next spare; empty: none
	spare         spare
	marker        markWriter
	markRequested bool // SyncMark was called, and no Append since

	groups        []requestGroup // to be completed before the next batch
	nextBatch     []byte         // the next batch
	nextBatchAt   LSN            // the start of the next batch
	lastSum       uint32         // the checksum of the last record in the next batch
	inFlightBatch []byte         // the batch in flight

	inFlight      []DiskRequest // issued, until all of them are complete
	completed     int           // how many of inFlight are complete
	durableAfter  int           // once so many are complete, durableTarget is durable
	durableTarget logPoint
	lastToken     uint64 // the last token issued

	durable logPoint
	readyAt LSN // Ready once the mark durably covers this position
	failed  error
}

// requestGroup is a group of requests that are issued together, and the position up
// to which the log is durable when they are complete.
type requestGroup struct {
	requests  []DiskRequest
	durable   logPoint
	markFirst bool // before them the mark is written and synced, if it is behind the durable position
}

// Append adds an entry to the next batch and returns the position of its end: the
// entry is durable once Durable has reached it. The payload is copied.
//
// Append panics if the payload is longer than MaxPayload, or if more than 2 GiB wait
// for the batch in flight. An owner must bound the backlog, End minus Durable, by
// far less.
func (l *Log) Append(payload []byte) LSN {
	if len(payload) > MaxPayload {
		panic(fmt.Sprintf("wal: entry of %d bytes, at most %d are possible", len(payload), MaxPayload))
	}
	if uint64(len(l.nextBatch)) > maxBatch {
		panic(fmt.Sprintf("wal: %d bytes wait to be written", len(l.nextBatch)))
	}
	l.put(kindEntry, payload)
	l.markRequested = false
	return l.End()
}

// put appends a record to the next batch.
func (l *Log) put(kind byte, payload []byte) {
	at := len(l.nextBatch)
	l.nextBatch = appendRecord(l.nextBatch, l.salt, l.End(), l.nextBatchAt, kind, payload)
	l.lastSum = storedSum(l.nextBatch[at:])
	invariant.Check(len(l.nextBatch) > at && l.End() > l.durable.at, "wal: a record that is not written is after the durable position")
}

// Take appends to reqs the requests to issue now, if any. There are none while
// others are in flight, and none after a failure. Call it after every Append,
// SyncMark and Done.
func (l *Log) Take(reqs []DiskRequest) []DiskRequest {
	if l.failed != nil || len(l.inFlight) > 0 {
		return reqs
	}
	batch := len(l.nextBatch) > 0
	if batch && len(l.groups) == 0 && !l.fits() && l.prepared() {
		l.roll()
	}
	switch {
	case len(l.groups) > 0:
		l.issueGroup()
	case l.marker.synced < l.readyAt && l.durable.at >= l.readyAt:
		l.issueMarkSync()
	case batch && !l.fits():
		l.keepDurable()
		l.issuePreparation()
		l.spare.awaited = true
	case batch:
		l.issueBatch()
		l.issueMaintenance()
	case l.markRequested && l.marker.synced < l.durable.at:
		l.issueMarkSync()
	case len(l.garbage) > 0:
		l.keepDurable()
		l.issueMaintenance()
	}
	if n := len(l.inFlight); n > 0 {
		invariant.Check(l.completed == 0 && l.durableAfter <= n, "wal: the durable position rises with one of the requests in flight")
		invariant.Check(l.inFlight[0].Token+uint64(n)-1 == l.lastToken, "wal: the requests in flight are the last issued, in order")
	}
	for i := range l.inFlight {
		l.inFlight[i].Quiet = i+1 != l.durableAfter && i+1 != len(l.inFlight)
	}
	return append(reqs, l.inFlight...)
}

// keepDurable records that the next requests do not advance the durable position.
func (l *Log) keepDurable() { l.durableAfter, l.durableTarget = 0, l.durable }

func (l *Log) issueGroup() {
	s := l.groups[0]
	if l.groups = l.groups[1:]; len(l.groups) == 0 {
		l.groups = nil // releases the data read in recovery
	}
	if s.markFirst && l.marker.written < l.durable.at {
		l.issueMark()
		l.issue(l.marker.sync())
	}
	for _, r := range s.requests {
		l.issue(r)
	}
	l.durableAfter, l.durableTarget = len(l.inFlight), s.durable
}

// issueBatch issues the next batch, and behind its sync the mark that covers it: what
// is durable is marked before anybody hears of it. The batch after it reuses the
// buffer of the one before, which is complete.
func (l *Log) issueBatch() {
	invariant.Check(l.durable.at == l.nextBatchAt, "wal: a batch is written when all before it is durable")
	invariant.Check(l.nextBatchAt >= l.base, "wal: a batch is written to the segment that it belongs to")
	l.nextBatch, l.inFlightBatch = l.inFlightBatch[:0], l.nextBatch
	l.issue(DiskRequest{Op: Write, File: l.file, Offset: l.offset(l.nextBatchAt), Data: l.inFlightBatch})
	l.issue(DiskRequest{Op: Sync, File: l.file})
	l.nextBatchAt += LSN(len(l.inFlightBatch))
	l.durableTarget = logPoint{l.nextBatchAt, l.lastSum}
	l.issue(l.marker.write(l.durableTarget))
	l.durableAfter = len(l.inFlight)
}

// issueMark issues a write of the mark, if it is behind the durable position.
func (l *Log) issueMark() {
	if l.marker.written < l.durable.at {
		l.issue(l.marker.write(l.durable))
	}
}

// issue gives a request a token and adds it to the requests in flight.
func (l *Log) issue(r DiskRequest) {
	l.lastToken++
	r.Token = l.lastToken
	l.marker.onIssue(&r)
	l.inFlight = append(l.inFlight, r)
}

// issueMarkSync issues a write of the mark, if it is behind, and a sync of it.
func (l *Log) issueMarkSync() {
	l.keepDurable()
	l.issueMark()
	l.issue(l.marker.sync())
}

// Done reports that the request with a token was executed, together with all quiet
// requests before it, or that it failed. A failure is final, whatever is reported
// later, except an ErrFull of an Optional request that no batch waits for. The node
// must stop, and only the recovery of its next life can tell how much of the batch
// is on disk. Reports out of the order of the requests are a failure too.
func (l *Log) Done(token uint64, err error) {
	if l.failed != nil {
		return
	}
	for l.completed < len(l.inFlight) && l.inFlight[l.completed].Token != token && l.inFlight[l.completed].Quiet {
		l.completed++
	}
	if l.completed == len(l.inFlight) || l.inFlight[l.completed].Token != token {
		l.failed = fmt.Errorf("wal: request %d was reported done out of turn: this node must stop", token)
		return
	}
	r := l.inFlight[l.completed]
	if err != nil && r.Optional && errors.Is(err, ErrFull) {
		err = l.spareFailed(r, err)
	}
	if err != nil {
		l.failed = fmt.Errorf("wal: %v: %w: this node must stop; it may be started again", r, err)
		return
	}
	if l.completed++; l.completed == l.durableAfter {
		invariant.Check(l.durableTarget.at >= l.durable.at && l.durableTarget.at <= l.nextBatchAt, "wal: the durable position never goes back, nor past what was written")
		l.durable = l.durableTarget
		l.onTrimDurable()
	}
	if l.completed == len(l.inFlight) {
		l.inFlight, l.completed = l.inFlight[:0], 0
		l.marker.onComplete()
		l.spare.onComplete()
	}
}

// SyncMark requests that the high-water mark durably cover everything that is
// durable. Damage to the end of the log can then be told from a torn tail. An owner
// calls it before it stops, and when it is idle. The request holds until the next
// Append. It is carried out through Take and Done.
func (l *Log) SyncMark() { l.markRequested = true }

// IsMarkSynced reports whether SyncMark is carried out: no record or request is
// pending, and the mark durably covers the log. It is also true if the log has
// failed and will never do it.
func (l *Log) IsMarkSynced() bool {
	return l.failed != nil || len(l.inFlight)+len(l.groups)+len(l.nextBatch) == 0 && l.marker.synced == l.durable.at
}

// Durable is the position up to which the log survives any crash. It never
// decreases within a life.
func (l *Log) Durable() LSN { return l.durable.at }

// Incremental reports whether the log is of a version in which entries may build on
// earlier ones.
func (l *Log) Incremental() bool { return l.version >= incrementalVersion }

// End is the position after everything appended. If it was not durable, the same
// position may be the end of another record in a later life.
func (l *Log) End() LSN { return l.nextBatchAt + LSN(len(l.nextBatch)) }

// Kept returns the bytes from the first record that is not trimmed to the end of the log.
func (l *Log) Kept() LSN { return l.End() - l.segments[0].base }

// Files returns the number of files that the log needs or keeps for reuse: its
// segments, the next one, a released one, and the high-water mark.
func (l *Log) Files() int {
	n := len(l.segments) + 1
	if l.spare.file != "" {
		n++
	}
	if l.recycled != "" {
		n++
	}
	return n
}

// Ready reports whether the recovered records and the boot of this life are durable
// and covered by the mark. Before that, the node must not send any message. It is
// false once the log has failed.
func (l *Log) Ready() bool { return l.failed == nil && l.marker.synced >= l.readyAt }

// Failed is the error that stopped the log, or nil.
func (l *Log) Failed() error { return l.failed }
