package node

import (
	"github.com/lockstep-dst/lockstep/node/internal/invariant"
	"github.com/lockstep-dst/lockstep/node/wal"
)

// The log is kept short by copying forward. The acceptor's state of a machine is
// its last full record and the promises and extensions after it, so the log is needed
// from the oldest of these records on. Let V be the live bytes, of full records as they
// would be now, P those of the last full records, which is less while extensions make
// values longer, and C four segments. When the needed log is longer than V + P + C, each
// step that appends also appends the oldest full records again, two bytes for each byte
// appended. Then it trims the log up to the oldest record that is needed.
//
// Cost: for each byte appended, at most two more are written. Length: when all records are
// copied, V/2 more bytes have been appended, and nothing is left from before. In between the
// log is longest if all last full records come first: V + P + C at first, then V more
// copies and V/2 more bytes, and P less. That is 2.5V + C, plus two segments. Segments are
// removed as a whole, and one of the removed ones is kept for reuse.

// liveRecords lists all machines with a full record, in the order of the records.
type liveRecords struct {
	machines       *[]*machine // of the node, by index
	oldest, newest *machine
	bytes          uint64 // of their full records as they would be now: see machine.liveSize
	recordBytes    uint64 // of their last full records
	classBytes     [classCount]uint64
}

// recordLinks is a machine's place in liveRecords.
type recordLinks struct {
	older, newer chainLink
	recordEnd    wal.LSN // the end of the last full record; zero: none
}

// add appends m to the list with a full record of size bytes that ends at end. It
// replaces m's earlier record.
func (l *liveRecords) add(m *machine, end wal.LSN, size int) {
	if m.recordEnd != 0 {
		l.remove(m)
	}
	invariant.Check(l.newest == nil || l.newest.recordEnd < end, "node: live records are in the order of the log")
	m.recordLinks, m.recordSize, m.liveSize = recordLinks{recordEnd: end}, uint32(size+wal.Overhead), uint32(size+wal.Overhead)
	if l.newest != nil {
		m.older, l.newest.newer = l.newest.link(), m.link()
	} else {
		l.oldest = m
	}
	l.newest = m
	l.bytes += uint64(m.liveSize)
	l.recordBytes += uint64(m.recordSize)
	l.classBytes[classOf(m.key)] += uint64(m.liveSize)
}

// grow notes that a full record of m, which has one, would have so many bytes more now.
func (l *liveRecords) grow(m *machine, bytes int) {
	invariant.Check(m.recordEnd != 0 && int(m.liveSize)+bytes > wal.Overhead, "node: a machine whose record grows has one")
	m.liveSize += uint32(bytes)
	l.bytes += uint64(bytes)
	l.classBytes[classOf(m.key)] += uint64(bytes)
}

func (l *liveRecords) remove(m *machine) {
	older, newer := m.older.in(*l.machines), m.newer.in(*l.machines)
	if older != nil {
		older.newer = m.newer
	} else {
		l.oldest = newer
	}
	if newer != nil {
		newer.older = m.older
	} else {
		l.newest = older
	}
	invariant.Check(l.bytes >= uint64(m.liveSize), "node: live records count all their bytes")
	l.bytes -= uint64(m.liveSize)
	l.recordBytes -= uint64(m.recordSize)
	l.classBytes[classOf(m.key)] -= uint64(m.liveSize)
}

// compact copies records forward within the budget that the step's appends have
// earned, and trims the log up to the oldest record that is needed.
func (n *Node) compact() {
	if n.appended == 0 {
		return
	}
	invariant.Check(n.appended > 0 && n.copyBudget <= 0, "node: what is copied is paid for by what is appended")
	invariant.Check(n.liveRecords.oldest != nil && n.liveRecords.newest != nil, "node: a log with records has a live one")
	n.copyBudget += 2 * n.appended
	n.appendedBytes += uint64(n.appended)
	n.appended = 0
	for n.copyBudget > 0 && n.isLong() {
		n.appendToLog(n.liveRecords.oldest, true)
		n.copyBudget -= int64(n.liveRecords.newest.recordSize)
		n.counts.Copied++
		n.lastCopy = uint64(n.liveRecords.newest.recordSize)
		n.copiedBytes += n.lastCopy
		n.mark(MarkRecordCopiedForward)
	}
	n.copyBudget = min(n.copyBudget, 0)
	if n.log.Trim(n.liveRecords.oldest.recordEnd) {
		n.mark(MarkLogTruncated)
	}
}

// isLong reports whether the needed part of the log is longer than V + P + C.
func (n *Node) isLong() bool {
	l := &n.liveRecords
	return n.neededLog() > l.bytes+l.recordBytes+4*uint64(n.cfg.Segment)
}

// neededLog returns the bytes of the log from the oldest record that is needed on, with
// that record; 0: none is.
func (n *Node) neededLog() uint64 {
	oldest := n.liveRecords.oldest
	if oldest == nil {
		return 0
	}
	invariant.Check(oldest.recordEnd <= n.log.End(), "node: a live record is within the log")
	return uint64(n.log.End()-oldest.recordEnd) + uint64(oldest.recordSize)
}

// appendToLog appends a record of m to the log, of the promise alone or full, and
// returns the position of its end.
func (n *Node) appendToLog(m *machine, full bool) wal.LSN {
	n.scratch = appendRecord(n.scratch[:0], m, full)
	end := n.log.Append(n.scratch)
	if full {
		n.liveRecords.add(m, end, len(n.scratch))
	}
	return end
}
