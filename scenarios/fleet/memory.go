package fleet

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Memory is a Queue within one process.
type Memory struct {
	mu        sync.Mutex
	campaigns map[string]*Campaign
	jobs      map[jobName]*memoryJob
	order     uint64 // of the next job
	results   map[jobName][]byte
	programs  map[string][]byte
	workers   map[string]*WorkerStatus
	beats     map[string]time.Time
}

type jobName struct {
	campaign string // its key
	kind     Kind
	key      string
}

// memoryJob is a job that is not done.
type memoryJob struct {
	name       jobName
	job        Job
	order      uint64
	deliveries int
	leased     bool
	until      time.Time // when the lease, or the delay before the next, ends
}

// NewMemory returns an empty queue.
func NewMemory() *Memory {
	return &Memory{
		campaigns: map[string]*Campaign{}, jobs: map[jobName]*memoryJob{}, results: map[jobName][]byte{}, programs: map[string][]byte{},
		workers: map[string]*WorkerStatus{}, beats: map[string]time.Time{},
	}
}

// AddCampaign implements Queue.
func (m *Memory) AddCampaign(_ context.Context, c *Campaign) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if old := m.campaigns[c.Name]; old != nil {
		if err := old.CheckSame(c); err != nil {
			return err
		}
		c.ID = old.ID
		return nil
	}
	c.Identify()
	copied := *c
	m.campaigns[c.Name] = &copied
	return nil
}

// CheckSame returns ErrConflict if another order of the same name is not the same, and
// names the first field that differs.
func (c *Campaign) CheckSame(o *Campaign) error {
	old, err := c.order()
	if err != nil {
		return err
	}
	order, err := o.order()
	if err != nil {
		return err
	}
	for _, field := range slices.Sorted(maps.Keys(old)) {
		if a, b := old[field], order[field]; string(a) != string(b) {
			return fmt.Errorf("%w: its %s is %.100s, and not %.100s: give another name, or remove that one first", ErrConflict, field, a, b)
		}
	}
	return nil
}

// order returns the fields of a campaign that are those of its order, all of them.
func (c *Campaign) order() (fields map[string]json.RawMessage, err error) {
	o := *c
	o.ID, o.Submitted, o.Probe = "", time.Time{}, nil
	data, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	fields = map[string]json.RawMessage{}
	for _, field := range []string{"commit", "good", "program", "repeat"} { // which are left out if they are empty
		fields[field] = json.RawMessage("nothing")
	}
	return fields, json.Unmarshal(data, &fields)
}

// Campaigns implements Queue.
func (m *Memory) Campaigns(context.Context) (list []*Campaign, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(m.campaigns)) {
		list = append(list, m.campaigns[name])
	}
	return list, nil
}

// AddJobs implements Queue.
func (m *Memory) AddJobs(_ context.Context, c *Campaign, jobs []Job) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, j := range jobs {
		name := jobName{c.Key(), j.Kind, j.Key()}
		if m.jobs[name] == nil {
			m.jobs[name] = &memoryJob{name: name, job: j, order: m.order}
			m.order++
		}
	}
	return nil
}

// Take implements Queue. A job whose lease has ended comes before a new one.
func (m *Memory) Take(_ context.Context, c *Campaign, kind Kind) (Lease, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	var next *memoryJob
	for name, j := range m.jobs {
		if name.campaign == c.Key() && name.kind == kind && now.After(j.until) && (next == nil || before(j, next)) {
			next = j
		}
	}
	if next == nil {
		return nil, ErrNoJob
	}
	next.leased, next.until = true, now.Add(c.Lease)
	next.deliveries++
	return &memoryLease{m, next, next.deliveries, c.Lease}, nil
}

func before(a, b *memoryJob) bool {
	if (a.deliveries > 0) != (b.deliveries > 0) {
		return a.deliveries > 0
	}
	return cmp.Less(a.order, b.order)
}

// Put implements Queue.
func (m *Memory) Put(_ context.Context, c *Campaign, kind Kind, key string, result []byte) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name := jobName{c.Key(), kind, key}
	if _, ok := m.results[name]; !ok {
		m.results[name] = result
	}
	return m.results[name], nil
}

// Result implements Queue.
func (m *Memory) Result(_ context.Context, c *Campaign, kind Kind, key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if data, ok := m.results[jobName{c.Key(), kind, key}]; ok {
		return data, nil
	}
	return nil, ErrNoResult
}

// Results implements Queue.
func (m *Memory) Results(_ context.Context, c *Campaign, kind Kind, f func(string, []byte)) error {
	m.mu.Lock()
	results := maps.Clone(m.results)
	m.mu.Unlock()
	for name, data := range results {
		if name.campaign == c.Key() && name.kind == kind {
			f(name.key, data)
		}
	}
	return nil
}

// Done implements Queue.
func (m *Memory) Done(_ context.Context, c *Campaign, kind Kind) (keys []string, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name := range m.results {
		if name.campaign == c.Key() && name.kind == kind {
			keys = append(keys, name.key)
		}
	}
	return keys, nil
}

// PutProgram implements Queue.
func (m *Memory) PutProgram(_ context.Context, hash string, program io.Reader) error {
	data, err := io.ReadAll(program)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.programs[hash] == nil {
		m.programs[hash] = data
	}
	return nil
}

// Program implements Queue.
func (m *Memory) Program(_ context.Context, hash string) (io.ReadCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if data := m.programs[hash]; data != nil {
		return io.NopCloser(bytes.NewReader(data)), nil
	}
	return nil, ErrNoProgram
}

// Left implements Queue.
func (m *Memory) Left(_ context.Context, c *Campaign, kind Kind) (left Left, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	for name, j := range m.jobs {
		switch {
		case name.campaign != c.Key() || name.kind != kind:
		case j.leased && now.Before(j.until):
			left.Leased++
		default:
			left.Waiting++
		}
	}
	return left, nil
}

// Remove implements Queue.
func (m *Memory) Remove(_ context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.campaigns, name)
	used := Programs(slices.Collect(maps.Values(m.campaigns)))
	maps.DeleteFunc(m.programs, func(hash string, _ []byte) bool { return !used[hash] })
	maps.DeleteFunc(m.jobs, func(of jobName, _ *memoryJob) bool { return of.isOf(name) })
	maps.DeleteFunc(m.results, func(of jobName, _ []byte) bool { return of.isOf(name) })
	return nil
}

// isOf reports whether it is of a campaign of a name.
func (n jobName) isOf(campaign string) bool { return strings.HasPrefix(n.campaign, campaign+".") }

// beatTime is the time for which a queue tells of a worker.
const beatTime = time.Minute

// Beat implements Queue.
func (m *Memory) Beat(_ context.Context, w *WorkerStatus) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	copied := *w
	m.workers[w.Name], m.beats[w.Name] = &copied, time.Now()
	return nil
}

// Workers implements Queue.
func (m *Memory) Workers(context.Context) (list []*WorkerStatus, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(m.workers)) {
		if time.Since(m.beats[name]) < beatTime {
			list = append(list, m.workers[name])
		}
	}
	return list, nil
}

type memoryLease struct {
	queue    *Memory
	job      *memoryJob
	delivery int
	expiry   time.Duration
}

func (l *memoryLease) Job() Job              { return l.job.job }
func (l *memoryLease) Delivery() int         { return l.delivery }
func (l *memoryLease) Expiry() time.Duration { return l.expiry }

func (l *memoryLease) Extend(context.Context) error {
	l.queue.mu.Lock()
	defer l.queue.mu.Unlock()
	if l.job.deliveries == l.delivery {
		l.job.until = time.Now().Add(l.expiry)
	}
	return nil
}

func (l *memoryLease) Done(context.Context) error {
	l.queue.mu.Lock()
	defer l.queue.mu.Unlock()
	if l.queue.jobs[l.job.name] == l.job { // or else it was removed
		delete(l.queue.jobs, l.job.name)
	}
	return nil
}

func (l *memoryLease) Return(_ context.Context, delay time.Duration) error {
	l.queue.mu.Lock()
	defer l.queue.mu.Unlock()
	if l.job.deliveries == l.delivery {
		l.job.leased, l.job.until = false, time.Now().Add(delay)
	}
	return nil
}
