package wal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// A mark says how far the log had come when a sync of it was complete. It is in
// a file of its own, so that what befalls the end of a segment does not befall
// the proof that there was more. A log that ends before its mark is damaged; one
// that ends behind it may be, and nobody can tell by the mark.
//
// The file has two slots, each of which holds a mark or is being written. One is
// written over until a sync of the file is complete, and then the other: so a
// torn write spoils at most the slot that was not yet synced, and a sound file
// has a mark in every state that a crash may leave.

const (
	markName   = filePrefix + "mark"
	markMagic  = "lockmark"
	markFormat = 1
	markSize   = 48
	markLag    = 1 << 10 // bytes of records that the mark may be behind while the log goes on
	slotStride = 4 << 10 // bytes from slot to slot: no sector of a disk has part of both
)

// logPoint is a position in the log where a record ends, and the checksum of that
// record, which only a log with this very past has there.
type logPoint struct {
	at  LSN
	sum uint32
}

// slot is what one of the two places of a mark file holds. On disk it is
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

// markFile is the mark file as it was read.
type markFile struct {
	found bool // there is one
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

// highest is the highest position that a mark tells of, whosever it is: above
// zero, a log was here.
func (m *markFile) highest() (at LSN) {
	for _, s := range m.slots {
		if s.sound {
			at = max(at, s.point.at)
		}
	}
	return at
}

// find is the mark of a log, and the slot that it is in; any is false if there is
// none. What another log, or a log of another incarnation, has come to says nothing
// about this one.
func (m *markFile) find(incarnation [16]byte) (p logPoint, held int, any bool) {
	for i, s := range m.slots {
		if s.sound && s.incarnation == incarnation && (!any || s.point.at > p.at) {
			p, held, any = s.point, i, true
		}
	}
	return p, held, any
}

// check finds the mark of the log that a header is of. From version 4 on there is
// one before there is a header.
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

// checkMark checks a record that was added, at an offset, against the mark.
func (h *replay) checkMark(s *segment, offset int) error {
	if m := h.mark; m.at > s.lsn(offset) && m.at <= h.end && (m.at != h.end || m.sum != h.sum) {
		return s.damaged(offset, "the record there is not the one that %s tells of, which ended at position %d", markName, m.at)
	}
	return nil
}

// checkReachesMark refuses a log whose records end at an offset, before the mark.
func (h *replay) checkReachesMark(s *segment, offset int) error {
	if h.end < h.mark.at {
		return s.damaged(offset, "the records end there, at position %d, and %s proves that they were synced up to position %d", h.end, markName, h.mark.at)
	}
	return nil
}

// markWriter writes the mark of a log.
type markWriter struct {
	incarnation [16]byte
	constantSum uint32 // the checksum of what is the same in every mark of the log
	slot        int    // to write to
	written     LSN    // what the file says, or will when what is in flight is done
	synced      LSN    // what it says durably
	syncing     bool   // a sync of what is written is in flight
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

// write is the request that has the mark say p, which is durable.
func (m *markWriter) write(p logPoint) DiskRequest {
	m.written = p.at
	b := m.buffer[:]
	binary.LittleEndian.PutUint64(b[32:], uint64(p.at))
	binary.LittleEndian.PutUint32(b[40:], p.sum)
	binary.LittleEndian.PutUint32(b[44:], crc32.Update(m.constantSum, castagnoli, b[32:44]))
	return DiskRequest{Op: Write, File: markName, Offset: int64(m.slot) * slotStride, Data: b}
}

// sync is the request that makes durable what was written.
func (m *markWriter) sync() DiskRequest { return DiskRequest{Op: Sync, File: markName} }

// onIssue is told of every request when it is issued.
func (m *markWriter) onIssue(r *DiskRequest) {
	m.syncing = m.syncing || r.Op == Sync && r.File == markName
}

// onComplete is told that all requests in flight are.
func (m *markWriter) onComplete() {
	if m.syncing {
		m.syncing, m.synced, m.slot = false, m.written, 1-m.slot
	}
}

// resume takes up the file that was read, and has it say p, which is durable. What it
// says most may not be, though it can be read. So that is written again first, the
// same bytes to the same slot, which spoils nothing wherever it ends; and then the
// other slot may be written to.
func (m *markWriter) resume(was *markFile, p logPoint) []DiskRequest {
	said, held, any := was.find(m.incarnation)
	if !any {
		return m.create(p)
	}
	m.slot = held
	again := m.write(said)
	reqs := []DiskRequest{again, m.sync()}
	if said.at < p.at {
		reqs[0].Data = bytes.Clone(again.Data)
		m.slot = 1 - held
		reqs = append(reqs, m.write(p), m.sync())
	}
	return reqs
}

// create is what makes a mark that says p, which is durable, in both slots of a new
// file: as long as nothing relies on the file, both may be torn.
func (m *markWriter) create(p logPoint) []DiskRequest {
	first := m.write(p)
	second := first
	second.Offset = slotStride - first.Offset
	return []DiskRequest{{Op: Create, File: markName}, first, second, m.sync(), {Op: SyncDir}}
}
