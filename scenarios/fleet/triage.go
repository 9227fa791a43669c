package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/lockstep-dst/lockstep/node/input"
)

// maxPlan bounds a plan in a result. A larger one is left out: the seed has it.
const maxPlan = 512 << 10

// triage runs the first failure of a signature once more, on another worker if there is
// one, and puts its plan, made small.
func (w *Worker) triage(ctx context.Context, c *Campaign, lease Lease, dir string) error {
	job := lease.Job()
	if w.leavesToOthers(ctx, c, lease, job.Finder) {
		return errNotMine
	}
	result := &TriageResult{Worker: w.Name, Job: job}
	run, part, err := w.runAlone(ctx, dir, c, job.Seed, 1, true)
	if err != nil {
		result.Trouble = shorten(err.Error(), maxTrouble)
		return w.giveUp(ctx, c, lease, err, result)
	}
	result.Hash, _ = part.Run(job.Seed)
	if groups := part.Summary().Groups; len(groups) > 0 {
		result.Signature = groups[0].Signature
	}
	result.Confirmed = result.Hash == job.Hash && result.Signature == job.Signature
	result.addFiles(run.Dir)
	data, err := json.Marshal(result)
	if err != nil {
		return err
	}
	_, err = w.put(ctx, c, &job, data)
	return err
}

// leavesToOthers reports whether a job is to be done by another worker than the one that
// did it first.
func (w *Worker) leavesToOthers(ctx context.Context, c *Campaign, lease Lease, first string) bool {
	if first != w.Name {
		return false
	}
	job := lease.Job()
	passed := w.ownFor(c, &job)
	return passed < minOwn*ownDelay(lease) || passed < maxOwn*ownDelay(lease) && w.hasOthers(ctx, c)
}

// How long a worker leaves its own job to others, in delays. The queue may not know of them
// yet, and all of them may be busy.
const (
	minOwn = 3
	maxOwn = 30
)

// ownDelay is the time before the next worker may have a job that is not this one's.
func ownDelay(lease Lease) time.Duration { return min(lease.Expiry()/5, 2*time.Second) }

// ownTime is the time after which a worker forgets that it has returned a job of its own.
const ownTime = 10 * time.Minute

// ownFor returns the time for which the worker has left a job to others.
func (w *Worker) ownFor(c *Campaign, job *Job) time.Duration {
	maps.DeleteFunc(w.own, func(_ string, since time.Time) bool { return time.Since(since) > ownTime })
	if w.own == nil {
		w.own = map[string]time.Time{}
	}
	name := fmt.Sprintf("%s.%s.%s", c.Key(), job.Kind, job.Key())
	if _, ok := w.own[name]; !ok {
		w.own[name] = time.Now()
	}
	return time.Since(w.own[name])
}

// hasOthers reports whether there is another worker for a campaign.
func (w *Worker) hasOthers(ctx context.Context, c *Campaign) bool {
	all, err := w.Queue.Workers(ctx)
	return err == nil && slices.ContainsFunc(all, func(o *WorkerStatus) bool {
		return o.Name != w.Name && (o.Build == c.Build || o.Accepts && c.Program != "")
	})
}

// errNotMine returns a job to the queue: another worker is to do it, or this one if there is
// no other, or later.
var errNotMine = errors.New("another worker is to do this")

// addFiles adds the plan and the verdict that the program has kept.
func (r *TriageResult) addFiles(dir string) {
	kept, err := os.ReadDir(dir)
	if err != nil {
		return // it did not fail
	}
	for _, d := range kept {
		if !d.IsDir() {
			continue
		}
		at := filepath.Join(dir, d.Name())
		if text, err := input.ReadFile(filepath.Join(at, "verdict.txt"), 64<<20); err == nil {
			r.Verdict = begin(string(text), maxVerdict)
		}
		for _, name := range []string{"shrunk.json", "plan.json"} {
			plan, err := input.ReadFile(filepath.Join(at, name), maxPlan)
			if err == nil {
				plan, err = json.Marshal(json.RawMessage(plan)) // in the form of the result
			}
			if err == nil && len(plan) <= maxPlan {
				r.Plan = plan
				return
			}
		}
	}
}
