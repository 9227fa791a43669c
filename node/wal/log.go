package wal

import (
	"errors"
	"fmt"
)

// maxBatch keeps a record's distance to its batch within 32 bits.
const maxBatch = 1 << 31

// Log is the log of one life of a node. It is made by Recover and used from one
// place at a time.
type Log struct {
	segmentSize int64 // bytes of a segment
	identity    Identity
	salt        uint32
	boot        uint64

	segments      []segmentInfo // those that are needed, in order; the last is written to
	file          string        // its name
	headerLen     int64         // bytes of its header
	base          LSN           // the position of its first record
	firstNeeded   uint64        // the lowest segment needed, as is durable
	trim          trim
	garbage       []string // files to be removed
	recycled      string   // a file that is not needed, to become the next spare; empty: there is none
	spare         spare
	marker        markWriter
	markRequested bool // the owner asked that the mark say all

	groups        []requestGroup // to be done before the next batch
	nextBatch     []byte         // the next batch
	nextBatchAt   LSN            // where it starts
	lastSum       uint32         // the checksum of the last record in it
	inFlightBatch []byte         // the batch in flight

	inFlight      []DiskRequest // issued and not complete
	completed     int           // how many of them are
	durableAfter  int           // when so many are, target is durable
	durableTarget logPoint
	lastToken     uint64 // the last one given

	durable logPoint
	readyAt LSN // what must be durable, and marked, for the node to speak
	failed  error
}

// requestGroup is a group of requests that are issued together, and the position up to
// which the log is durable when they are complete.
type requestGroup struct {
	requests []DiskRequest
	durable  logPoint
}

// Append adds an entry to the next batch and returns the position at its end:
// the entry is durable once Durable has reached it. The payload is copied.
//
// Append panics if the payload is longer than MaxPayload or if 2 GiB wait for a
// batch in flight: an owner bounds what it lets wait, End minus Durable, by far
// less.
func (l *Log) Append(payload []byte) LSN {
	if len(payload) > MaxPayload {
		panic(fmt.Sprintf("wal: entry of %d bytes, at most %d are possible", len(payload), MaxPayload))
	}
	if len(l.nextBatch) > maxBatch {
		panic(fmt.Sprintf("wal: %d bytes wait to be written", len(l.nextBatch)))
	}
	l.put(kindEntry, payload)
	l.markRequested = false
	return l.End()
}

// put adds a record to the next batch.
func (l *Log) put(kind byte, payload []byte) {
	at := len(l.nextBatch)
	l.nextBatch = appendRecord(l.nextBatch, l.salt, l.End(), l.nextBatchAt, kind, payload)
	l.lastSum = storedSum(l.nextBatch[at:])
}

// Take appends to reqs the requests to issue now, if any: none while some are
// in flight, and none after a failure. It is worth a call after every Append
// and Done.
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
		if l.durable.at-l.marker.written >= LSN(min(markLag, l.segmentSize/8)) {
			l.issueMark()
		}
		l.issueBatch()
		l.issueMaintenance()
	case l.markRequested && l.marker.synced < l.durable.at:
		l.issueMarkSync()
	case len(l.garbage) > 0:
		l.keepDurable()
		l.issueMaintenance()
	}
	for i := range l.inFlight {
		l.inFlight[i].Quiet = i+1 != l.durableAfter && i+1 != len(l.inFlight)
	}
	return append(reqs, l.inFlight...)
}

// keepDurable says that what is issued next makes nothing of the log durable.
func (l *Log) keepDurable() { l.durableAfter, l.durableTarget = 0, l.durable }

func (l *Log) issueGroup() {
	s := l.groups[0]
	if l.groups = l.groups[1:]; len(l.groups) == 0 {
		l.groups = nil // with what was read
	}
	for _, r := range s.requests {
		l.issue(r)
	}
	l.durableAfter, l.durableTarget = len(l.inFlight), s.durable
}

// issueBatch sends off the batch that was filled, and starts to fill the buffer
// of the one before, which is complete.
func (l *Log) issueBatch() {
	l.nextBatch, l.inFlightBatch = l.inFlightBatch[:0], l.nextBatch
	l.issue(DiskRequest{Op: Write, File: l.file, Offset: l.offset(l.nextBatchAt), Data: l.inFlightBatch})
	l.issue(DiskRequest{Op: Sync, File: l.file})
	l.nextBatchAt += LSN(len(l.inFlightBatch))
	l.durableAfter, l.durableTarget = len(l.inFlight), logPoint{l.nextBatchAt, l.lastSum}
}

// issueMark issues that the mark says what is durable, if it does not.
func (l *Log) issueMark() {
	if l.marker.written < l.durable.at {
		l.issue(l.marker.write(l.durable))
	}
}

// issue puts a request in flight.
func (l *Log) issue(r DiskRequest) {
	l.lastToken++
	r.Token = l.lastToken
	l.marker.onIssue(&r)
	l.inFlight = append(l.inFlight, r)
}

// issueMarkSync issues that the mark says durably what is durable.
func (l *Log) issueMarkSync() {
	l.keepDurable()
	l.issueMark()
	l.issue(l.marker.sync())
}

// Done reports that the request with a token was executed, and with it all quiet
// ones before it, or that it failed. A failure is for good, whatever is reported
// after it: the node must stop, and only the recovery of its next life can say
// how much of the batch there is.
// Reports that are not in the order of the requests are such a failure too.
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
		l.durable = l.durableTarget
		l.onTrimDurable()
	}
	if l.completed == len(l.inFlight) {
		l.inFlight, l.completed = l.inFlight[:0], 0
		l.marker.onComplete()
		l.spare.onComplete()
	}
}

// SyncMark asks that all that is durable be proven to be, in another place than where
// it is: damage to the end of the log can then be told from a torn tail. An owner
// does so before it stops, and when it has nothing to do. It holds until the next
// Append; Take and Done are to be called as always.
func (l *Log) SyncMark() { l.markRequested = true }

// IsMarkSynced reports whether what Rest asked for is done, or never will be: the log
// has failed.
func (l *Log) IsMarkSynced() bool {
	return l.failed != nil || len(l.inFlight)+len(l.groups)+len(l.nextBatch) == 0 && l.marker.synced == l.durable.at
}

// Durable is the position up to which the log survives any crash. It never goes
// back within a life.
func (l *Log) Durable() LSN { return l.durable.at }

// End is the position after everything appended. In a later life the same
// position may be another record's end, if it was not durable.
func (l *Log) End() LSN { return l.nextBatchAt + LSN(len(l.nextBatch)) }

// Ready reports whether everything that was recovered and the boot of this life
// are durable, and marked. Before, the node must not speak.
func (l *Log) Ready() bool { return l.failed == nil && l.marker.synced >= l.readyAt }

// Failed is the error that stopped the log for good, or nil.
func (l *Log) Failed() error { return l.failed }
