package wal

import (
	"encoding/binary"
	"fmt"
)

// replay is the state that results from reading records in order.
type replay struct {
	identity Identity
	end      LSN    // after the last record
	sum      uint32 // of the last record
	batch    LSN    // start of the last record's batch
	boot     uint64
	starts   []BootStart
	first    uint64 // the lowest segment needed
	sealed   bool   // the segment read last has a seal

	mark  logPoint                            // the high-water mark; zero: none
	entry func(payload []byte, end LSN) error // called with each entry; may be nil
}

// newReplay returns the state before a segment, from the segment's header. Before
// the first segment the state is empty; its header says with which boot counting begins.
func newReplay(s *segment, mark logPoint) replay {
	h := replay{identity: s.header.identity, first: 1, boot: s.header.boot, mark: mark}
	if s.sequence > 1 {
		h.end, h.first = s.header.base, s.header.first
	}
	return h
}

// read checks that a segment continues the log, and replays its records up to the
// seal or the first invalid record. It returns the offset where it stopped.
func (h *replay) read(s *segment, want Identity) (offset int, err error) {
	if err := h.checkHeader(s, want); err != nil {
		return 0, err
	}
	for offset = s.firstOffset(); ; {
		r, ok := s.record(offset)
		if !ok {
			return offset, nil
		}
		if err := h.addRecord(s, offset, r); err != nil {
			return 0, err
		}
		if h.sealed {
			return offset, nil
		}
		offset += r.size()
		h.end, h.sum = s.lsn(offset), r.sum
		if err := h.checkMark(s, offset-r.size()); err != nil {
			return 0, err
		}
	}
}

// checkHeader checks a segment's header, and that it continues the log.
func (h *replay) checkHeader(s *segment, want Identity) error {
	if !s.hasHeader {
		return s.damaged(0, "the header does not check")
	}
	if err := s.header.check(want); err != nil {
		return fmt.Errorf("wal: %s: %w", s.name, err)
	}
	follows := s.header
	follows.identity, follows.sequence, follows.base, follows.boot, follows.first = h.identity, s.sequence, h.end, h.boot, h.first
	if s.header != follows || h.first > s.sequence {
		return s.damaged(0, "the header does not continue the log: it is %v, want %v", s.header, follows)
	}
	h.batch, h.sealed = h.end, false
	return nil
}

// String returns the fields in which two headers of a node may differ.
func (h header) String() string {
	return fmt.Sprintf("segment %d at position %d after boot %d, first %d, incarnation %x",
		h.sequence, h.base, h.boot, h.first, h.identity.Incarnation)
}

// addRecord replays one record. A record that it rejects has a valid checksum, so a
// program or a disk that breaks the rules has written it.
func (h *replay) addRecord(s *segment, offset int, r record) error {
	if at := s.lsn(offset); r.batch != at && r.batch != h.batch {
		return s.damaged(offset, "the record there is of another batch than its neighbours")
	}
	if h.boot == 0 && r.kind != kindBoot {
		return s.damaged(offset, "there is a record before the first boot")
	}
	h.batch = r.batch
	switch r.kind {
	case kindBoot:
		return h.addBoot(s, offset, r)
	case kindEntry:
		if h.entry != nil {
			if err := h.entry(r.payload, s.lsn(offset+r.size())); err != nil {
				return fmt.Errorf("wal: %s, offset %d: %w", s.name, offset, err)
			}
		}
		return nil
	case kindTrim:
		return h.addTrim(s, offset, r)
	case kindSeal:
		h.sealed = true
		return nil
	}
	return fmt.Errorf("wal: %s, offset %d: kind %d of record: %w", s.name, offset, r.kind, ErrVersion)
}

func (h *replay) addBoot(s *segment, offset int, r record) error {
	if len(r.payload) != 8 {
		return s.damaged(offset, "the boot there has %d bytes", len(r.payload))
	}
	boot := binary.LittleEndian.Uint64(r.payload)
	if boot == 0 || boot != h.boot && boot != h.boot+1 {
		return s.damaged(offset, "boot %d follows boot %d", boot, h.boot)
	}
	if boot != h.boot {
		h.starts = append(h.starts, BootStart{boot, s.lsn(offset)})
	}
	h.boot = boot
	return nil
}

func (h *replay) addTrim(s *segment, offset int, r record) error {
	if len(r.payload) != 8 {
		return s.damaged(offset, "the trim there has %d bytes", len(r.payload))
	}
	first := binary.LittleEndian.Uint64(r.payload)
	if first <= h.first || first > s.sequence {
		return s.damaged(offset, "a trim to segment %d follows one to %d in segment %d", first, h.first, s.sequence)
	}
	h.first = first
	return nil
}

// checkTornTail checks that the invalid bytes at an offset are a torn tail: no record
// after them is of a later batch, which would prove that they were synced. Otherwise
// it returns ErrDamaged.
func (h *replay) checkTornTail(s *segment, torn int) error {
	proof, found := s.findRecord(torn+1, func(r record) bool { return r.batch > s.lsn(torn) })
	if found {
		return s.damaged(torn, "the record there does not check, and the one at offset %d proves that it was synced", proof)
	}
	return nil
}
