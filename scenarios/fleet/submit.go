package fleet

import (
	"context"
	"strconv"
)

// Submit adds a campaign and the jobs of all ranges, and repetitions, that have no result. The same campaign
// again adds the jobs that were lost, if any, and nothing else. A campaign with a Program
// finds it in the queue, or gets it by SubmitProgram.
func Submit(ctx context.Context, q Queue, c *Campaign) error {
	return submit(ctx, q, c, func() error { return nil })
}

// SubmitProgram is Submit, and puts the program of the campaign into the queue.
func SubmitProgram(ctx context.Context, q Queue, c *Campaign, p *Program) error {
	return submit(ctx, q, c, func() error { return p.put(ctx, q) })
}

func submit(ctx context.Context, q Queue, c *Campaign, putProgram func() error) error {
	if err := c.Validate(); err != nil {
		return err
	}
	if err := putProgram(); err != nil {
		return err
	}
	if err := q.AddCampaign(ctx, c); err != nil {
		return err
	}
	if err := putProgram(); err != nil { // it may have been removed with another campaign; from now on this one keeps it
		return err
	}
	jobs, err := undone(ctx, q, c)
	if err != nil {
		return err
	}
	return q.AddJobs(ctx, c, jobs)
}

// AddLost adds the jobs of a campaign in the queue that have no result, also of triage: by
// its report, of a moment in which no job was left.
func AddLost(ctx context.Context, q Queue, c *Campaign, r *Report) error {
	jobs, err := undone(ctx, q, c)
	if err != nil {
		return err
	}
	return q.AddJobs(ctx, c, append(jobs, r.triageJobs(c)...))
}

// undone returns the jobs of all ranges, and repetitions, that have no result.
func undone(ctx context.Context, q Queue, c *Campaign) (jobs []Job, err error) {
	for _, kind := range []Kind{RangeKind, RepeatKind} {
		done, err := doneRanges(ctx, q, c, kind)
		if err != nil {
			return nil, err
		}
		for i := range c.Ranges() {
			if !done[i] && (kind == RangeKind || c.Repeats(i)) {
				jobs = append(jobs, Job{Campaign: c.Name, Kind: kind, Range: i})
			}
		}
	}
	return jobs, nil
}

// doneRanges returns the ranges that have a result of a kind.
func doneRanges(ctx context.Context, q Queue, c *Campaign, kind Kind) (map[int]bool, error) {
	keys, err := q.Done(ctx, c, kind)
	done := map[int]bool{}
	for _, key := range keys {
		if i, err := strconv.Atoi(key); err == nil {
			done[i] = true
		}
	}
	return done, err
}
