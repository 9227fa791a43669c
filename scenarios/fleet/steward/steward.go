package steward

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/fleet"
	"github.com/lockstep-dst/lockstep/scenarios/harness/board"
)

// Steward looks after the campaigns of a queue. There is to be one for each.
type Steward struct {
	Queue      fleet.Queue
	Out        string                                     // folder for the results of campaigns
	Canary     *fleet.Program                             // that has the system canary; nil: none is sent
	Tell       func(ctx context.Context, e *Ending) error // of each campaign that has ended; nil: nothing is told
	Watch      *Watch                                     // that is filled; nil: none
	Repository *Repository                                // with the source of the programs; nil: no failure is traced back to a commit
	Every      time.Duration                              // between two looks; 0: five seconds
	Log        *slog.Logger

	settled map[string]bool // campaigns of the queue that have ended, by key
	canary  string          // the name of the last one that was sent
}

// Ending is a campaign that has ended.
type Ending struct {
	*fleet.Report
	Standings []board.Standing `json:"standings,omitempty"` // new, ongoing, gone and regressed failures
	Culprits  []Culprit        `json:"culprits,omitempty"`  // commits that brought failures
	Alarm     string           `json:"alarm,omitempty"`     // the fleet does not work as it should

	plans string // as of its record
}

// Run looks after the queue until ctx ends.
func (s *Steward) Run(ctx context.Context) {
	for ctx.Err() == nil {
		if err := s.Round(ctx, time.Now()); err != nil && ctx.Err() == nil {
			s.Log.Warn("the fleet cannot be looked after", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(cmp.Or(s.Every, 5*time.Second)):
		}
	}
}

// Round looks at all campaigns once.
func (s *Steward) Round(ctx context.Context, now time.Time) error {
	campaigns, err := s.Queue.Campaigns(ctx)
	if err != nil {
		return err
	}
	slices.SortStableFunc(campaigns, func(a, b *fleet.Campaign) int { return a.Submitted.Compare(b.Submitted) }) // that of their records
	s.forget(campaigns)
	errs := s.each(campaigns, func(c *fleet.Campaign) error { return s.look(ctx, c) })
	s.sendCanary(ctx, now, campaigns)
	return errors.Join(errs, s.fillWatch(ctx, campaigns, now))
}

// each does something with each campaign. One that cannot be looked after does not keep the
// others from it, whatever its results are.
func (s *Steward) each(campaigns []*fleet.Campaign, do func(*fleet.Campaign) error) error {
	var errs []error
	for _, c := range campaigns {
		if err := safely(c, do); err != nil && !errors.Is(err, fleet.ErrRemoved) {
			errs = append(errs, fmt.Errorf("campaign %s: %w", c.Name, err))
		}
	}
	return errors.Join(errs...)
}

// errPanic is wrapped by the error about a campaign with results that have led to a panic.
var errPanic = errors.New("a defect of the steward: remove the campaign to be rid of it")

func safely(c *fleet.Campaign, do func(*fleet.Campaign) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v\n%s", errPanic, p, debug.Stack())
		}
	}()
	return do(c)
}

// forget forgets the campaigns that were removed.
func (s *Steward) forget(campaigns []*fleet.Campaign) {
	there := map[string]bool{}
	for _, c := range campaigns {
		there[c.Key()] = true
	}
	maps.DeleteFunc(s.settled, func(key string, _ bool) bool { return !there[key] })
}

// fillWatch brings the figures of the campaigns in progress up to date.
func (s *Steward) fillWatch(ctx context.Context, campaigns []*fleet.Campaign, now time.Time) error {
	if s.Watch == nil {
		return nil
	}
	inProgress := map[string]bool{}
	errs := s.each(campaigns, func(c *fleet.Campaign) error {
		if s.settled[c.Key()] {
			return nil
		}
		inProgress[c.Key()] = true
		return s.Watch.look(ctx, s.Queue, c, now)
	})
	s.Watch.keep(inProgress)
	return errors.Join(errs, s.Watch.lookAtWorkers(ctx, s.Queue, now))
}

// look looks at a campaign that has not ended. Its results are read only when no job is
// left, since they are many.
func (s *Steward) look(ctx context.Context, c *fleet.Campaign) error {
	if s.settled[c.Key()] {
		return nil
	}
	if s.wasKept(c) { // by an earlier process
		s.settle(c)
		return nil
	}
	for _, kind := range fleet.Kinds() {
		if left, err := s.Queue.Left(ctx, c, kind); err != nil || left != (fleet.Left{}) {
			return err
		}
	}
	r, err := fleet.Read(ctx, s.Queue, c)
	switch {
	case err != nil:
		return err
	case r.Lost > 0:
		s.Log.Warn("the queue has lost jobs, which are added again", "campaign", c.Name, "jobs", r.Lost)
		return fleet.AddLost(ctx, s.Queue, c, r)
	case !r.Settled():
		return nil
	}
	return s.end(ctx, c, r)
}

func (s *Steward) settle(c *fleet.Campaign) {
	if s.settled == nil {
		s.settled = map[string]bool{}
	}
	s.settled[c.Key()] = true
}

// wasKept reports whether the last file of a campaign was kept.
func (s *Steward) wasKept(c *fleet.Campaign) bool {
	return slices.ContainsFunc([]string{s.stateFile(c), s.noStateFile(c)}, func(name string) bool {
		info, err := os.Stat(name)
		return err == nil && info.Mode().IsRegular()
	})
}

// stateFile is the last file that is kept of a campaign, and noStateFile the one in its place
// if it has no state.
func (s *Steward) stateFile(c *fleet.Campaign) string {
	return filepath.Join(s.Out, c.Key()+".state.json")
}

func (s *Steward) noStateFile(c *fleet.Campaign) string {
	return filepath.Join(s.Out, c.Key()+".no-state.txt")
}

// end keeps the results of a campaign, and tells of it. It is tried again until all is
// kept.
func (s *Steward) end(ctx context.Context, c *fleet.Campaign, r *fleet.Report) error {
	e := &Ending{Report: r}
	if s.Watch != nil {
		s.Watch.drop(c.Key()) // before there is a record of it
	}
	if IsCanary(c.Name) {
		e.Alarm = canaryAlarm(r)
	} else if err := s.keep(c, e); err != nil {
		return err
	}
	s.settle(c)
	s.trace(ctx, c, e)
	level := slog.LevelInfo
	if e.Alarm != "" {
		level = slog.LevelError
	}
	s.Log.Log(ctx, level, "a campaign has ended", "campaign", c.Name, "verdict", r.Verdict, "seeds", r.Seeds, "failed", r.Failed, "alarm", e.Alarm)
	if s.Tell != nil && (!IsCanary(c.Name) || e.Alarm != "") {
		if err := s.Tell(ctx, e); err != nil {
			s.Log.Warn("nobody was told of the end of a campaign", "campaign", c.Name, "error", err)
		}
	}
	if IsCanary(c.Name) {
		return s.Queue.Remove(ctx, c.Name)
	}
	return nil
}
