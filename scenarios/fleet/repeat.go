package fleet

import (
	"context"
	"encoding/json"
	"errors"
)

// repeat runs a range a second time, and compares the result with the first, which another
// worker has put. Two that differ are kept as a conflict.
func (w *Worker) repeat(ctx context.Context, c *Campaign, lease Lease, dir string) error {
	job := lease.Job()
	kept, err := w.Queue.Result(ctx, c, RangeKind, job.Key())
	if errors.Is(err, ErrNoResult) {
		return errNotMine // yet
	}
	if err != nil {
		return err
	}
	before, part, err := parseRange(kept, c, job.Range)
	if err == nil && w.leavesToOthers(ctx, c, lease, before.Worker) {
		return errNotMine
	}
	data, err := json.Marshal(&RangeResult{Worker: w.Name})
	if err != nil {
		return err
	}
	if part != nil { // or else the range has a trouble, which is told
		if err := w.runAgain(ctx, c, lease, dir, kept); err != nil {
			return w.giveUp(ctx, c, lease, err, &RangeResult{Worker: w.Name, Trouble: shorten(err.Error(), maxTrouble)})
		}
	}
	_, err = w.put(ctx, c, &job, data)
	return err
}

func (w *Worker) runAgain(ctx context.Context, c *Campaign, lease Lease, dir string, kept []byte) error {
	job := lease.Job()
	first, seeds := c.Range(job.Range)
	run, again, err := w.runAlone(ctx, dir, c, first, seeds, false)
	if err != nil {
		return err
	}
	mine, err := json.Marshal(&RangeResult{Worker: w.Name, State: run.State})
	if err != nil {
		return err
	}
	w.count(seeds)
	w.fair.charge(c, seeds)
	return w.compare(ctx, c, &job, again, kept, mine)
}
