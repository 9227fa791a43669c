package fleet

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/campaign"
)

// Worker runs jobs until its context ends.
type Worker struct {
	Name     string
	Queue    Queue
	Program  *Program      // of its own; nil: only programs of the queue are run
	Accepted *Accepted     // programs of the queue; nil: none is run
	Dir      string        // for temporary files
	Idle     time.Duration // between two looks when there is no job; 0: two seconds
	Log      *slog.Logger

	fair     fairness
	list     []*Campaign         // that it has a program for
	programs map[string]*Program // by campaign
	listed   time.Time
	refused  map[string]string    // why a campaign is left to others, as it was told
	own      map[string]time.Time // since when a job that others are to do was returned
	failed   int                  // jobs one after the other

	processes map[*Program]*process
	process   *process // the one of processes that has run the last range; nil: none has

	mu     sync.Mutex
	status WorkerStatus
}

// Intervals of a worker.
const (
	listInterval = 5 * time.Second
	beatInterval = 10 * time.Second
	idleInterval = 2 * time.Second
	maxBackOff   = 5 // idle intervals, after jobs that failed
)

// Run runs jobs. The error is that of the context.
func (w *Worker) Run(ctx context.Context) error {
	w.refused = map[string]string{}
	w.status = WorkerStatus{Name: w.Name, Accepts: w.Accepted != nil, Since: time.Now().UTC()}
	if w.Program != nil {
		w.status.Build = w.Program.Build
	}
	w.tell(ctx, "idle")
	defer w.endProcess()
	done := make(chan struct{})
	defer func() { <-done }()
	beating, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		defer close(done)
		w.beat(beating)
	}()
	for ctx.Err() == nil {
		c, lease, err := w.take(ctx)
		switch {
		case err == nil:
			if w.do(ctx, c, lease) {
				w.failed = 0
			} else {
				w.backOff(ctx)
			}
			continue
		case !errors.Is(err, ErrNoJob) && ctx.Err() == nil:
			w.Log.Warn("no job could be taken from the queue", "error", err)
		}
		w.endProcess() // it holds memory
		pause(ctx, cmp.Or(w.Idle, idleInterval))
	}
	return ctx.Err()
}

// backOff leaves the next jobs to others, after one that failed: maybe only this machine is not
// well.
func (w *Worker) backOff(ctx context.Context) {
	w.failed = min(w.failed+1, maxBackOff)
	w.tell(ctx, "waits, after a job that failed")
	pause(ctx, time.Duration(w.failed)*cmp.Or(w.Idle, idleInterval))
	w.tell(ctx, "idle")
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// take leases the next job: triage first, and then the campaign that has had the least.
func (w *Worker) take(ctx context.Context) (*Campaign, Lease, error) {
	if err := w.refresh(ctx); err != nil {
		return nil, nil, err
	}
	order := w.fair.order(w.list)
	for _, kind := range Kinds() {
		for i, c := range order {
			lease, err := w.takeJob(ctx, c, kind)
			if errors.Is(err, ErrNoJob) {
				continue
			}
			if err == nil && kind == RangeKind {
				for _, idle := range order[:i] {
					w.fair.skip(idle, c)
				}
			}
			return c, lease, err
		}
	}
	return nil, nil, ErrNoJob
}

// maxBadJobs bounds the messages that are no jobs which are passed over at a time.
const maxBadJobs = 100

// takeJob leases a job of a kind, and passes over messages that are none.
func (w *Worker) takeJob(ctx context.Context, c *Campaign, kind Kind) (lease Lease, err error) {
	for range maxBadJobs {
		if lease, err = w.Queue.Take(ctx, c, kind); !errors.Is(err, ErrJob) {
			return lease, err
		}
		w.Log.Warn("a message that is no job was taken out of the queue", "campaign", c.Name, "kind", kind, "error", err)
	}
	return nil, ErrNoJob
}

// refresh lists the campaigns that the worker has a program for, and says once of each
// other one why it is left to other workers.
func (w *Worker) refresh(ctx context.Context) error {
	if time.Since(w.listed) < min(cmp.Or(w.Idle, listInterval), listInterval) {
		return nil
	}
	all, err := w.Queue.Campaigns(ctx)
	if err != nil {
		return err
	}
	w.listed, w.list, w.programs = time.Now(), nil, map[string]*Program{}
	for _, c := range all {
		p, err := w.programFor(ctx, c)
		if err == nil {
			w.list, w.programs[c.Name] = append(w.list, c), p
			delete(w.refused, c.Name)
		} else if text := err.Error(); w.refused[c.Name] != text && ctx.Err() == nil {
			w.refused[c.Name] = text
			w.Log.Warn(fmt.Sprintf("campaign %s is left to other workers: %s", c.Name, text))
		}
	}
	return nil
}

// programFor returns the program that runs a campaign: the worker's own, or one of the queue.
func (w *Worker) programFor(ctx context.Context, c *Campaign) (*Program, error) {
	switch {
	case w.Program != nil && w.Program.Build == c.Build:
		return w.Program, nil
	case w.Accepted != nil && c.Program != "":
		return w.Accepted.program(ctx, w.Queue, c.Program)
	case w.Program == nil:
		return nil, fmt.Errorf("%w: it is of build %s, and the queue does not have its program: submit it with --send-program, or give --binary", errBuild, c.Build)
	}
	return nil, fmt.Errorf("%w: it is of build %s, and this worker has %s: give --binary a copy of the file with which it was submitted", errBuild, c.Build, w.Program.Build)
}

// errBuild is wrapped by errors about a campaign that a worker has no program for.
var errBuild = errors.New("another build")

// do does a job, and keeps its lease meanwhile. ok is false if it failed.
func (w *Worker) do(ctx context.Context, c *Campaign, lease Lease) (ok bool) {
	job := lease.Job()
	w.tell(ctx, fmt.Sprintf("%s %s/%s", job.Kind, c.Name, job.Key()))
	defer w.tell(ctx, "idle")
	keeping, stop := context.WithCancel(ctx)
	var kept sync.WaitGroup
	kept.Go(func() { w.keep(keeping, lease) })
	err := w.result(ctx, c, lease)
	stop()
	kept.Wait()
	after := context.WithoutCancel(ctx)
	ok = err == nil || ctx.Err() != nil || errors.Is(err, errNotMine)
	switch {
	case err == nil:
		err = lease.Done(after)
	case ctx.Err() != nil:
		err = lease.Return(after, 0)
	case errors.Is(err, errNotMine):
		err = lease.Return(after, ownDelay(lease))
	default:
		w.Log.Warn("a job failed", "campaign", c.Name, "kind", job.Kind, "key", job.Key(), "error", err)
		err = lease.Return(after, lease.Expiry()/10)
	}
	if err != nil {
		w.Log.Warn("the queue was not told of the end of a job: another worker will do it once more", "campaign", c.Name, "key", job.Key(), "error", err)
	}
	return ok
}

// keep extends a lease until ctx ends.
func (w *Worker) keep(ctx context.Context, lease Lease) {
	for t := time.NewTicker(lease.Expiry() / 4); ; {
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
			if err := lease.Extend(ctx); err != nil && ctx.Err() == nil {
				w.Log.Warn("a lease was not extended", "error", err)
			}
		}
	}
}

// result brings about the result of a job. If it is there already, nothing is run.
func (w *Worker) result(ctx context.Context, c *Campaign, lease Lease) error {
	job := lease.Job()
	_, err := w.Queue.Result(ctx, c, job.Kind, job.Key())
	if err == nil || !errors.Is(err, ErrNoResult) {
		return err
	}
	dir, err := os.MkdirTemp(w.Dir, "lockstep-fleet-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if dir, err = filepath.Abs(dir); err != nil { // the program runs in it
		return err
	}
	switch job.Kind {
	case TriageKind:
		return w.triage(ctx, c, lease, dir)
	case RepeatKind:
		return w.repeat(ctx, c, lease, dir)
	}
	return w.runRange(ctx, c, lease, dir)
}

// runRange runs a range, puts its result, and asks for the triage of its failures.
func (w *Worker) runRange(ctx context.Context, c *Campaign, lease Lease, dir string) error {
	job := lease.Job()
	first, seeds := c.Range(job.Range)
	run, part, err := w.runSeeds(ctx, dir, c, first, seeds)
	if err != nil {
		return w.giveUp(ctx, c, lease, err, &RangeResult{Worker: w.Name, Trouble: shorten(err.Error(), maxTrouble)})
	}
	mine, err := json.Marshal(&RangeResult{Worker: w.Name, State: run.State})
	if err != nil {
		return err
	}
	if err := w.ask(ctx, c, part, &job); err != nil { // before the result, or else it may be left undone
		return err
	}
	kept, err := w.put(ctx, c, &job, mine)
	if err != nil {
		return err
	}
	w.count(seeds)
	w.fair.charge(c, seeds)
	return w.compare(ctx, c, &job, part, kept, mine)
}

// runSeeds runs a range in the worker's process, which goes from range to range. After one
// that has failed there is another process.
func (w *Worker) runSeeds(ctx context.Context, dir string, c *Campaign, first, seeds uint64) (*seedRun, *campaign.Part, error) {
	p := w.programs[c.Name]
	if w.processes == nil {
		w.processes = map[*Program]*process{}
	}
	if w.processes[p] == nil {
		w.processes[p] = &process{program: p}
	}
	if w.process != w.processes[p] { // one at a time holds memory
		w.endProcess()
		w.process = w.processes[p]
	}
	run, part, err := p.run(ctx, w.process.exec, dir, c, first, seeds, false)
	if err != nil {
		w.endProcess()
	}
	return run, part, err
}

// runAlone runs seeds of a campaign in a process that has run nothing before: what a program
// keeps from earlier seeds shows as a difference.
func (w *Worker) runAlone(ctx context.Context, dir string, c *Campaign, first, seeds uint64, shrink bool) (*seedRun, *campaign.Part, error) {
	p := w.programs[c.Name]
	return p.run(ctx, p.exec, dir, c, first, seeds, shrink)
}

// endProcess ends the process that runs ranges, if there is one.
func (w *Worker) endProcess() {
	if w.process != nil {
		w.process.end()
	}
}

// putTries is how often a worker tries to put a result, which has taken it some time.
const putTries = 10

// put puts a result, also to a queue that is away for a while.
func (w *Worker) put(ctx context.Context, c *Campaign, job *Job, data []byte) (kept []byte, err error) {
	for range putTries {
		kept, err = w.Queue.Put(ctx, c, job.Kind, job.Key(), data)
		if err == nil || errors.Is(err, ErrResult) || ctx.Err() != nil {
			break
		}
		pause(ctx, time.Second)
	}
	return kept, err
}

// compare compares the result of a range with the one that is kept, which may be of
// another worker: two that differ are a finding. One that was given up, or is garbage, is told as
// the trouble of the range.
func (w *Worker) compare(ctx context.Context, c *Campaign, job *Job, part *campaign.Part, kept, mine []byte) error {
	_, first, err := parseRange(kept, c, job.Range)
	if err != nil || first == nil || first.SameRuns(part) {
		return nil
	}
	_, err = w.Queue.Put(ctx, c, conflictKind, job.Key(), mine)
	return err
}

// ask adds a job of triage for each signature that has no result of one.
func (w *Worker) ask(ctx context.Context, c *Campaign, part *campaign.Part, job *Job) error {
	var jobs []Job
	for _, g := range part.Summary().Groups {
		if !isRepeated(g.Signature) {
			continue
		}
		_, err := w.Queue.Result(ctx, c, TriageKind, SignatureKey(g.Signature))
		if err == nil {
			continue
		}
		if !errors.Is(err, ErrNoResult) {
			return err
		}
		hash, _ := part.Run(g.First)
		jobs = append(jobs, Job{Campaign: c.Name, Kind: TriageKind, Range: job.Range, Signature: g.Signature, Seed: g.First, Hash: hash, Finder: w.Name})
	}
	return w.Queue.AddJobs(ctx, c, jobs)
}

func (w *Worker) count(seeds uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status.Seeds += seeds
	w.status.Jobs++
}

// tell tells the queue of the worker's work.
func (w *Worker) tell(ctx context.Context, now string) {
	w.mu.Lock()
	w.status.Now = now
	status := w.status
	w.mu.Unlock()
	if err := w.Queue.Beat(context.WithoutCancel(ctx), &status); err != nil {
		w.Log.Debug("the queue was not told of this worker", "error", err)
	}
}

// beat tells the queue again while a job goes on.
func (w *Worker) beat(ctx context.Context) {
	for t := time.NewTicker(beatInterval); ; {
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
			w.mu.Lock()
			now := w.status.Now
			w.mu.Unlock()
			w.tell(ctx, now)
		}
	}
}

// ValidName reports whether a worker may have a name.
func ValidName(name string) bool {
	return name != "" && len(name) <= maxWorkerName && !strings.ContainsFunc(name, func(r rune) bool {
		return !slices.Contains([]rune("-_."), r) && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}
