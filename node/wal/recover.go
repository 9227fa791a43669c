package wal

import (
	"errors"
	"fmt"
	"slices"
)

// Dir is the directory of a log, as recovery reads it.
type Dir interface {
	// List returns the names of the files, in any order.
	List() ([]string, error)
	// Read returns all bytes of a file. Recovery keeps them, unchanged, for a
	// while; they must not change later.
	Read(name string) ([]byte, error)
}

// Options are what an owner may choose about its log, anew in each life.
type Options struct {
	Segment int // bytes of a file, at least MinSegment; a batch that is larger makes a longer one
}

// MinSegment is the smallest Options.Segment.
const MinSegment = 128

// Recovered is what the log says about the lives before this one.
type Recovered struct {
	Identity   Identity    // as it was formatted: the wanted one with its true incarnation
	Boot       uint64      // the number of this life, from 1; not yet durable
	Version    uint16      // the format of the segment that the log ended in; 0 of a fresh one
	End        LSN         // where the records that were found end
	BootStarts []BootStart // of the earlier lives that what was not trimmed tells of
	Fresh      bool        // made anew: there was no log, or one that nobody ever spoke from
	TornBytes  int         // bytes of a torn tail that are dropped, with what the file held before behind it
}

// BootStart is where a life began in the log, which is where the one before it ended.
type BootStart struct {
	Boot uint64
	At   LSN
}

// Recover reads a log and returns it with what was in it. It hands each entry
// that was not trimmed to entry, in order, with the position that Append gave
// for it; the payload is read-only and not yet durable. An error of entry ends
// the recovery. The log is not yet Ready: the caller executes its requests,
// among them those that cut and rewrite its tail and make the boot of this life
// durable.
//
// want is the node and cluster that the log must be of, and a fresh random
// incarnation for the case that there is no log yet.
//
// It fails, and then nothing may be written to the directory and nothing that
// entry was told counts, with ErrDamaged, ErrMissing, ErrVersion, ErrCluster,
// ErrNode, or an error of dir or entry. No more than three segments are in
// memory at a time.
func Recover(dir Dir, want Identity, o Options, entry func(payload []byte, end LSN) error) (*Log, Recovered, error) {
	if o.Segment < MinSegment {
		return nil, Recovered{}, fmt.Errorf("wal: segments of %d bytes: want at least %d", o.Segment, MinSegment)
	}
	sequences, marked, err := list(dir)
	if err != nil {
		return nil, Recovered{}, err
	}
	m, err := readMarkFile(dir, marked)
	if err != nil {
		return nil, Recovered{}, err
	}
	if len(sequences) == 0 {
		if at := m.highest(); at > 0 {
			return nil, Recovered{}, fmt.Errorf("wal: no segment is there, and %s proves that the log had come to position %d: %w", markName, at, ErrMissing)
		}
		return format(want, o, 0)
	}
	t, err := findTail(dir, sequences, want, &m)
	if err != nil {
		return nil, Recovered{}, err
	}
	if t.neverUsed {
		if at := m.highest(); at > 0 {
			return nil, Recovered{}, t.last.damaged(0, "nothing is left there, and %s proves that the log had come to position %d", markName, at)
		}
		return format(want, o, t.last.used())
	}
	r := reader{dir: dir, want: want, sequences: sequences, markFile: m, tail: t}
	if err := r.read(entry); err != nil {
		return nil, Recovered{}, err
	}
	return r.resume(o)
}

// tail is where a log ends.
type tail struct {
	last      segment  // the one to be continued
	first     uint64   // the lowest segment needed
	spare     string   // the file after it, prepared and not used; empty if there is none
	mark      logPoint // what it is known to have come to
	neverUsed bool     // last is the first, and no boot in it was ever durable
}

// findTail finds the segment that was written to last. That is the file of the
// highest number if a record in it checks, or if the one before is sealed.
// Otherwise it is the one before, and the file was to be the next.
func findTail(dir Dir, sequences []uint64, want Identity, m *markFile) (tail, error) {
	last, err := readSegment(dir, sequences[len(sequences)-1])
	if err != nil {
		return tail{}, err
	}
	if last.hasHeader {
		if err := last.header.check(want); err != nil {
			return tail{}, fmt.Errorf("wal: %s: %w", last.name, err)
		}
	}
	switch _, begun := last.record(last.firstOffset()); {
	case last.hasHeader && begun:
		return tailIn(&last, want, m)
	case last.sequence > 1:
		return tailAround(dir, sequences, &last, want, m)
	case !last.hasHeader && last.used() <= headerSize, last.hasHeader && last.used() <= last.firstOffset()+bootSize:
		return tail{last: last, neverUsed: true}, nil
	}
	return tailIn(&last, want, m)
}

// tailIn is the tail of a log that ends in a segment.
func tailIn(s *segment, want Identity, m *markFile) (t tail, err error) {
	if s.hasHeader {
		if t.mark, err = m.check(s.header); err != nil {
			return tail{}, err
		}
	}
	h := newReplay(s, t.mark)
	end, err := h.read(s, want)
	if err != nil {
		return tail{}, err
	}
	if h.sealed {
		return tail{}, missingSegment(s.sequence+1, fmt.Sprintf("the seal at %s, offset %d, says that it follows", s.name, end))
	}
	t.last, t.first = *s, h.first
	return t, nil
}

// tailAround is the tail of a log whose last file begins with no record: that
// file, or the one before it.
func tailAround(dir Dir, sequences []uint64, last *segment, want Identity, m *markFile) (tail, error) {
	if _, found := slices.BinarySearch(sequences, last.sequence-1); !found {
		return tail{}, missingSegment(last.sequence-1, fmt.Sprintf("%s has no record that checks", last.name))
	}
	before, err := readSegment(dir, last.sequence-1)
	if err != nil {
		return tail{}, err
	}
	h := newReplay(&before, logPoint{})
	end, err := h.read(&before, want)
	if err != nil {
		return tail{}, err
	}
	if h.sealed {
		return tailIn(last, want, m)
	}
	if proof, found := last.findFollowing(&h, before.salt); found {
		return tail{}, before.damaged(end, "no record there checks, and the one at offset %d of %s proves that there was a seal", proof, last.name)
	}
	t, err := tailIn(&before, want, m)
	t.spare = last.name
	return t, err
}

// findFollowing finds a record in a segment which is to follow a history, if there is one.
// If it has no header, one of each length is imagined, as it would be.
func (s *segment) findFollowing(h *replay, salt uint32) (at int, found bool) {
	follows := func(r record) bool { return r.batch >= h.end }
	if s.hasHeader {
		return s.findRecord(s.firstOffset(), follows)
	}
	for _, length := range []int{oldHeaderSize, headerSize} {
		s.salt, s.header = salt, header{base: h.end, length: length}
		if at, found = s.findRecord(length, follows); found {
			break
		}
	}
	return at, found
}

// reader reads a log from its first segment to its last.
type reader struct {
	dir       Dir
	want      Identity
	sequences []uint64 // the segments there are
	markFile  markFile
	tail      tail
	replay    replay
	end       int // offset after the last record
	segments  []segmentInfo
	seal      *DiskRequest // to be written again: nothing proves that it is durable
}

func (r *reader) read(entry func(payload []byte, end LSN) error) error {
	last := &r.tail.last
	for sequence := r.tail.first; sequence < last.sequence; sequence++ {
		if _, found := slices.BinarySearch(r.sequences, sequence); !found {
			return missingSegment(sequence, fmt.Sprintf("%s needs all from %d on", last.name, r.tail.first))
		}
		s, err := readSegment(r.dir, sequence)
		if err != nil {
			return err
		}
		if err := r.addSegment(&s, entry); err != nil {
			return err
		}
		if !r.replay.sealed {
			return s.damaged(r.end, "the record there does not check, though another segment follows")
		}
		r.seal = &DiskRequest{Op: Write, File: s.name, Offset: int64(r.end), Data: s.data[r.end : r.end+sealSize]}
	}
	if err := r.addSegment(last, entry); err != nil {
		return err
	}
	if r.end > last.firstOffset() {
		r.seal = nil
	}
	if size := last.header.size; uint64(len(last.data)) < size {
		return last.damaged(len(last.data), "the file ends there, and was made with %d bytes", size)
	}
	if err := r.replay.checkTornTail(last, r.end); err != nil {
		return err
	}
	if err := r.replay.checkReachesMark(last, r.end); err != nil {
		return err
	}
	if r.replay.boot == 0 {
		return last.damaged(last.firstOffset(), "there is no boot that checks, and more than one was written")
	}
	return nil
}

// addSegment adds a segment to the history.
func (r *reader) addSegment(s *segment, entry func(payload []byte, end LSN) error) (err error) {
	if len(r.segments) == 0 {
		r.replay = newReplay(s, r.tail.mark)
		r.replay.entry = entry
	}
	r.segments = append(r.segments, segmentInfo{s.sequence, s.header.base, int64(len(s.data)), s.header.version, s.firstOffset()})
	r.end, err = r.replay.read(s, r.want)
	return err
}

// format plans the making of a log, in the place of cut bytes of one that was
// never finished. The old bytes are durably gone before the first new one: a
// header is never a mix of two.
func format(id Identity, o Options, cut int) (*Log, Recovered, error) {
	if id.Incarnation == [16]byte{} {
		return nil, Recovered{}, errors.New("wal: cannot format without an incarnation: pass 16 random bytes")
	}
	file := segmentName(1)
	head := header{identity: id, sequence: 1, first: 1, size: uint64(o.Segment)}.encode()
	l := newLog(o, replay{identity: id, first: 1}, []segmentInfo{{sequence: 1, size: int64(o.Segment), version: currentVersion, headerLen: headerSize}})
	begin := []DiskRequest{
		{Op: Create, File: file}, {Op: Truncate, File: file},
		{Op: Allocate, File: file, Offset: int64(o.Segment)}, {Op: Sync, File: file},
	}
	l.groups = append([]requestGroup{
		{append(begin, l.marker.create(logPoint{})...), logPoint{}},
		{[]DiskRequest{{Op: Write, File: file, Data: head}, {Op: Sync, File: file}}, logPoint{}},
	}, l.bootGroup(nil))
	return l, Recovered{Identity: id, Boot: 1, Fresh: true, TornBytes: cut}, nil
}

// resume plans how the log is taken up where its history ends: it makes durable
// what was read and may not be, and only then what follows may be written. The
// file is not cut but cleared: it never becomes shorter than its header says.
func (r *reader) resume(o Options) (*Log, Recovered, error) {
	h, last := &r.replay, &r.tail.last
	l := newLog(o, *h, r.segments)
	l.durable.at = h.batch
	for _, sequence := range r.sequences {
		if sequence < h.first {
			l.garbage = append(l.garbage, segmentName(sequence))
		}
	}
	reqs := zeroRequests(last.name, r.end, last.used())
	if from := last.offset(h.batch); from < r.end {
		reqs = append(reqs, DiskRequest{Op: Write, File: last.name, Offset: int64(from), Data: last.data[from:r.end]})
	}
	if len(last.data) < o.Segment {
		reqs = append(reqs, DiskRequest{Op: Allocate, File: last.name, Offset: int64(o.Segment)})
	}
	reqs = append(reqs, DiskRequest{Op: Sync, File: last.name})
	if r.seal != nil {
		reqs = append(reqs, *r.seal, DiskRequest{Op: Sync, File: r.seal.File})
	}
	if r.tail.spare != "" {
		reqs = append(reqs, DiskRequest{Op: Remove, File: r.tail.spare})
	}
	was := logPoint{h.end, h.sum}
	l.groups = []requestGroup{{append(reqs, DiskRequest{Op: SyncDir}), was}, l.bootGroup(l.marker.resume(&r.markFile, was))}
	return l, Recovered{
		Identity: h.identity, Boot: h.boot + 1, Version: last.header.version, End: h.end, BootStarts: h.starts, TornBytes: max(0, last.used()-r.end),
	}, nil
}

// zeroRequests is the requests that fill a part of a file with zeros.
func zeroRequests(file string, from, to int) (reqs []DiskRequest) {
	for ; from < to; from += len(zeroChunk) {
		reqs = append(reqs, DiskRequest{Op: Write, File: file, Offset: int64(from), Data: zeroChunk[:min(len(zeroChunk), to-from)]})
	}
	return reqs
}

var zeroChunk [256 << 10]byte // never written to

// newLog is a log that goes on where a history ends with the two records of a
// boot: one as a batch of its own, in bootStep, and one as the first record of the
// next batch, which proves the one before.
func newLog(o Options, h replay, segments []segmentInfo) *Log {
	l := &Log{
		segmentSize: int64(o.Segment), identity: h.identity, salt: saltOf(h.identity), boot: h.boot + 1,
		segments: segments, firstNeeded: h.first, marker: newMarkWriter(h.identity.Incarnation),
	}
	last := segments[len(segments)-1]
	l.useSegment(segmentName(last.sequence), last)
	l.nextBatchAt = h.end + bootSize
	l.put(kindBoot, encodeNumber(l.boot))
	l.readyAt = l.End()
	return l
}

// bootGroup writes the first record of the boot, behind requests that have to be
// done before.
func (l *Log) bootGroup(before []DiskRequest) requestGroup {
	at := l.nextBatchAt - bootSize
	record := appendRecord(nil, l.salt, at, at, kindBoot, encodeNumber(l.boot))
	return requestGroup{append(before,
		DiskRequest{Op: Write, File: l.file, Offset: l.offset(at), Data: record}, DiskRequest{Op: Sync, File: l.file},
	), logPoint{l.nextBatchAt, storedSum(record)}}
}
