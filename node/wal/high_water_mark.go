package wal

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/lockstep-dst/lockstep/node/internal/invariant"
)

// The high-water mark states how far the log had come when a sync was complete. It
// has a file of its own, so that damage to the end of a segment spares the proof
// that more was synced. A log that ends before its mark is damaged. A log that ends
// after it may be damaged too, but the mark does not show it.
//
// The file has two slots, each with a mark or being written. One slot is overwritten
// until a sync of the file is complete, then the other. So a torn write spoils at
// most the slot that was not yet synced, and a sound file has a mark in every state
// that a crash may leave.

const (
	markName   = filePrefix + "mark"
	markMagic  = "lockmark"
	markFormat = 1
	markSize   = 48
	slotStride = 4 << 10 // bytes from slot to slot: no disk sector has parts of both
)

// logPoint is a position in the log where a record ends, and the checksum of that
// record. Another log, or another past, has another checksum there.
type logPoint struct {
	at  LSN
	sum uint32
}

// slot is the content of one of the two slots of a mark file. On disk it is
//
//	 0  "lockmark"
//	 8  format, uint16, and six zeros
//	16  incarnation, 16 bytes
//	32  position, uint64
//	40  checksum of the record that ends there, uint32
//	44  CRC32C of the bytes up to 44
type slot struct {
	sound       bool
	format      uint16
	incarnation [16]byte
	point       logPoint
}

func decodeSlot(b []byte) slot {
	if len(b) < markSize || string(b[:8]) != markMagic || binary.LittleEndian.Uint32(b[44:]) != crc32.Checksum(b[:44], castagnoli) {
		return slot{}
	}
	return slot{
		true, binary.LittleEndian.Uint16(b[8:]), [16]byte(b[16:]),
		logPoint{LSN(binary.LittleEndian.Uint64(b[32:])), binary.LittleEndian.Uint32(b[40:])},
	}
}

// markFile is a mark file that was read.
type markFile struct {
	found bool // the file exists
	slots [2]slot
}

func readMarkFile(dir Dir, found bool) (m markFile, err error) {
	if !found {
		return m, nil
	}
	data, err := dir.Read(markName)
	if err != nil {
		return m, fmt.Errorf("wal: %s: %w", markName, err)
	}
	m.found = true
	for i := range m.slots {
		m.slots[i] = decodeSlot(data[min(i*slotStride, len(data)):])
		if s := m.slots[i]; s.sound && s.format != markFormat {
			return m, fmt.Errorf("wal: %s: format %d of marks, this program reads format %d: %w", markName, s.format, markFormat, ErrVersion)
		}
	}
	return m, nil
}

// highest is the highest position in a mark of any log. If it is above zero, there
// was a log in the directory.
func (m *markFile) highest() (at LSN) {
	for _, s := range m.slots {
		if s.sound {
			at = max(at, s.point.at)
		}
	}
	return at
}

// find returns the highest mark of a log and its slot; any is false if there is none.
// It ignores marks of other logs and other incarnations.
func (m *markFile) find(incarnation [16]byte) (p logPoint, slot int, any bool) {
	for i, s := range m.slots {
		if s.sound && s.incarnation == incarnation && (!any || s.point.at > p.at) {
			p, slot, any = s.point, i, true
		}
	}
	return p, slot, any
}

// check returns the mark of the log that a header belongs to. It fails if there is
// none, from version 4 on: there the mark is durable before the header.
func (m *markFile) check(h header) (logPoint, error) {
	p, _, any := m.find(h.identity.Incarnation)
	switch {
	case any || h.version < 4:
		return p, nil
	case !m.found:
		return p, fmt.Errorf("wal: %s is not there, and without it nothing shows that the end of the log is: %w", markName, ErrMissing)
	case m.slots[0].sound || m.slots[1].sound:
		return p, fmt.Errorf("wal: %s is of another log, not of incarnation %x: %w", markName, h.identity.Incarnation, ErrMissing)
	}
	return p, fmt.Errorf("wal: %s, offset 0: neither of its two marks checks: %w", markName, ErrDamaged)
}

// checkMark checks the record just replayed, at an offset, against the mark.
func (h *replay) checkMark(s *segment, offset int) error {
	if m := h.mark; m.at > s.lsn(offset) && m.at <= h.end && (m.at != h.end || m.sum != h.sum) {
		return s.damaged(offset, "the record there is not the one that %s tells of, which ended at position %d", markName, m.at)
	}
	return nil
}

// checkReachesMark checks that the records, which end at an offset, reach the mark.
func (h *replay) checkReachesMark(s *segment, offset int) error {
	if h.end < h.mark.at {
		return s.damaged(offset, "the records end there, at position %d, and %s proves that they were synced up to position %d", h.end, markName, h.mark.at)
	}
	return nil
}

// markWriter writes the mark of a log.
type markWriter struct {
	incarnation [16]byte
	constantSum uint32 // the checksum of the bytes that are the same in every mark of the log
	slot        int    // the slot to write to
	written     LSN    // the position in the file, requests in flight included
	synced      LSN    // the position in the file, durably
	syncing     bool   // a sync of the file is in flight
	buffer      [markSize]byte
}

func newMarkWriter(incarnation [16]byte) markWriter {
	m := markWriter{incarnation: incarnation}
	copy(m.buffer[:], markMagic)
	binary.LittleEndian.PutUint16(m.buffer[8:], markFormat)
	copy(m.buffer[16:], incarnation[:])
	m.constantSum = crc32.Checksum(m.buffer[:32], castagnoli)
	return m
}

// write returns the request that writes the mark p. The log is durable up to p when
// the request is executed.
func (m *markWriter) write(p logPoint) DiskRequest {
	invariant.Check(p.at >= m.written, "wal: the high-water mark never goes back")
	m.written = p.at
	b := m.buffer[:]
	binary.LittleEndian.PutUint64(b[32:], uint64(p.at))
	binary.LittleEndian.PutUint32(b[40:], p.sum)
	binary.LittleEndian.PutUint32(b[44:], crc32.Update(m.constantSum, castagnoli, b[32:44]))
	return DiskRequest{Op: Write, File: markName, Offset: int64(m.slot) * slotStride, Data: b}
}

// sync returns the request that makes written marks durable.
func (m *markWriter) sync() DiskRequest { return DiskRequest{Op: Sync, File: markName} }

// onIssue notes a request of the log that is issued.
func (m *markWriter) onIssue(r *DiskRequest) {
	m.syncing = m.syncing || r.Op == Sync && r.File == markName
}

// onComplete updates m when all requests in flight are complete.
func (m *markWriter) onComplete() {
	if m.syncing {
		invariant.Check(m.synced <= m.written, "wal: a mark is synced after it was written")
		m.syncing, m.synced, m.slot = false, m.written, 1-m.slot
	}
}

// resume returns the requests with which a life begins: they make durable the highest
// mark in the file, which can be read but may not be durable. The same bytes are
// written to the same slot, which is harmless even if the write is torn. The other
// slot must not be written to before they are complete: a power loss could tear both.
// A log of a version without marks gets a file that marks nothing.
func (m *markWriter) resume(was *markFile) []DiskRequest {
	last, slot, any := was.find(m.incarnation)
	if !any {
		return m.create()
	}
	m.slot = slot
	return []DiskRequest{m.write(last), m.sync()}
}

// create returns the requests that create a mark file in which both slots mark the
// beginning of the log. Both may be torn, as nothing relies on the file yet.
func (m *markWriter) create() []DiskRequest {
	first := m.write(logPoint{})
	second := first
	second.Offset = slotStride - first.Offset
	return []DiskRequest{{Op: Create, File: markName}, first, second, m.sync(), {Op: SyncDir}}
}
