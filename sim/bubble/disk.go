package bubble

import (
	"cmp"
	"errors"
	"io/fs"
	"slices"
	"syscall"

	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/disk"
)

// diskQueue turns blocking calls of goroutines into requests of a simulated disk.
// The lock of the host guards it. Reads take no time, but they too are carried out by
// the driver.
type diskQueue struct {
	disk   disk.View
	fresh  []*diskCall          // since the last step
	reads  []*diskRead          // since the last step
	flying map[uint64]*diskCall // by token
	tokens uint64
}

// diskCall is a request that a goroutine waits for.
type diskCall struct {
	request disk.Request
	err     error
	done    chan struct{}
}

// diskRead is a read that a goroutine waits for. do is called with the disk.
type diskRead struct {
	do   func(disk.View)
	done chan struct{}
}

// request starts a request. The caller then waits, without the lock.
func (h *Host) request(r disk.Request) *diskCall {
	c := &diskCall{request: r, done: make(chan struct{})}
	if h.crashed {
		c.err = ErrCrashed
		close(c.done)
		return c
	}
	h.disk.fresh = append(h.disk.fresh, c)
	h.touch()
	return c
}

// wait waits until c is done, without the lock of the host.
func (c *diskCall) wait() error {
	<-c.done
	return c.err
}

// view has do see the disk. The caller does not have the lock, and do has it.
func (h *Host) view(do func(disk.View)) error {
	r := &diskRead{do, make(chan struct{})}
	h.mu.Lock()
	if h.crashed {
		h.mu.Unlock()
		return ErrCrashed
	}
	h.disk.reads = append(h.disk.reads, r)
	h.touch()
	h.mu.Unlock()
	<-r.done
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.crashed {
		return ErrCrashed
	}
	return nil
}

// serveReads carries out the reads, and reports whether there were any.
func (q *diskQueue) serveReads() bool {
	reads := q.reads
	q.reads = nil
	for _, r := range reads {
		r.do(q.disk)
		close(r.done)
	}
	return len(reads) > 0
}

// emit submits the requests. They come from different goroutines, so any order is
// right; by name and offset it is the same in every run.
func (q *diskQueue) emit(out *sim.Effects) {
	slices.SortStableFunc(q.fresh, func(a, b *diskCall) int {
		x, y := &a.request, &b.request
		return cmp.Or(cmp.Compare(x.File, y.File), cmp.Compare(x.Offset, y.Offset), cmp.Compare(x.Op, y.Op), cmp.Compare(x.To, y.To))
	})
	for _, c := range q.fresh {
		q.tokens++
		c.request.Token = q.tokens
		if q.flying == nil {
			q.flying = map[uint64]*diskCall{}
		}
		q.flying[q.tokens] = c
		out.Disk(c.request)
	}
	q.fresh = nil
}

// done takes the completion of a request.
func (q *diskQueue) done(token uint64, err error) {
	c := q.flying[token]
	delete(q.flying, token)
	c.err = err
	close(c.done)
}

// crash ends all calls.
func (q *diskQueue) crash() {
	for _, token := range sortedKeys(q.flying) {
		q.done(token, ErrCrashed)
	}
	for _, c := range q.fresh {
		c.err = ErrCrashed
		close(c.done)
	}
	for _, r := range q.reads {
		close(r.done)
	}
	q.fresh, q.reads = nil, nil
}

// diskError returns an error of a simulated disk as the operating system spells it.
func diskError(err error) error {
	switch {
	case errors.Is(err, disk.ErrNoFile):
		return fs.ErrNotExist
	case errors.Is(err, disk.ErrIO):
		return syscall.EIO
	case errors.Is(err, disk.ErrFull):
		return syscall.ENOSPC
	}
	return err
}
