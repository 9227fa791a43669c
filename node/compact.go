package node

import "github.com/lockstep-dst/lockstep/node/wal"

// The log is kept short by copying forward. What an acceptor holds of a machine
// is its last full record and the promises after it, so a log is needed from the
// oldest of those records on. When more than half of that is garbage, each step
// that appends also appends anew the oldest full records, two bytes for each
// byte appended, and tells the log from where on it is needed.
//
// What that costs: of each byte appended, at most two more are written. How
// long the log becomes: say that V bytes are live when it is 2V + C long, C for
// four segments. When all V are copied, V/2 more have been appended, and nothing
// is left of what was before. In between the log is longest if the garbage comes
// last and all that is live first: below 2.5V + C, and two segments more:
// they are given up whole, and one of them is kept, to be written to again.

// liveRecords is a list of all machines with a full record, in the order of those.
type liveRecords struct {
	oldest, newest *machine
	bytes          uint64 // of their full records
}

// recordLinks are a machine's place in live.
type recordLinks struct {
	older, newer *machine
	recordEnd    wal.LSN // the end of the last full record; zero: there is none
	size         uint32  // bytes of it
}

// add makes a record of some bytes that ends at a position the last full one of
// m.
func (l *liveRecords) add(m *machine, end wal.LSN, size int) {
	if m.recordEnd != 0 {
		l.remove(m)
	}
	m.recordLinks = recordLinks{older: l.newest, recordEnd: end, size: uint32(size + wal.Overhead)}
	if l.newest != nil {
		l.newest.newer = m
	} else {
		l.oldest = m
	}
	l.newest = m
	l.bytes += uint64(m.size)
}

func (l *liveRecords) remove(m *machine) {
	if m.older != nil {
		m.older.newer = m.newer
	} else {
		l.oldest = m.newer
	}
	if m.newer != nil {
		m.newer.older = m.older
	} else {
		l.newest = m.older
	}
	l.bytes -= uint64(m.size)
}

// compact copies forward what the step's appends have earned, and lets the log
// go of what is before the oldest record that is needed.
func (n *Node) compact() {
	if n.appended == 0 {
		return
	}
	n.copyBudget += 2 * n.appended
	n.appended = 0
	for n.copyBudget > 0 && n.mostlyGarbage() {
		n.appendToLog(n.liveRecords.oldest, true)
		n.copyBudget -= int64(n.liveRecords.newest.size)
		n.counts.Copied++
		n.mark(MarkRecordCopiedForward)
	}
	n.copyBudget = min(n.copyBudget, 0)
	if n.log.Trim(n.liveRecords.oldest.recordEnd) {
		n.mark(MarkLogTruncated)
	}
}

// mostlyGarbage reports whether most of the log, from where on it is needed, is
// garbage, and more than four segments of it.
func (n *Node) mostlyGarbage() bool {
	length := uint64(n.log.End() - n.liveRecords.oldest.recordEnd)
	return length > 2*n.liveRecords.bytes+4*uint64(n.cfg.Segment)
}

// appendToLog appends what the acceptor holds of m to the log, the promise alone or
// all, and returns the position where that ends.
func (n *Node) appendToLog(m *machine, full bool) wal.LSN {
	n.scratch = appendRecord(n.scratch[:0], m, full, &n.encodingCache[cacheSlot(m.key)])
	end := n.log.Append(n.scratch)
	if full {
		n.liveRecords.add(m, end, len(n.scratch))
	}
	return end
}
