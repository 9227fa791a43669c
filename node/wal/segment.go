package wal

import (
	"bytes"
	"fmt"
	"slices"
)

// segment is a file of the log that was read.
type segment struct {
	name      string
	sequence  uint64
	data      []byte
	header    header // zero if there is no valid one for this sequence number
	hasHeader bool   // header is valid
	salt      uint32 // of its records
}

// list returns the numbers of the segments in a directory, in order, and whether
// there is a mark file. It ignores files of other names.
func list(dir Dir) (sequences []uint64, marked bool, err error) {
	names, err := dir.List()
	if err != nil {
		return nil, false, fmt.Errorf("wal: %w", err)
	}
	for _, name := range names {
		if sequence, ok := sequenceOf(name); ok {
			sequences = append(sequences, sequence)
		}
		marked = marked || name == markName
	}
	slices.Sort(sequences)
	return sequences, marked, nil
}

func readSegment(dir Dir, sequence uint64) (segment, error) {
	name := segmentName(sequence)
	data, err := dir.Read(name)
	if err != nil {
		return segment{}, fmt.Errorf("wal: %s: %w", name, err)
	}
	s := segment{name: name, sequence: sequence, data: data}
	if h, ok := decodeHeader(data); ok && h.sequence == sequence {
		s.header, s.hasHeader, s.salt = h, true, saltOf(h.identity)
	}
	return s, nil
}

// firstOffset is the offset of the first record.
func (s *segment) firstOffset() int { return s.header.length }

// lsn converts an offset in the segment to a position in the log.
func (s *segment) lsn(offset int) LSN { return s.header.base + LSN(offset-s.firstOffset()) }

// offset converts a position in the log to an offset in the segment.
func (s *segment) offset(at LSN) int { return s.firstOffset() + int(at-s.header.base) }

// used is the offset after the last byte that is not zero. A file is allocated
// before it is written, so most of it may be zeros: they are skipped in blocks.
func (s *segment) used() int {
	data := s.data
	for n := len(data) - len(zeros); n >= 0 && bytes.Equal(data[n:], zeros[:]); n -= len(zeros) {
		data = data[:n]
	}
	return len(bytes.TrimRight(data, "\x00"))
}

var zeros [512]byte

// record reads the record at an offset; ok is false if no valid record is there.
func (s *segment) record(offset int) (r record, ok bool) {
	if offset > len(s.data) {
		return record{}, false
	}
	return decodeRecord(s.data[offset:], s.salt, s.lsn(offset))
}

// findRecord returns the offset of the first record at an offset or after it for
// which accept returns true. It tries every byte as the start of a record, except
// the bytes within a valid record. The search may cover a whole reused segment, with
// any content.
func (s *segment) findRecord(offset int, accept func(record) bool) (at int, found bool) {
	sums := newPrefixSums(s.data)
	for used := s.used(); offset < used; {
		r, ok := parseRecord(s.data[offset:], s.lsn(offset))
		switch {
		case !ok || !r.plausible() || r.sum != sums.checksum(checksumSeed(s.salt, s.lsn(offset)), offset+4, offset+r.size()):
			offset++
		case accept(r):
			return offset, true
		default:
			offset += r.size()
		}
	}
	return 0, false
}

// damaged is the error for damage at an offset; format and args describe it.
func (s *segment) damaged(offset int, format string, args ...any) error {
	return fmt.Errorf("wal: %s, offset %d: %s: %w", s.name, offset, fmt.Sprintf(format, args...), ErrDamaged)
}

// missingSegment is the error for a required segment that does not exist.
func missingSegment(sequence uint64, why string) error {
	return fmt.Errorf("wal: %s is not there, and %s: %w", segmentName(sequence), why, ErrMissing)
}
