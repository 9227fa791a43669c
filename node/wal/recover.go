package wal

import (
	"errors"
	"fmt"
	"slices"
)

// Dir is read access to the directory of a log.
type Dir interface {
	// List returns the names of the files, in any order.
	List() ([]string, error)
	// Read returns all bytes of a file. Recovery retains the slice and does not
	// change it; nor may the implementation.
	Read(name string) ([]byte, error)
}

// Options are the settings of a log. They may differ from life to life.
type Options struct {
	Segment   int    // bytes of a segment file, at least MinSegment; a larger batch makes a longer file
	FirstBoot uint64 // the first boot of a log that is created; 0: 1
	Form      Form   // of the entries
}

// MinSegment is the minimum of Options.Segment, in bytes.
const MinSegment = 128

// Recovered describes the log that earlier lives left.
type Recovered struct {
	Identity   Identity    // the wanted identity, with the incarnation of the log
	Boot       uint64      // the number of this life, from 1; not yet durable
	Version    uint16      // the format version of the last segment; 0 if Fresh
	End        LSN         // the position after the last record found
	BootStarts []BootStart // of the earlier lives with boot records in untrimmed segments
	Fresh      bool        // the log is newly formatted: there was none, or one that was never ready
	TornBytes  int         // bytes dropped as a torn tail, old content of a reused file included
}

// BootStart is the position where a life began in the log and the life before it
// ended.
type BootStart struct {
	Boot uint64
	At   LSN
}

// Recover reads the log in a directory and returns it, with a description of its
// past. It passes each entry that was not trimmed to entry, in order, with the
// position that Append returned for it. The payload is read-only and not yet
// durable. An error of entry ends the recovery; entry may be nil. The log is not yet
// Ready: the caller executes its requests, which clear the torn tail, rewrite the
// last batch and make the boot of this life durable.
//
// want is the node and the cluster that the log must belong to, with a fresh random
// incarnation in case there is no log yet.
//
// Recover fails with ErrDamaged, ErrMissing, ErrVersion, ErrCluster, ErrNode, or an
// error of dir or entry. Then the caller must write nothing to the directory, and
// must discard all entries received. At most three segments are in memory at a time.
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

// tail is the end of a log.
type tail struct {
	last      segment  // the segment to be continued
	first     uint64   // the lowest segment needed
	spare     string   // the file after last, prepared and not used; empty: none
	mark      logPoint // the high-water mark; zero: none
	neverUsed bool     // last is the first segment, and the log in it was never ready
}

// findTail finds the segment that was written to last. It is the file of the highest
// number if its first record is valid, or if the segment before is sealed.
// Otherwise it is the segment before, and the file is a spare.
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

// tailIn returns the tail of a log that ends in segment s.
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

// tailAround returns the tail of a log if the last file has no valid first record. The
// log ends in that file or in the one before.
func tailAround(dir Dir, sequences []uint64, last *segment, want Identity, m *markFile) (tail, error) {
	if _, found := slices.BinarySearch(sequences, last.sequence-1); !found {
		return tail{}, missingSegment(last.sequence-1, last.strayText(sequences))
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

// strayText describes the last file, which has no record that checks and does not
// follow the one before: it may be of no log. Only whoever knows where it is from can
// tell, so nobody is told to remove it.
func (s *segment) strayText(sequences []uint64) string {
	text := s.name + " has no record that checks"
	if !s.hasHeader && len(sequences) > 1 {
		before := segmentName(sequences[len(sequences)-2])
		text += fmt.Sprintf(", nor a header, and the file before it is %s: if it was put there by mistake, move it to another directory, and keep it", before)
	}
	return text
}

// findFollowing finds a record in the segment that follows h. If the segment has no
// header, it tries the records with a header of each length.
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
	sequences []uint64 // of all segments in dir
	markFile  markFile
	tail      tail
	replay    replay
	end       int // offset after the last record
	segments  []segmentInfo
	seal      *DiskRequest // the last seal, to be written again: no record after it proves it durable
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
	if err := r.replay.checkTurnedBit(last, r.end); err != nil {
		return err
	}
	if len(r.replay.starts) == 0 && r.tail.first == 1 {
		return last.damaged(last.firstOffset(), "there is no boot that checks, and more than one was written")
	}
	return nil
}

// addSegment replays a segment.
func (r *reader) addSegment(s *segment, entry func(payload []byte, end LSN) error) (err error) {
	if len(r.segments) == 0 {
		r.replay = newReplay(s, r.tail.mark)
		r.replay.entry = entry
	}
	r.segments = append(r.segments, segmentInfo{s.sequence, s.header.base, int64(len(s.data)), s.header.version, s.firstOffset()})
	r.end, err = r.replay.read(s, r.want)
	return err
}

// format plans the requests that create a log, and discards cut bytes of one that
// was never ready. The old bytes are durably removed before the first new byte is
// written: a header is never a mix of two.
func format(id Identity, o Options, cut int) (*Log, Recovered, error) {
	if id.Incarnation == [16]byte{} {
		return nil, Recovered{}, errors.New("wal: cannot format without an incarnation: pass 16 random bytes")
	}
	file := segmentName(1)
	before := max(o.FirstBoot, 1) - 1
	version := o.Form.version(0)
	head := header{version: version, identity: id, sequence: 1, first: 1, size: uint64(o.Segment), boot: before}.encode()
	l := newLog(o, replay{identity: id, first: 1, boot: before}, []segmentInfo{{sequence: 1, size: int64(o.Segment), version: version, headerLen: headerSize}})
	begin := []DiskRequest{
		{Op: Create, File: file}, {Op: Truncate, File: file},
		{Op: Allocate, File: file, Offset: int64(o.Segment)}, {Op: Sync, File: file},
	}
	l.groups = append([]requestGroup{
		{requests: append(begin, l.marker.create()...)},
		{requests: []DiskRequest{{Op: Write, File: file, Data: head}, {Op: Sync, File: file}}},
	}, l.bootGroup())
	return l, Recovered{Identity: id, Boot: before + 1, Fresh: true, TornBytes: cut}, nil
}

// resume plans the requests that continue the log. They first make durable all that
// was read and may not be durable; only then may records that follow be written. The
// file is not cut but cleared: it never becomes shorter than its header states.
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
	if last.header.size == 0 && len(last.data) < o.Segment { // otherwise the header states the length, by which it is seen that the file has become shorter
		reqs = append(reqs, DiskRequest{Op: Allocate, File: last.name, Offset: int64(o.Segment)})
		l.segments[len(l.segments)-1].size = int64(o.Segment)
	}
	reqs = append(reqs, DiskRequest{Op: Sync, File: last.name})
	if r.seal != nil {
		reqs = append(reqs, *r.seal, DiskRequest{Op: Sync, File: r.seal.File})
	}
	if r.tail.spare != "" {
		reqs = append(reqs, DiskRequest{Op: Remove, File: r.tail.spare})
	}
	reqs = append(append(reqs, DiskRequest{Op: SyncDir}), l.marker.resume(&r.markFile)...)
	l.groups = []requestGroup{{requests: reqs, durable: logPoint{h.end, h.sum}}, l.bootGroup()}
	return l, Recovered{
		Identity: h.identity, Boot: h.boot + 1, Version: last.header.version, End: h.end, BootStarts: h.starts, TornBytes: max(0, last.used()-r.end),
	}, nil
}

// zeroRequests returns the requests that fill a part of a file with zeros.
func zeroRequests(file string, from, to int) (reqs []DiskRequest) {
	for ; from < to; from += len(zeroChunk) {
		reqs = append(reqs, DiskRequest{Op: Write, File: file, Offset: int64(from), Data: zeroChunk[:min(len(zeroChunk), to-from)]})
	}
	return reqs
}

var zeroChunk [256 << 10]byte // never written to

// newLog returns a log that continues after h with the two records of a boot. The
// first is a batch of its own, in bootGroup. The second is the first record of the
// next batch, and so proves that the first is durable.
func newLog(o Options, h replay, segments []segmentInfo) *Log {
	l := &Log{
		segmentSize: int64(o.Segment), identity: h.identity, salt: saltOf(h.identity), boot: h.boot + 1,
		segments: segments, firstNeeded: h.first, marker: newMarkWriter(h.identity.Incarnation),
	}
	last := segments[len(segments)-1]
	l.version = o.Form.version(last.version)
	l.useSegment(segmentName(last.sequence), last)
	l.nextBatchAt = h.end + bootSize
	l.put(kindBoot, encodeNumber(l.boot))
	l.readyAt = l.End()
	return l
}

// bootGroup returns the write and sync of the first record of the boot, after a mark
// of all records before it.
func (l *Log) bootGroup() requestGroup {
	at := l.nextBatchAt - bootSize
	record := appendRecord(nil, l.salt, at, at, kindBoot, encodeNumber(l.boot))
	return requestGroup{markFirst: true, requests: []DiskRequest{
		{Op: Write, File: l.file, Offset: l.offset(at), Data: record}, {Op: Sync, File: l.file},
	}, durable: logPoint{l.nextBatchAt, storedSum(record)}}
}
