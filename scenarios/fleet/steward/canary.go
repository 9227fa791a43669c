package steward

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/fleet"
)

// The canary is a campaign of the system canary, which fails: a fleet that does not say so
// would not tell of other failures either.
const (
	canaryPrefix = "canary-"
	canarySeeds  = 200
	canaryRange  = 50
)

// IsCanary reports whether a name is that of a canary.
func IsCanary(name string) bool { return strings.HasPrefix(name, canaryPrefix) }

// canaryAlarm says why the end of a canary is not the right one, or nothing.
func canaryAlarm(r *fleet.Report) string {
	switch {
	case r.Verdict != fleet.Failed:
		return fmt.Sprintf("the canary was to fail, and its verdict is %q: trust no campaign of this fleet", r.Verdict)
	case r.Seeds != canarySeeds || !slices.ContainsFunc(r.Findings, isConfirmed) || slices.ContainsFunc(r.Findings, isLeftOut):
		return "the failures of the canary were not repeated: trust no campaign of this fleet"
	}
	return ""
}

func isConfirmed(f fleet.Finding) bool { return f.Triage != nil && f.Triage.Confirmed }

// isLeftOut reports whether a failure was to be repeated, and was not.
func isLeftOut(f fleet.Finding) bool { return f.IsRepeated() && !isConfirmed(f) }

// sendCanary submits the canary of this hour, once. One of another hour in the queue that has
// not ended, also one of an earlier process, is an alarm: no worker has run it.
func (s *Steward) sendCanary(ctx context.Context, now time.Time, campaigns []*fleet.Campaign) {
	name := canaryPrefix + now.UTC().Format("2006-01-02-15")
	if s.Canary == nil || s.canary == name {
		return
	}
	s.canary = name
	for _, c := range campaigns {
		if !IsCanary(c.Name) || c.Name == name {
			continue
		}
		if !s.settled[c.Key()] {
			s.Log.Error("the canary of an hour before has not ended: is there a worker with its build?", "campaign", c.Name, "build", c.Build)
		}
		if err := s.Queue.Remove(ctx, c.Name); err != nil {
			s.Log.Warn("a canary was not removed", "campaign", c.Name, "error", err)
		}
	}
	if err := s.submitCanary(ctx, name, now); err != nil {
		s.Log.Error("no canary was sent in this hour", "error", err)
	}
}

func (s *Steward) submitCanary(ctx context.Context, name string, now time.Time) error {
	dir, err := os.MkdirTemp("", "lockstep-fleet-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	c := &fleet.Campaign{
		Name: name, Build: s.Canary.Build, Plans: fleet.Plans{System: "canary"}, Seeds: canarySeeds, RangeSeeds: canaryRange, Guard: 2,
		CheckTimeout: campaign.DefaultCheckTimeout, Weight: fleet.MaxWeight, Lease: fleet.DefaultLease, Submitted: now.UTC(),
	}
	if c.Probe, err = s.Canary.Probe(ctx, dir, c); err != nil {
		return err
	}
	return fleet.Submit(ctx, s.Queue, c)
}
