package disk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
)

// Model is a disk outside of any world. It enumerates every state that a
// process crash or a power loss may leave, of which a Device chooses one. It
// takes no time, and a failing sync is its only fault. The zero value is an empty
// disk with sectors of 512 bytes.
type Model struct{ disk Device }

// NewModel returns an empty disk with sectors of the given size in bytes, 0
// for 512. The smaller they are, the more ways there are to tear a write.
func NewModel(sector int) *Model {
	return &Model{Device{profile: Profile{Sector: sector}}}
}

// ScatterSectors has all later power losses keep any sectors of each write, and
// not only the first. The states grow exponentially with the sectors.
func (m *Model) ScatterSectors() { m.disk.profile.Scatter = netmodel.Always }

// ErrTooMany is the last error of a sequence of states that exceeds its limit.
var ErrTooMany = errors.New("too many disk states")

// Submit starts r. It panics if r is malformed.
func (m *Model) Submit(r Request) {
	if err := r.Validate(); err != nil {
		panic("disk: " + err.Error())
	}
	m.disk.start(&r)
}

// InFlight returns the number of requests in flight.
func (m *Model) InFlight() int { return len(m.disk.inFlight) }

// Complete completes the oldest request in flight, and returns its token and
// result. It panics if there is none.
func (m *Model) Complete() (token uint64, err error) {
	r := m.disk.complete()
	return r.token, r.err
}

// NextIsSync reports whether the oldest request in flight is a sync of a file.
func (m *Model) NextIsSync() bool {
	return m.InFlight() > 0 && m.disk.inFlight[0].op == Sync && m.disk.inFlight[0].file != nil
}

// FailSync is Complete for a sync that fails and drops all changes that it
// covers. It panics unless NextIsSync.
func (m *Model) FailSync() (token uint64, err error) {
	if !m.NextIsSync() {
		panic("disk: FailSync where no sync is next")
	}
	m.disk.inFlight[0].err = ErrIO
	return m.Complete()
}

// List implements View.
func (m *Model) List() ([]string, error) { return m.disk.List() }

// Read implements View.
func (m *Model) Read(name string) ([]byte, error) { return m.disk.Read(name) }

// ProcessCrashes returns every disk that a process crash may leave. The disks are
// independent copies; some may be equal. After limit states the error is
// ErrTooMany.
func (m *Model) ProcessCrashes(limit int) iter.Seq2[*Model, error] {
	return m.states(limit, (*Device).CrashProcess)
}

// PowerLosses is ProcessCrashes for a power loss.
func (m *Model) PowerLosses(limit int) iter.Seq2[*Model, error] {
	return m.states(limit, (*Device).LosePower)
}

// states returns the disks after end, for all outcomes of its random choices.
func (m *Model) states(limit int, end func(*Device)) iter.Seq2[*Model, error] {
	return func(yield func(*Model, error) bool) {
		by := &allOutcomes{scatter: m.disk.profile.Scatter != 0}
		for n := 0; ; n++ {
			if n == limit {
				yield(nil, fmt.Errorf("%w: more than %d, with %d requests under way", ErrTooMany, limit, m.InFlight()))
				return
			}
			c := m.Clone()
			c.disk.outcomes = by
			end(&c.disk)
			c.disk.outcomes = nil
			if !yield(c, nil) || !by.next() {
				return
			}
		}
	}
}

// allOutcomes is a crashOutcomes that enumerates all outcomes, one after another:
// a number with the choices so far as digits, each digit in a base of its own.
type allOutcomes struct {
	scatter       bool // sectors of writes are kept or lost each by itself
	digits, bases []int
	at            int
}

// choose returns the digit of the next choice, among n outcomes.
func (d *allOutcomes) choose(n int) int {
	if d.at == len(d.digits) {
		d.digits, d.bases = append(d.digits, 0), append(d.bases, n)
	}
	d.at++
	return d.digits[d.at-1]
}

// next advances to the next combination. It reports false after the last.
func (d *allOutcomes) next() bool {
	d.at = 0
	for i := len(d.digits) - 1; i >= 0; i-- {
		if d.digits[i]++; d.digits[i] < d.bases[i] {
			d.digits, d.bases = d.digits[:i+1], d.bases[:i+1]
			return true
		}
	}
	return false
}

func (d *allOutcomes) completed(_ keyed.Key, n int) int { return d.choose(n + 1) }
func (d *allOutcomes) survives(keyed.Key) bool          { return d.choose(2) == 1 }
func (d *allOutcomes) sectorsKept(_ keyed.Key, n int) int {
	if n == 0 {
		return 0
	}
	return 1 + d.choose(n) // a write of which nothing is kept is a change that does not survive
}

func (d *allOutcomes) scatters(_ keyed.Key, n int) bool { return d.scatter && n > 1 }
func (d *allOutcomes) keepsSector(keyed.Key, int) bool  { return d.choose(2) == 1 }

// Clone returns a copy of the disk, with the same requests in flight.
func (m *Model) Clone() *Model {
	copies := map[*file]*file{}
	copied := func(f *file) *file {
		if f == nil {
			return nil
		}
		if copies[f] == nil {
			g := *f
			g.image, g.changes = slices.Clone(f.image), slices.Clone(f.changes)
			copies[f] = &g
		}
		return copies[f]
	}
	c := *m
	d := &c.disk
	d.buf, d.outcomes, d.requestCounts, d.dir.cache = nil, nil, nil, recent{}
	d.inFlight = slices.Clone(d.inFlight)
	for i := range d.inFlight {
		d.inFlight[i].file = copied(d.inFlight[i].file)
	}
	d.dir.changes = slices.Clone(d.dir.changes)
	for i := range d.dir.changes {
		d.dir.changes[i].file = copied(d.dir.changes[i].file)
	}
	d.dir.visible, d.dir.durable = slices.Clone(d.dir.visible), slices.Clone(d.dir.durable)
	for _, names := range [][]dirEntry{d.dir.visible, d.dir.durable} {
		for i := range names {
			names[i].file = copied(names[i].file)
		}
	}
	return &c
}

// Digest returns a hash that is equal for disks with equal behaviour from here
// on: readable data, durable data and requests in flight are equal.
func (m *Model) Digest() uint64 {
	d := &m.disk
	h := uint64(len(d.inFlight))
	for _, r := range d.inFlight {
		h = keyed.Mix(h, uint64(r.op)<<32^(d.dir.changeCount()-r.moves))
		if r.file != nil {
			h = keyed.Mix(h, keyed.String(r.file.name)^digest(r.snapshot)^(r.file.changeCount()-r.covers)<<48)
		}
	}
	for _, names := range [][]dirEntry{d.dir.visible, d.dir.durable} {
		h = keyed.Mix(h, uint64(len(names)))
		for _, e := range names {
			h = keyed.Mix(h, keyed.String(e.name)^e.file.digest())
		}
	}
	for _, v := range d.dir.changes {
		h = keyed.Mix(h, keyed.String(v.from)^keyed.String(v.to)<<1)
	}
	return h
}

// digest returns a 64-bit hash of data, which distinguishes all contents in
// practice.
func digest(data []byte) uint64 {
	h := uint64(len(data))
	for ; len(data) >= 8; data = data[8:] {
		h = keyed.Mix(h, binary.LittleEndian.Uint64(data))
	}
	for _, b := range data {
		h = keyed.Mix(h, uint64(b))
	}
	return h
}

func (f *file) digest() uint64 {
	f.fold()
	h := digest(f.image)
	for i, c := range f.changes {
		kind := uint64(c.op) << 2
		if c.lost {
			kind |= 1
		}
		if i < f.syncedCount {
			kind |= 2
		}
		h = keyed.Mix(h, keyed.Mix(kind, uint64(c.offset))^digest(c.data))
	}
	return h
}
