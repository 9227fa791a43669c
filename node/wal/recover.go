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
	Identity Identity // as it was formatted: the wanted one with its true incarnation
	Boot     uint64   // the number of this life, from 1; not yet durable
	Version  uint16   // the format of the segment that the log ended in; 0 of a fresh one
	End      LSN      // where the records that were found end
	Starts   []Start  // of the earlier lives that what was not trimmed tells of
	Fresh    bool     // made anew: there was no log, or one that nobody ever spoke from
	Cut      int      // bytes of a torn tail that are dropped, with what the file held before behind it
}

// Start is where a life began in the log, which is where the one before it ended.
type Start struct {
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
	m, err := readMarks(dir, marked)
	if err != nil {
		return nil, Recovered{}, err
	}
	if len(sequences) == 0 {
		if at := m.spoken(); at > 0 {
			return nil, Recovered{}, fmt.Errorf("wal: no segment is there, and %s proves that the log had come to position %d: %w", markName, at, ErrMissing)
		}
		return format(want, o, 0)
	}
	t, err := findTail(dir, sequences, want, &m)
	if err != nil {
		return nil, Recovered{}, err
	}
	if t.unborn {
		if at := m.spoken(); at > 0 {
			return nil, Recovered{}, t.last.damaged(0, "nothing is left there, and %s proves that the log had come to position %d", markName, at)
		}
		return format(want, o, t.last.used())
	}
	r := reader{dir: dir, want: want, sequences: sequences, marks: m, tail: t}
	if err := r.read(entry); err != nil {
		return nil, Recovered{}, err
	}
	return r.resume(o)
}

// tail is where a log ends.
type tail struct {
	last   segment // the one to be continued
	first  uint64  // the lowest segment needed
	spare  string  // the file after it, prepared and not used; empty if there is none
	mark   point   // what it is known to have come to
	unborn bool    // last is the first, and no boot in it was ever durable
}

// findTail finds the segment that was written to last. That is the file of the
// highest number if a record in it checks, or if the one before is sealed.
// Otherwise it is the one before, and the file was to be the next.
func findTail(dir Dir, sequences []uint64, want Identity, m *marks) (tail, error) {
	last, err := readSegment(dir, sequences[len(sequences)-1])
	if err != nil {
		return tail{}, err
	}
	if last.headed {
		if err := last.header.check(want); err != nil {
			return tail{}, fmt.Errorf("wal: %s: %w", last.name, err)
		}
	}
	switch _, begun := last.record(last.begin()); {
	case last.headed && begun:
		return endsIn(&last, want, m)
	case last.sequence > 1:
		return endsAround(dir, sequences, &last, want, m)
	case !last.headed && last.used() <= headerSize, last.headed && last.used() <= last.begin()+bootSize:
		return tail{last: last, unborn: true}, nil
	}
	return endsIn(&last, want, m)
}

// endsIn is the tail of a log that ends in a segment.
func endsIn(s *segment, want Identity, m *marks) (t tail, err error) {
	if s.headed {
		if t.mark, err = m.check(s.header); err != nil {
			return tail{}, err
		}
	}
	h := historyFrom(s, t.mark)
	end, err := h.read(s, want)
	if err != nil {
		return tail{}, err
	}
	if h.sealed {
		return tail{}, missing(s.sequence+1, fmt.Sprintf("the seal at %s, offset %d, says that it follows", s.name, end))
	}
	t.last, t.first = *s, h.first
	return t, nil
}

// endsAround is the tail of a log whose last file begins with no record: that
// file, or the one before it.
func endsAround(dir Dir, sequences []uint64, last *segment, want Identity, m *marks) (tail, error) {
	if _, found := slices.BinarySearch(sequences, last.sequence-1); !found {
		return tail{}, missing(last.sequence-1, fmt.Sprintf("%s has no record that checks", last.name))
	}
	before, err := readSegment(dir, last.sequence-1)
	if err != nil {
		return tail{}, err
	}
	h := historyFrom(&before, point{})
	end, err := h.read(&before, want)
	if err != nil {
		return tail{}, err
	}
	if h.sealed {
		return endsIn(last, want, m)
	}
	if proof, found := last.begun(&h, before.salt); found {
		return tail{}, before.damaged(end, "no record there checks, and the one at offset %d of %s proves that there was a seal", proof, last.name)
	}
	t, err := endsIn(&before, want, m)
	t.spare = last.name
	return t, err
}

// begun finds a record in a segment which is to follow a history, if there is one.
// If it has no header, one of each length is imagined, as it would be.
func (s *segment) begun(h *history, salt uint32) (at int, found bool) {
	follows := func(r record) bool { return r.batch >= h.end }
	if s.headed {
		return s.find(s.begin(), follows)
	}
	for _, length := range []int{fixedHeader, headerSize} {
		s.salt, s.header = salt, header{base: h.end, length: length}
		if at, found = s.find(length, follows); found {
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
	marks     marks
	tail      tail
	history   history
	end       int // offset after the last record
	segments  []extent
	seal      *Request // to be written again: nothing proves that it is durable
}

func (r *reader) read(entry func(payload []byte, end LSN) error) error {
	last := &r.tail.last
	for sequence := r.tail.first; sequence < last.sequence; sequence++ {
		if _, found := slices.BinarySearch(r.sequences, sequence); !found {
			return missing(sequence, fmt.Sprintf("%s needs all from %d on", last.name, r.tail.first))
		}
		s, err := readSegment(r.dir, sequence)
		if err != nil {
			return err
		}
		if err := r.add(&s, entry); err != nil {
			return err
		}
		if !r.history.sealed {
			return s.damaged(r.end, "the record there does not check, though another segment follows")
		}
		r.seal = &Request{Op: Write, File: s.name, Offset: int64(r.end), Data: s.data[r.end : r.end+sealSize]}
	}
	if err := r.add(last, entry); err != nil {
		return err
	}
	if r.end > last.begin() {
		r.seal = nil
	}
	if size := last.header.size; uint64(len(last.data)) < size {
		return last.damaged(len(last.data), "the file ends there, and was made with %d bytes", size)
	}
	if err := r.history.mustBeTorn(last, r.end); err != nil {
		return err
	}
	if err := r.history.mustReach(last, r.end); err != nil {
		return err
	}
	if r.history.boot == 0 {
		return last.damaged(last.begin(), "there is no boot that checks, and more than one was written")
	}
	return nil
}

// add adds a segment to the history.
func (r *reader) add(s *segment, entry func(payload []byte, end LSN) error) (err error) {
	if len(r.segments) == 0 {
		r.history = historyFrom(s, r.tail.mark)
		r.history.entry = entry
	}
	r.segments = append(r.segments, extent{s.sequence, s.header.base, int64(len(s.data)), s.header.version, s.begin()})
	r.end, err = r.history.read(s, r.want)
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
	l := newLog(o, history{identity: id, first: 1}, []extent{{sequence: 1, size: int64(o.Segment), version: version, head: headerSize}})
	begin := []Request{
		{Op: Create, File: file}, {Op: Truncate, File: file},
		{Op: Allocate, File: file, Offset: int64(o.Segment)}, {Op: Sync, File: file},
	}
	l.steps = append([]step{
		{append(begin, l.mark.begin(point{})...), point{}},
		{[]Request{{Op: Write, File: file, Data: head}, {Op: Sync, File: file}}, point{}},
	}, l.bootStep(nil))
	return l, Recovered{Identity: id, Boot: 1, Fresh: true, Cut: cut}, nil
}

// resume plans how the log is taken up where its history ends: it makes durable
// what was read and may not be, and only then what follows may be written. The
// file is not cut but cleared: it never becomes shorter than its header says.
func (r *reader) resume(o Options) (*Log, Recovered, error) {
	h, last := &r.history, &r.tail.last
	l := newLog(o, *h, r.segments)
	l.durable.at = h.batch
	for _, sequence := range r.sequences {
		if sequence < h.first {
			l.garbage = append(l.garbage, segmentName(sequence))
		}
	}
	reqs := clearing(last.name, r.end, last.used())
	if from := last.offset(h.batch); from < r.end {
		reqs = append(reqs, Request{Op: Write, File: last.name, Offset: int64(from), Data: last.data[from:r.end]})
	}
	if len(last.data) < o.Segment {
		reqs = append(reqs, Request{Op: Allocate, File: last.name, Offset: int64(o.Segment)})
	}
	reqs = append(reqs, Request{Op: Sync, File: last.name})
	if r.seal != nil {
		reqs = append(reqs, *r.seal, Request{Op: Sync, File: r.seal.File})
	}
	if r.tail.spare != "" {
		reqs = append(reqs, Request{Op: Remove, File: r.tail.spare})
	}
	was := point{h.end, h.sum}
	l.steps = []step{{append(reqs, Request{Op: SyncDir}), was}, l.bootStep(l.mark.resume(&r.marks, was))}
	return l, Recovered{
		Identity: h.identity, Boot: h.boot + 1, Version: last.header.version, End: h.end, Starts: h.starts, Cut: max(0, last.used()-r.end),
	}, nil
}

// clearing is the requests that fill a part of a file with zeros.
func clearing(file string, from, to int) (reqs []Request) {
	for ; from < to; from += len(blank) {
		reqs = append(reqs, Request{Op: Write, File: file, Offset: int64(from), Data: blank[:min(len(blank), to-from)]})
	}
	return reqs
}

var blank [256 << 10]byte // never written to

// newLog is a log that goes on where a history ends with the two records of a
// boot: one as a batch of its own, in bootStep, and one as the first record of the
// next batch, which proves the one before.
func newLog(o Options, h history, segments []extent) *Log {
	l := &Log{
		size: int64(o.Segment), id: h.identity, salt: saltOf(h.identity), boot: h.boot + 1,
		segments: segments, first: h.first, mark: newMarker(h.identity.Incarnation),
	}
	last := segments[len(segments)-1]
	l.open(segmentName(last.sequence), last)
	l.start = h.end + bootSize
	l.put(kindBoot, number(l.boot))
	l.ready = l.End()
	return l
}

// bootStep writes the first record of the boot, behind requests that have to be
// done before.
func (l *Log) bootStep(before []Request) step {
	at := l.start - bootSize
	record := appendRecord(nil, l.salt, at, at, kindBoot, number(l.boot))
	return step{append(before,
		Request{Op: Write, File: l.file, Offset: l.offset(at), Data: record}, Request{Op: Sync, File: l.file},
	), point{l.start, sumIn(record)}}
}
