package wal

import (
	"encoding/binary"
	"fmt"
)

// history is what the records say, read in order.
type history struct {
	identity Identity
	end      LSN // after the last record, or header
	batch    LSN // where the last record's batch starts: all before is durable
	boot     uint64
	entries  [][]byte
}

// readHistory reads all segments. Only the last may end in a torn tail, which
// starts at the history's end.
func readHistory(segments []segment, want Identity) (history, error) {
	h := history{identity: segments[0].header.identity}
	for i, s := range segments {
		if err := h.open(s, want); err != nil {
			return history{}, err
		}
		offset, err := h.read(s)
		if err == nil && offset < len(s.data) {
			if i < len(segments)-1 {
				err = s.damaged(offset, "the record there does not check, though another segment follows")
			} else {
				err = h.mustBeTorn(s, offset)
			}
		}
		if err != nil {
			return history{}, err
		}
		h.end = s.lsn(offset)
	}
	return h, nil
}

// open checks a segment's header, and that it continues the history.
func (h *history) open(s segment, want Identity) error {
	if !s.headed {
		return s.damaged(0, "the header does not check")
	}
	if err := s.header.check(want); err != nil {
		return fmt.Errorf("wal: %s: %w", s.name, err)
	}
	if got := s.header; got.sequence != s.sequence || got.base != h.end || got.identity != h.identity {
		return s.damaged(0, "the header is of segment %d at position %d of incarnation %x, want %d, %d, %x",
			got.sequence, got.base, got.identity.Incarnation, s.sequence, h.end, h.identity.Incarnation)
	}
	return nil
}

// read adds the records of a segment, and returns the offset of the first that
// does not check, or the segment's length.
func (h *history) read(s segment) (offset int, err error) {
	offset = headerSize
	for offset < len(s.data) {
		r, ok := s.record(offset)
		if !ok {
			break
		}
		if err := h.add(s, offset, r); err != nil {
			return 0, err
		}
		offset += r.size()
	}
	return offset, nil
}

// add adds one record. What it refuses checks, and so was written by a program
// or a disk that does not keep the rules.
func (h *history) add(s segment, offset int, r record) error {
	if at := s.lsn(offset); r.batch != at && r.batch != h.batch {
		return s.damaged(offset, "the record there is of another batch than its neighbours")
	}
	h.batch = r.batch
	switch r.kind {
	case kindBoot:
		return h.addBoot(s, offset, r)
	case kindEntry:
		if h.boot == 0 {
			return s.damaged(offset, "there is an entry before the first boot")
		}
		h.entries = append(h.entries, r.payload)
		return nil
	}
	return fmt.Errorf("wal: %s, offset %d: kind %d of record: %w", s.name, offset, r.kind, ErrVersion)
}

func (h *history) addBoot(s segment, offset int, r record) error {
	if len(r.payload) != 8 {
		return s.damaged(offset, "the boot there has %d bytes", len(r.payload))
	}
	boot := binary.LittleEndian.Uint64(r.payload)
	if boot == 0 || boot != h.boot && boot != h.boot+1 {
		return s.damaged(offset, "boot %d follows boot %d", boot, h.boot)
	}
	h.boot = boot
	return nil
}

// mustBeTorn refuses as damage a record that does not check, unless all records
// after it are of its own batch, which nothing says was synced.
func (h *history) mustBeTorn(s segment, torn int) error {
	for offset := torn + 1; offset < len(s.data); {
		r, ok := s.record(offset)
		switch {
		case !ok:
			offset++
		case r.batch == s.lsn(torn) || r.batch == h.batch:
			offset += r.size()
		default:
			return s.damaged(torn, "the record there does not check, and the one at offset %d proves that it was synced", offset)
		}
	}
	return nil
}
