package kit

import (
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/disk"
)

// Log keeps records in a file of the asynchronous disk, in the order in which they were
// appended.
//
// A record is durable when its continuation runs, and not before: no process crash and no
// power loss undoes it then. A process says nothing that depends on a record before. The
// log has one batch in flight, a write and its sync; records that are appended meanwhile
// are the next batch. Continuations run in the order of their records, within Step.
//
// At each Boot the log is written anew, as by Rewrite, before the process hears of its
// records: to a new file, which is synced, takes the name of the old one, and whose name
// is made durable. That one way cuts off a torn tail, and makes durable what was only in
// the page cache, also after a sync that has failed. Its cost is that a boot writes as
// much as it reads; a process that calls Rewrite now and then, with a snapshot, keeps
// that small.
//
// The log proves the loss of a record that was durable, with ErrDamaged, if the records
// of the last rewriting are not all there, or if a record of a later batch is: that batch
// was written when the earlier one was durable. It cannot prove the loss of the last
// batch, or of all from some record on: both look like a torn tail. Nor can it prove that
// its file, or all of the disk, is missing or an old copy. Only other processes can.
//
// A request that fails ends the log: Step returns the error, now and later, nothing is
// written any more, and no continuation runs. The process should stop. To sync again
// would prove nothing (Rebello et al., Can applications recover from fsync failures?,
// USENIX ATC 2020); the next life reads the disk.
type Log struct {
	name       string
	token      uint64 // of all its requests
	boots      uint64
	generation uint64 // number of rewritings, over all lives
	end        int64  // of the file, with the records in flight
	planned    int64  // size of the file when the queue is done
	queue      []job  // not begun
	current    []job  // in flight
	phase      phase
	ready      bool
	err        error
}

// Then is called within a step, with its arguments, when something is durable.
type Then func(now sim.Duration, out *sim.Effects)

// job is a record to append, or a rewriting.
type job struct {
	rewrite bool
	records [][]byte
	done    Then
}

// phase is the request that the log waits for.
type phase uint8

const (
	idle      phase = iota
	appending       // the sync of a batch
	writing         // the sync of a new file
	renaming        // the sync of its name
)

// OpenLog opens the log of a name on the disk d of a Boot event. It calls ready when all
// that was found is durable, with the records. Until then nothing may be appended. An
// error wraps ErrDamaged, or is the disk's; then the log is one that has failed.
func OpenLog(name string, d disk.View, out *sim.Effects, ready func(now sim.Duration, out *sim.Effects, records [][]byte)) (*Log, error) {
	l := &Log{name: name, token: keyed.String("log " + name)}
	names, err := d.List()
	var records [][]byte
	if err == nil {
		records, err = l.recover(d)
	}
	if err != nil {
		l.err = fmt.Errorf("log %s: %w", name, err)
		return l, l.err
	}
	if slices.Contains(names, l.newName()) { // a rewriting that did not end
		out.Disk(disk.Request{Op: disk.Remove, File: l.newName(), Token: l.token, Quiet: true})
	}
	l.boots++
	l.enqueue(out, job{true, records, func(now sim.Duration, out *sim.Effects) {
		l.ready = true
		ready(now, out, records)
	}})
	return l, nil
}

// Ready reports whether the log is open and has not failed.
func (l *Log) Ready() bool { return l.ready && l.err == nil }

// Boots returns the number of lives that have opened the log, this one included. When
// the log is ready the number is durable, and no other life has or will have it.
func (l *Log) Boots() uint64 { return l.boots }

// Size returns the size of the file in bytes, with all records so far. A process that
// rewrites its log does so when this has grown.
func (l *Log) Size() int64 { return l.planned }

// Append appends a record, of which it keeps a copy, and calls durable, if it is not nil,
// when the record and all earlier ones are durable.
func (l *Log) Append(out *sim.Effects, record []byte, durable Then) {
	l.checkReady("Append")
	l.enqueue(out, job{false, l.copy(record), durable})
}

// Rewrite replaces all records so far by others, as a snapshot, of which it keeps copies.
// After a crash the log has either. durable is called, if it is not nil, when the new
// ones are durable.
func (l *Log) Rewrite(out *sim.Effects, records [][]byte, durable Then) {
	l.checkReady("Rewrite")
	l.enqueue(out, job{true, l.copy(records...), durable})
}

// Step takes the completions of the log's disk requests, and reports whether ev is one.
// The error is that of a request that has failed.
func (l *Log) Step(now sim.Duration, ev *sim.Event, out *sim.Effects) (mine bool, err error) {
	if ev.Kind != sim.DiskDone || ev.Token != l.token {
		return false, nil
	}
	switch {
	case l.err != nil:
	case ev.Err != nil:
		l.err = fmt.Errorf("log %s: %w", l.name, ev.Err)
	case l.phase == writing: // only now: a name may survive where unsynced bytes do not
		l.phase = renaming
		out.Disk(disk.Request{Op: disk.Rename, File: l.newName(), To: l.name, Token: l.token, Quiet: true})
		out.Disk(disk.Request{Op: disk.SyncDir, Token: l.token})
	default:
		l.finish(now, out)
	}
	return true, l.err
}

func (l *Log) newName() string { return l.name + ".new" }

func (l *Log) checkReady(method string) {
	if !l.ready {
		panic(fmt.Sprintf("kit: log %s: %s before it is ready: what it holds is not known yet: wait until OpenLog calls ready", l.name, method))
	}
}

func (l *Log) copy(records ...[]byte) [][]byte {
	all := make([][]byte, len(records))
	for i, r := range records {
		if len(r) > MaxRecord {
			panic(fmt.Sprintf("kit: log %s: a record of %d bytes: want at most %d: divide it", l.name, len(r), MaxRecord))
		}
		all[i] = slices.Clone(r)
	}
	return all
}

func (l *Log) enqueue(out *sim.Effects, j job) {
	if j.rewrite {
		l.planned = headerSize
	}
	for _, r := range j.records {
		l.planned += recordSize(r)
	}
	l.queue = append(l.queue, j)
	l.begin(out)
}

// begin takes up the next rewriting, or all records before it, if nothing is in flight.
// After a failure something always is: no phase ends any more.
func (l *Log) begin(out *sim.Effects) {
	if l.phase != idle || len(l.queue) == 0 {
		return
	}
	n := slices.IndexFunc(l.queue, func(j job) bool { return j.rewrite })
	if n < 0 {
		n = len(l.queue)
	}
	file, data, offset := l.name, []byte(nil), l.end
	if n > 0 {
		l.phase = appending
		for _, j := range l.queue[:n] {
			data = appendRecord(data, l.generation, offset, j.records[0])
		}
	} else {
		n, l.phase, file, offset = 1, writing, l.newName(), 0
		l.generation++
		data = appendBase(l.generation, l.boots, l.queue[0].records)
	}
	l.current, l.queue = l.queue[:n:n], l.queue[n:]
	l.end = offset + int64(len(data))
	out.Disk(disk.Request{Op: disk.Write, File: file, Offset: offset, Data: data, Token: l.token, Quiet: true})
	out.Disk(disk.Request{Op: disk.Sync, File: file, Token: l.token})
}

// finish runs the continuations of what is durable now, which may append more.
func (l *Log) finish(now sim.Duration, out *sim.Effects) {
	done := l.current
	l.current, l.phase = nil, idle
	for _, j := range done {
		if j.done != nil {
			j.done(now, out)
		}
	}
	l.begin(out)
}
