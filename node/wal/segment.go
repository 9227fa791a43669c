package wal

import (
	"fmt"
	"slices"
)

// segment is one file of the log as it was read.
type segment struct {
	name     string
	sequence uint64
	data     []byte
	header   header // its zero value if there is none that checks
	headed   bool   // there is one
	salt     uint32 // of its records
}

// readSegments reads all segments of a directory in order, and refuses a gap.
// Files of other names are not looked at.
func readSegments(dir Dir) ([]segment, error) {
	names, err := dir.List()
	if err != nil {
		return nil, fmt.Errorf("wal: %w", err)
	}
	var sequences []uint64
	for _, name := range names {
		if sequence, ok := sequenceOf(name); ok {
			sequences = append(sequences, sequence)
		}
	}
	slices.Sort(sequences)
	segments := make([]segment, len(sequences))
	for i, sequence := range sequences {
		name := segmentName(sequence)
		if want := uint64(i + 1); sequence != want {
			return nil, fmt.Errorf("wal: %s is there but not %s: %w", name, segmentName(want), ErrMissing)
		}
		data, err := dir.Read(name)
		if err != nil {
			return nil, fmt.Errorf("wal: %s: %w", name, err)
		}
		h, ok := decodeHeader(data)
		segments[i] = segment{name: name, sequence: sequence, data: data, header: h, headed: ok, salt: saltOf(h.identity)}
	}
	return segments, nil
}

// lsn is the position in the log of an offset in the segment.
func (s segment) lsn(offset int) LSN { return s.header.base + LSN(offset) }

// record reads the record at an offset; ok is false if there is none that
// checks.
func (s segment) record(offset int) (r record, ok bool) {
	return decodeRecord(s.data[offset:], s.salt, s.lsn(offset))
}

// damaged is the error for damage at an offset; the format says what is wrong
// there.
func (s segment) damaged(offset int, format string, args ...any) error {
	return fmt.Errorf("wal: %s, offset %d: %s: %w", s.name, offset, fmt.Sprintf(format, args...), ErrDamaged)
}
