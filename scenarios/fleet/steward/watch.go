package steward

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/fleet"
	"github.com/lockstep-dst/lockstep/scenarios/harness/board"
)

// Watch is the figures of the campaigns in progress and of the workers, as a board.Source.
// The steward fills it.
type Watch struct {
	mu      sync.Mutex
	running map[string]*running
	workers []board.Worker
}

// running is a campaign in progress. Only the goroutine of the steward reads its progress.
type running struct {
	live     *board.Live
	progress fleet.Progress
	next     time.Time // of the next look
}

// Running implements board.Source.
func (w *Watch) Running() (list []*board.Live) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(w.running)) {
		list = append(list, w.running[name].live)
	}
	return list
}

// Workers implements board.Source.
func (w *Watch) Workers() []board.Worker {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.workers
}

// Bounds of a look at a campaign: the time between two looks is so many times that of the
// last one, so that a large campaign takes no more of the queue than a small one.
const (
	maxNewResults = 500
	restFactor    = 20
)

// look brings the figures of a campaign up to date. now is the time of the round.
func (w *Watch) look(ctx context.Context, q fleet.Queue, c *fleet.Campaign, now time.Time) error {
	r := w.of(c)
	if now.Before(r.next) {
		return nil
	}
	begin := time.Now()
	if err := r.progress.Read(ctx, q, maxNewResults); err != nil {
		return err
	}
	stage, err := stageOf(ctx, q, c)
	if err != nil {
		return err
	}
	r.next = now.Add(restFactor * time.Since(begin))
	m, last, ok := r.progress.Merged()
	if !ok {
		return nil
	}
	record := recordOf(c, &m)
	record.Last, record.Seconds = last, now.Sub(c.Submitted).Seconds()
	if record.Seconds > 0 {
		record.SeedsPerSecond = float64(record.Seeds) / record.Seconds
	}
	left := time.Duration(float64(c.Seeds-record.Seeds) / max(record.SeedsPerSecond, 1e-9) * float64(time.Second))
	r.live.Stage(stage)
	r.live.Update(record, left, true)
	return nil
}

func (w *Watch) of(c *fleet.Campaign) *running {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.running == nil {
		w.running = map[string]*running{}
	}
	if w.running[c.Key()] == nil {
		w.running[c.Key()] = &running{live: board.NewLiveOf(c.Name, c.Seeds), progress: fleet.Progress{Campaign: c}}
	}
	return w.running[c.Key()]
}

// stageOf tells of the jobs of a campaign.
func stageOf(ctx context.Context, q fleet.Queue, c *fleet.Campaign) (string, error) {
	var texts []string
	for _, kind := range fleet.Kinds() {
		left, err := q.Left(ctx, c, kind)
		if err != nil {
			return "", err
		}
		if left != (fleet.Left{}) {
			texts = append(texts, fmt.Sprintf("%s: %d at work, %d wait", kind, left.Leased, left.Waiting))
		}
	}
	if len(texts) == 0 {
		return "ends", nil
	}
	slices.Reverse(texts) // the ranges first
	return strings.Join(texts, "; "), nil
}

// keep forgets the campaigns that are not in a list, as those that have ended.
func (w *Watch) keep(inProgress map[string]bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	maps.DeleteFunc(w.running, func(name string, _ *running) bool { return !inProgress[name] })
}

// drop forgets a campaign.
func (w *Watch) drop(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.running, name)
}

// lookAtWorkers brings the workers up to date. A worker was heard when its report changed.
func (w *Watch) lookAtWorkers(ctx context.Context, q fleet.Queue, now time.Time) error {
	all, err := q.Workers(ctx)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	before := map[string]board.Worker{}
	for _, o := range w.workers {
		before[o.Name] = o
	}
	w.workers = nil
	for _, s := range all {
		is := board.Worker{Name: s.Name, Build: s.Build, Now: s.Now, Since: s.Since, Seeds: s.Seeds, Jobs: s.Jobs, Heard: before[s.Name].Heard}
		if is != before[s.Name] {
			is.Heard = now.UTC()
		}
		w.workers = append(w.workers, is)
	}
	return nil
}

// recordOf returns the record of a campaign by its sum.
func recordOf(c *fleet.Campaign, m *campaign.Merged) board.Record {
	r := board.RecordOf(m)
	r.Build, r.Command = campaign.Build{Version: c.Build, Revision: c.Commit}, "lockstep fleet status "+c.Name
	return r
}
