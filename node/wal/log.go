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
	size int64 // bytes of a segment
	id   Identity
	salt uint32
	boot uint64

	segments []extent // those that are needed, in order; the last is written to
	file     string   // its name
	head     int64    // bytes of its header
	base     LSN      // the position of its first record
	first    uint64   // the lowest segment needed, as is durable
	trim     trim
	garbage  []string // files to be removed
	reserve  string   // a file that is not needed, to become the next spare; empty: there is none
	spare    spare
	mark     marker
	resting  bool // the owner asked that the mark say all

	steps   []step // to be done before the next batch
	filling []byte // the next batch
	start   LSN    // where it starts
	tip     uint32 // the checksum of the last record in it
	writing []byte // the batch in flight

	flight []Request // issued and not complete
	done   int       // how many of them are
	commit int       // when so many are, target is durable
	target point
	token  uint64 // the last one given

	durable point
	ready   LSN // what must be durable, and marked, for the node to speak
	failed  error
}

// step is a group of requests that are issued together, and the position up to
// which the log is durable when they are complete.
type step struct {
	requests []Request
	durable  point
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
	if len(l.filling) > maxBatch {
		panic(fmt.Sprintf("wal: %d bytes wait to be written", len(l.filling)))
	}
	l.put(kindEntry, payload)
	l.resting = false
	return l.End()
}

// put adds a record to the next batch.
func (l *Log) put(kind byte, payload []byte) {
	at := len(l.filling)
	l.filling = appendRecord(l.filling, l.salt, l.End(), l.start, kind, payload)
	l.tip = sumIn(l.filling[at:])
}

// Take appends to reqs the requests to issue now, if any: none while some are
// in flight, and none after a failure. It is worth a call after every Append
// and Done.
func (l *Log) Take(reqs []Request) []Request {
	if l.failed != nil || len(l.flight) > 0 {
		return reqs
	}
	batch := len(l.filling) > 0
	if batch && len(l.steps) == 0 && !l.fits() && l.prepared() {
		l.roll()
	}
	switch {
	case len(l.steps) > 0:
		l.issueStep()
	case l.mark.synced < l.ready && l.durable.at >= l.ready:
		l.issueRest()
	case batch && !l.fits():
		l.idle()
		l.issuePreparation()
		l.spare.awaited = true
	case batch:
		if l.durable.at-l.mark.written >= LSN(min(markPace, l.size/8)) {
			l.issueMark()
		}
		l.issueBatch()
		l.issueChore()
	case l.resting && l.mark.synced < l.durable.at:
		l.issueRest()
	case len(l.garbage) > 0:
		l.idle()
		l.issueChore()
	}
	for i := range l.flight {
		l.flight[i].Quiet = i+1 != l.commit && i+1 != len(l.flight)
	}
	return append(reqs, l.flight...)
}

// idle says that what is issued next makes nothing of the log durable.
func (l *Log) idle() { l.commit, l.target = 0, l.durable }

func (l *Log) issueStep() {
	s := l.steps[0]
	if l.steps = l.steps[1:]; len(l.steps) == 0 {
		l.steps = nil // with what was read
	}
	for _, r := range s.requests {
		l.issue(r)
	}
	l.commit, l.target = len(l.flight), s.durable
}

// issueBatch sends off the batch that was filled, and starts to fill the buffer
// of the one before, which is complete.
func (l *Log) issueBatch() {
	l.filling, l.writing = l.writing[:0], l.filling
	l.issue(Request{Op: Write, File: l.file, Offset: l.offset(l.start), Data: l.writing})
	l.issue(Request{Op: Sync, File: l.file})
	l.start += LSN(len(l.writing))
	l.commit, l.target = len(l.flight), point{l.start, l.tip}
}

// issueMark issues that the mark says what is durable, if it does not.
func (l *Log) issueMark() {
	if l.mark.written < l.durable.at {
		l.issue(l.mark.write(l.durable))
	}
}

// issue puts a request in flight.
func (l *Log) issue(r Request) {
	l.token++
	r.Token = l.token
	l.mark.issued(&r)
	l.flight = append(l.flight, r)
}

// issueRest issues that the mark says durably what is durable.
func (l *Log) issueRest() {
	l.idle()
	l.issueMark()
	l.issue(l.mark.sync())
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
	for l.done < len(l.flight) && l.flight[l.done].Token != token && l.flight[l.done].Quiet {
		l.done++
	}
	if l.done == len(l.flight) || l.flight[l.done].Token != token {
		l.failed = fmt.Errorf("wal: request %d was reported done out of turn: this node must stop", token)
		return
	}
	r := l.flight[l.done]
	if err != nil && r.Optional && errors.Is(err, ErrFull) {
		err = l.refused(r, err)
	}
	if err != nil {
		l.failed = fmt.Errorf("wal: %v: %w: this node must stop; it may be started again", r, err)
		return
	}
	if l.done++; l.done == l.commit {
		l.durable = l.target
		l.trimmed()
	}
	if l.done == len(l.flight) {
		l.flight, l.done = l.flight[:0], 0
		l.mark.done()
		l.spare.done()
	}
}

// Rest asks that all that is durable be proven to be, in another place than where
// it is: damage to the end of the log can then be told from a torn tail. An owner
// does so before it stops, and when it has nothing to do. It holds until the next
// Append; Take and Done are to be called as always.
func (l *Log) Rest() { l.resting = true }

// Rested reports whether what Rest asked for is done, or never will be: the log
// has failed.
func (l *Log) Rested() bool {
	return l.failed != nil || len(l.flight)+len(l.steps)+len(l.filling) == 0 && l.mark.synced == l.durable.at
}

// Durable is the position up to which the log survives any crash. It never goes
// back within a life.
func (l *Log) Durable() LSN { return l.durable.at }

// End is the position after everything appended. In a later life the same
// position may be another record's end, if it was not durable.
func (l *Log) End() LSN { return l.start + LSN(len(l.filling)) }

// Ready reports whether everything that was recovered and the boot of this life
// are durable, and marked. Before, the node must not speak.
func (l *Log) Ready() bool { return l.failed == nil && l.mark.synced >= l.ready }

// Failed is the error that stopped the log for good, or nil.
func (l *Log) Failed() error { return l.failed }
