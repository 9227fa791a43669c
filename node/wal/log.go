package wal

import "fmt"

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
	base     LSN      // the position of its first record
	first    uint64   // the lowest segment needed, as is durable
	trim     trim
	garbage  []string // files to be removed
	reserve  string   // a file that is not needed, to become the next spare; empty: there is none
	spare    spare

	steps   []step // to be done before the next batch
	filling []byte // the next batch
	start   LSN    // where it starts
	writing []byte // the batch in flight

	flight []Request // issued and not complete
	done   int       // how many of them are
	commit int       // when so many are, target is durable
	target LSN
	token  uint64 // the last one given

	durable LSN
	ready   LSN // what must be durable for the node to speak
	failed  error
}

// step is a group of requests that are issued together, and the position up to
// which the log is durable when they are complete.
type step struct {
	requests []Request
	durable  LSN
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
	return l.End()
}

// put adds a record to the next batch.
func (l *Log) put(kind byte, payload []byte) {
	l.filling = appendRecord(l.filling, l.salt, l.End(), l.start, kind, payload)
}

// Take appends to reqs the requests to issue now, if any: none while some are
// in flight, and none after a failure. It is worth a call after every Append
// and Done.
func (l *Log) Take(reqs []Request) []Request {
	if l.failed != nil || len(l.flight) > 0 {
		return reqs
	}
	if len(l.steps) == 0 && len(l.filling) > 0 && !l.fits() {
		l.roll()
	}
	switch {
	case len(l.steps) > 0:
		l.issueStep()
	case len(l.filling) > 0:
		l.issueBatch()
		l.issueChore()
	case len(l.garbage) > 0:
		l.commit, l.target = 0, l.durable
		l.issueChore()
	}
	for i := range l.flight {
		l.flight[i].Quiet = i+1 != l.commit && i+1 != len(l.flight)
	}
	return append(reqs, l.flight...)
}

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
	l.commit, l.target = len(l.flight), l.start
}

// issue puts a request in flight.
func (l *Log) issue(r Request) {
	l.token++
	r.Token = l.token
	l.flight = append(l.flight, r)
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
	if err != nil {
		l.failed = fmt.Errorf("wal: %v: %w: this node must stop; it may be started again", l.flight[l.done], err)
		return
	}
	if l.done++; l.done == l.commit {
		l.durable = l.target
		l.trimmed()
	}
	if l.done == len(l.flight) {
		l.flight, l.done = l.flight[:0], 0
	}
}

// Durable is the position up to which the log survives any crash. It never goes
// back within a life.
func (l *Log) Durable() LSN { return l.durable }

// End is the position after everything appended. In a later life the same
// position may be another record's end, if it was not durable.
func (l *Log) End() LSN { return l.start + LSN(len(l.filling)) }

// Ready reports whether everything that was recovered and the boot of this life
// are durable. Before, the node must not speak.
func (l *Log) Ready() bool { return l.failed == nil && l.durable >= l.ready }

// Failed is the error that stopped the log for good, or nil.
func (l *Log) Failed() error { return l.failed }
