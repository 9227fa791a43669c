package wal

import (
	"errors"
	"fmt"
)

// Inspection is what a directory tells of a log, sound or not.
type Inspection struct {
	Identity    Identity            // of the last segment that has a header that checks; zero if none has
	Version     uint16              // of that segment's format; 0 if none has
	Boots       uint64              // the highest number of a boot that is found
	First       uint64              // the lowest segment that is needed
	End         LSN                 // the highest position at which a record is found to end
	Segments    []SegmentInspection // in order
	HasMarkFile bool                // there is a file of marks
	Marks       []HighWaterMark     // those that check
	TornBytes   int                 // bytes of a torn tail that a node would drop; 0 of a log that is refused

	// Refused is why Recover refuses the log, or nil: an error that wraps one of this
	// package's, and names the file and the offset.
	Refused error
}

// HighWaterMark tells how far a log had come when a sync of it was complete.
type HighWaterMark struct {
	Incarnation [16]byte
	At          LSN
}

// SegmentInspection is a file of the log.
type SegmentInspection struct {
	File      string
	Size      int    // bytes
	Made      uint64 // bytes that it was made with, as its header tells; 0: it does not
	HasHeader bool   // it has a header that checks, and is of this file
	Version   uint16
	Base      LSN  // position of the first record
	Records   int  // that check, in all
	End       LSN  // where the last of them ends
	Sealed    bool // another segment follows
	Needed    bool // it has entries that the owner has not given up
	Damages   []Damage
}

// Damage is a part of a segment in which nothing checks, and behind which
// something does.
type Damage struct{ From, To int } // offsets in bytes

// Inspect reads all that can be read of a log, sound or not, and hands each entry
// that checks to entry, in the order of the files, though what is before it may be
// gone. It changes nothing, and fails only with errors of dir, or if there is
// nothing of a log at all, with ErrMissing.
func Inspect(dir Dir, entry func(payload []byte, end LSN)) (*Inspection, error) {
	sequences, marked, err := list(dir)
	if err != nil {
		return nil, err
	}
	if len(sequences) == 0 && !marked {
		return nil, fmt.Errorf("wal: there is no log, nor anything of one: %w", ErrMissing)
	}
	x := &Inspection{HasMarkFile: marked, First: 1}
	m, err := readMarkFile(dir, marked) // before what they are compared with: a node may go on meanwhile
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
		x.addSegment(&s, entry)
	}
	for i := range x.Segments {
		sequence, _ := sequenceOf(x.Segments[i].File)
		x.Segments[i].Needed = sequence >= x.First && x.Segments[i].HasHeader
	}
	x.checkRecovery(dir)
	return x, nil
}

// checkRecovery asks what a node of the log would make of it.
func (x *Inspection) checkRecovery(dir Dir) {
	want := x.Identity
	if want.Incarnation == [16]byte{} {
		want.Incarnation[0] = 1 // only needed to make a log anew
	}
	_, was, err := Recover(dir, want, Options{Segment: MinSegment}, nil)
	if x.Refused = err; err == nil {
		x.TornBytes = was.TornBytes
	}
}

// addSegment reads a segment as far as anything in it checks.
func (x *Inspection) addSegment(s *segment, entry func(payload []byte, end LSN)) {
	f := SegmentInspection{File: s.name, Size: len(s.data), HasHeader: s.hasHeader}
	if s.hasHeader {
		f.Made, f.Version, f.Base, f.End = s.header.size, s.header.version, s.header.base, s.header.base
		x.Identity, x.Version = s.header.identity, s.header.version
		x.Boots, x.First = max(x.Boots, s.header.boot), max(x.First, s.header.first)
		if s.header.supported() && s.header.unknown == 0 {
			x.walk(s, &f, entry)
		}
	}
	x.Segments, x.End = append(x.Segments, f), max(x.End, f.End)
}

// walk reads records, and goes on behind what does not check.
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
