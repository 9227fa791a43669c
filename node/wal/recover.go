package wal

import "errors"

// Dir is the directory of a log, as recovery reads it.
type Dir interface {
	// List returns the names of the files, in any order.
	List() ([]string, error)
	// Read returns all bytes of a file. Recovery keeps them, unchanged; they
	// must not change later.
	Read(name string) ([]byte, error)
}

// Recovered is what the log says about the lives before this one.
type Recovered struct {
	Identity  Identity // as it was formatted: the wanted one with its true incarnation
	Boot      uint64   // the number of this life, from 1; not yet durable
	Entries   [][]byte // all entries in order, read-only; not yet all durable
	Formatted bool     // there was no log, or one that nobody ever spoke from
	Cut       int      // bytes of a torn tail that are dropped
}

// Recover reads a log and returns it with what was in it. The log is not yet
// Ready: the caller executes its requests, among them those that cut and
// rewrite its tail and make the boot of this life durable.
//
// want is the node and cluster that the log must be of, and a fresh random
// incarnation for the case that there is no log yet.
//
// It fails, and then nothing may be written to the directory, with ErrDamaged,
// ErrMissing, ErrVersion, ErrCluster, ErrNode, or an error of dir.
func Recover(dir Dir, want Identity) (*Log, Recovered, error) {
	segments, err := readSegments(dir)
	if err != nil {
		return nil, Recovered{}, err
	}
	if len(segments) == 0 {
		return format(want, 0)
	}
	last := segments[len(segments)-1]
	if len(segments) == 1 && !last.headed && len(last.data) <= headerSize {
		return format(want, len(last.data))
	}
	h, err := readHistory(segments, want)
	if err != nil {
		return nil, Recovered{}, err
	}
	if h.boot == 0 {
		if len(segments) > 1 || len(last.data) > headerSize+bootSize {
			return nil, Recovered{}, last.damaged(headerSize, "there is no boot that checks, and more than one was written")
		}
		return format(want, len(last.data))
	}
	return resume(h, last)
}

// format plans the making of a log, in the place of cut bytes of one that was
// never finished. The old bytes are durably gone before the first new one: a
// header is never a mix of two.
func format(id Identity, cut int) (*Log, Recovered, error) {
	if id.Incarnation == [16]byte{} {
		return nil, Recovered{}, errors.New("wal: cannot format without an incarnation: pass 16 random bytes")
	}
	file := segmentName(1)
	head := header{version: version, identity: id, sequence: 1}.encode()
	l := newLog(file, 0, id, headerSize, 1)
	l.startup = append([]step{
		{[]Request{{Op: Create, File: file}, {Op: Truncate, File: file}, {Op: Sync, File: file}}, 0},
		{[]Request{{Op: Write, File: file, Data: head}, {Op: Sync, File: file}, {Op: SyncDir}}, headerSize},
	}, l.startup...)
	return l, Recovered{Identity: id, Boot: 1, Formatted: true, Cut: cut}, nil
}

// resume plans how a log is taken up where its history ends.
func resume(h history, last segment) (*Log, Recovered, error) {
	base, file := last.header.base, last.name
	end := int64(h.end - base)
	from := max(int64(h.batch)-int64(base), headerSize) // the batch is in an earlier segment if this has a header only
	l := newLog(file, base, h.identity, h.end, h.boot+1)
	l.durable = base + LSN(from)
	l.startup = append([]step{{[]Request{
		{Op: Truncate, File: file, Offset: end},
		{Op: Write, File: file, Offset: from, Data: last.data[from:end]},
		{Op: Sync, File: file},
		{Op: SyncDir},
	}, h.end}}, l.startup...)
	cut := len(last.data) - int(end)
	return l, Recovered{Identity: h.identity, Boot: h.boot + 1, Entries: h.entries, Cut: cut}, nil
}

// newLog is a log that goes on at a position with the two records of a boot:
// one as a batch of its own, one as the first record of the next batch, which
// proves the one before.
func newLog(file string, base LSN, id Identity, at LSN, boot uint64) *Log {
	l := &Log{file: file, base: base, salt: saltOf(id)}
	first := appendRecord(nil, l.salt, at, at, kindBoot, bootPayload(boot))
	l.start = at + bootSize
	l.startup = []step{{[]Request{
		{Op: Write, File: file, Offset: int64(at - base), Data: first},
		{Op: Sync, File: file},
	}, l.start}}
	l.put(kindBoot, bootPayload(boot))
	l.ready = l.End()
	return l
}
