package wal

import (
	"errors"
	"fmt"
)

// Inspection describes the files of a log, sound or not.
type Inspection struct {
	Identity    Identity            // of the last segment with a valid header; zero if there is none
	Version     uint16              // the format version of that segment; 0 if there is none
	Boots       uint64              // the highest boot number found
	First       uint64              // the lowest segment needed
	End         LSN                 // the highest end of a record found
	Segments    []SegmentInspection // in order
	HasMarkFile bool                // the mark file exists
	Marks       []HighWaterMark     // the valid ones
	TornBytes   int                 // bytes that a node would drop as a torn tail; 0 if Refused is not nil

	// Refused is the error with which Recover rejects the log, or nil. It wraps one of
	// this package's errors and names the file, and the offset if there is one.
	Refused error
}

// HighWaterMark states how far a log was synced: all records that end up to At.
type HighWaterMark struct {
	Incarnation [16]byte
	At          LSN
}

// SegmentInspection describes a segment file.
type SegmentInspection struct {
	File      string
	Size      int    // bytes
	Made      uint64 // bytes of the file at creation, from its header; 0: unknown
	HasHeader bool   // the header is valid and of this file
	Version   uint16
	Base      LSN  // position of the first record
	Records   int  // number of valid records
	End       LSN  // end of the last valid record
	Sealed    bool // it has a seal: another segment follows
	Needed    bool // it has a header and was not trimmed
	Damages   []Damage
}

// Damage is a part of a segment without a valid record, followed by a valid one.
type Damage struct{ From, To int } // offsets in bytes

// Inspect reads as much as possible of a log, sound or not. It passes each valid
// entry that was not trimmed to entry, in the order of the files, even if entries before it
// are lost. It changes no file. It fails only with errors of dir, or with ErrMissing if there is
// no file of a log.
func Inspect(dir Dir, entry func(payload []byte, end LSN)) (*Inspection, error) {
	sequences, marked, err := list(dir)
	if err != nil {
		return nil, err
	}
	if len(sequences) == 0 && !marked {
		return nil, fmt.Errorf("wal: there is no log, nor anything of one: %w", ErrMissing)
	}
	x := &Inspection{HasMarkFile: marked, First: 1}
	m, err := readMarkFile(dir, marked) // before the segments: a node may write meanwhile
	if err != nil && !errors.Is(err, ErrVersion) {
		return nil, err
	}
	for _, s := range m.slots {
		if s.sound {
			x.Marks = append(x.Marks, HighWaterMark{s.incarnation, s.point.at})
		}
	}
	for _, sequence := range sequences {
		s, err := readSegment(dir, sequence)
		if err != nil {
			return nil, err
		}
		x.addSegment(&s)
	}
	for i, sequence := range sequences {
		f := &x.Segments[i]
		if f.Needed = sequence >= x.First && f.HasHeader; !f.Needed || f.Records == 0 {
			continue
		}
		s, err := readSegment(dir, sequence) // again: only the last one says which are needed
		if err != nil {
			return nil, err
		}
		if s.readable() {
			x.walk(&s, &SegmentInspection{}, entry)
		}
	}
	x.checkRecovery(dir)
	return x, nil
}

// checkRecovery records the result that Recover would have for the log's own node.
func (x *Inspection) checkRecovery(dir Dir) {
	want := x.Identity
	if want.Incarnation == [16]byte{} {
		want.Incarnation[0] = 1 // only used to format
	}
	_, was, err := Recover(dir, want, Options{Segment: MinSegment}, nil)
	if x.Refused = err; err == nil {
		x.TornBytes = was.TornBytes
	}
}

// addSegment adds the valid parts of a segment.
func (x *Inspection) addSegment(s *segment) {
	f := SegmentInspection{File: s.name, Size: len(s.data), HasHeader: s.hasHeader}
	if s.hasHeader {
		f.Made, f.Version, f.Base, f.End = s.header.size, s.header.version, s.header.base, s.header.base
		x.Identity, x.Version = s.header.identity, s.header.version
		x.Boots, x.First = max(x.Boots, s.header.boot), max(x.First, s.header.first)
		if s.readable() {
			x.walk(s, &f, func([]byte, LSN) {})
		}
	}
	x.Segments, x.End = append(x.Segments, f), max(x.End, f.End)
}

// readable reports whether this program knows the format of a segment.
func (s *segment) readable() bool {
	return s.hasHeader && s.header.supported() && s.header.unknown == 0
}

// walk reads the records of a segment, and continues after invalid bytes.
func (x *Inspection) walk(s *segment, f *SegmentInspection, entry func(payload []byte, end LSN)) {
	for offset := s.firstOffset(); !f.Sealed; {
		r, ok := s.record(offset)
		if !ok {
			next, found := s.findRecord(offset+1, func(record) bool { return true })
			if !found {
				return
			}
			f.Damages = append(f.Damages, Damage{offset, next})
			offset = next
			continue
		}
		offset += r.size()
		f.Records++
		switch r.kind {
		case kindSeal:
			f.Sealed = true
			continue
		case kindBoot:
			x.Boots = max(x.Boots, payloadNumber(r))
		case kindTrim:
			x.First = max(x.First, payloadNumber(r))
		case kindEntry:
			entry(r.payload, s.lsn(offset))
		}
		f.End = s.lsn(offset)
	}
}
