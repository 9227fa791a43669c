package lockstep

import (
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/stretchr/testify/require"
)

// with is the node with bugs in its runtime.
func with(plant func(*run)) scenarios.System {
	s := System()
	s.New = func(p *scenarios.Plan) scenarios.Run {
		r := newRun(p)
		plant(r)
		return r
	}
	return s
}

// hunt runs the plans of some seeds, changed by edit, and gives the first
// violation of each signature.
func hunt(t *testing.T, s scenarios.System, seeds uint64, edit func(*scenarios.Plan)) map[string]*campaign.Result {
	found := map[string]*campaign.Result{}
	c := campaign.Campaign{System: s, Shape: scenarios.Shape{Profile: scenarios.All}}
	for seed := range seeds {
		p := c.Plan(seed)
		edit(p)
		require.NoError(t, p.Validate(), seed)
		r, err := campaign.Run(t.Context(), s, p, campaign.Options{})
		require.NoError(t, err)
		if _, known := found[r.Signature()]; !known && r.Status == campaign.Violated {
			found[r.Signature()] = &r
		}
	}
	return found
}

func without(kinds ...scenarios.FaultKind) func(*scenarios.Plan) {
	return func(p *scenarios.Plan) {
		var rest []scenarios.Fault
		for _, f := range p.Faults {
			gone := false
			for _, k := range kinds {
				gone = gone || f.Kind == k
			}
			if !gone {
				rest = append(rest, f)
			}
		}
		p.Faults = rest
		if p.Heal.Exclusion == scenarios.StayPaused {
			p.Heal.Exclusion = scenarios.StayDown
		}
	}
}

func asTheyAre(*scenarios.Plan) {}

// A decoder that does not look at checksums takes damaged bytes for a message.
func TestADecoderWithoutChecksums(t *testing.T) {
	trusting := with(func(r *run) {
		r.line.reader = func(stream []byte) ([]byte, bool) {
			if len(stream) < 8 {
				return nil, false
			}
			length := int(stream[0]) | int(stream[1])<<8 | int(stream[2])<<16
			if len(stream) < 8+length {
				return nil, false
			}
			return stream[8 : 8+length], true
		}
	})
	found := hunt(t, trusting, 60, asTheyAre)
	require.Contains(t, found, "wire/damage-accepted")
	t.Log(found["wire/damage-accepted"].Sentence())
	require.Empty(t, hunt(t, trusting, 60, func(p *scenarios.Plan) {
		p.Network.Corrupt = 0
		for i := range p.Faults {
			if w := p.Faults[i].Profile; w != nil {
				w.Corrupt = 0
			}
		}
	}), "other faults do not show it")
}

// Without the oracle the same bug is seen later, and by somebody else; and what
// nobody can see any more is not made up.
func TestWithoutTheOracle(t *testing.T) {
	forgiving := with(func(r *run) { r.bug.forgiving, r.unwatched = true, true })
	for signature := range hunt(t, forgiving, 100, asTheyAre) {
		require.NotRegexp(t, "^(promises|ballots|durability|versions|outcomes|exactly-once|diligence|watch)/", signature)
	}
	require.Empty(t, hunt(t, Unwatched(), 60, asTheyAre))
}

// A runtime that takes a timer that is late for an old one never wakes again
// after a pause.
func TestARuntimeThatTrustsItsTimers(t *testing.T) {
	type timer struct {
		process *process
		token   uint64
	}
	trusting := with(func(r *run) {
		due := map[timer]scenarios.Duration{}
		r.bug.after = func(p *process, now scenarios.Duration, e *node.Effects) {
			for _, s := range e.Timers {
				due[timer{p, s.Token}] = max(due[timer{p, s.Token}], now+scenarios.Duration(s.After))
			}
		}
		r.bug.before = func(p *process, now scenarios.Duration, ev *sim.Event) bool {
			return ev.Kind == sim.Timer && now > due[timer{p, ev.Token}]+netmodel.Millisecond
		}
	})
	found := hunt(t, trusting, 150, asTheyAre)
	require.NotEmpty(t, found)
	for signature, r := range found {
		t.Log(signature, r.Sentence())
	}
	require.Empty(t, hunt(t, trusting, 150, without(scenarios.Pause, scenarios.Slow, scenarios.Freeze)), "other faults do not show it")
}

// Without the check of incarnations a wiped node votes again, for something else.
func TestAWipedNodeThatIsHeard(t *testing.T) {
	forgiving := with(func(r *run) { r.bug.forgiving = true })
	found := hunt(t, forgiving, 100, asTheyAre)
	require.NotEmpty(t, found)
	for signature, r := range found {
		t.Log(signature, r.Sentence())
	}
	require.Empty(t, hunt(t, forgiving, 100, without(scenarios.Wipe, scenarios.Rollback)), "other faults do not show it")
}

// Nodes that hardly wait, neither for answers nor between two rounds, and never
// longer for all their failures, give every round up before it can succeed. The
// verdict tells what their rounds did.
func TestNodesWithoutBackoff(t *testing.T) {
	p := scenarios.Generate(1, scenarios.Shape{
		System: "lockstep", Definitions: System().Definitions, Profile: scenarios.None, Nodes: 3, Clients: 1, Operations: 1,
	})
	p.Knobs.RepairDelay = 2 * p.Heal.Delay
	p.Heal.Within, p.Heal.Settle = 300*netmodel.Millisecond, 100*netmodel.Millisecond
	r, err := campaign.Run(t.Context(), System(), p, campaign.Options{})
	require.NoError(t, err)
	require.Equal(t, campaign.Passed, r.Status, r.Sentence())

	hasty := with(func(r *run) {
		r.bug.config = func(c *node.Config) { c.ResendTimeout = time.Duration(p.Heal.Delay) / 32 } // doubled five times at most
	})
	r, err = campaign.Run(t.Context(), hasty, p, campaign.Options{})
	require.NoError(t, err)
	require.Equal(t, "liveness/fresh-operation-stuck", r.Signature(), r.Sentence())
	require.Contains(t, r.Sentence(), "; the last rounds were\n")
	require.Regexp(t, `begins to prepare .*\n.*gives .* up: \d+ attempts, refused by 0`, r.Sentence())
	t.Log(r.Sentence())
}

// blind is a run whose invariants nobody looks at: what its clients see must show.
type blind struct{ *run }

func (b blind) Observe(at scenarios.Duration, id sim.ID, f sim.Observation) *scenarios.Violation {
	return nil
}
func (b blind) Repaired(scenarios.Duration) *scenarios.Violation             { return nil }
func (b blind) Agree(scenarios.Duration) *scenarios.Violation                { return nil }
func (b blind) CoreAgrees(scenarios.Duration, []sim.ID) *scenarios.Violation { return nil }

// All members know each other's logs from when the cluster was formed: a wiped node
// and a member that has never heard of it are no majority that knows nothing.
func TestAWipedNodeAndAMemberThatHasNeverMetIt(t *testing.T) {
	require.NotZero(t, lostUpdates(t, true), "where a new log passes for the old one")
	require.Zero(t, lostUpdates(t, false))
}

// lostUpdates counts the plans in which clients see that a wiped node has forgotten
// what it promised: node 3 is away at first, and so is node 2 when node 1 comes back.
func lostUpdates(t *testing.T, forgiving bool) (n int) {
	s := System()
	s.New = func(p *scenarios.Plan) scenarios.Run {
		r := newRun(p)
		r.bug.forgiving = forgiving
		return blind{r}
	}
	c := campaign.Campaign{System: s, Shape: scenarios.Shape{Profile: scenarios.None, Nodes: 3, Clients: 3, Operations: 40}}
	for seed := range uint64(40) {
		p := c.Plan(seed)
		storm := p.Heal.At
		p.Heal.Excluded = nil
		p.Faults = []scenarios.Fault{
			{At: 0, For: storm / 3, Kind: scenarios.Partition, Groups: [][]sim.ID{{3}, {1, 2}}},
			{At: storm / 3, For: storm / 6, Kind: scenarios.Wipe, Nodes: []sim.ID{1}},
			{At: storm / 3, For: storm, Kind: scenarios.Partition, Groups: [][]sim.ID{{2}, {1, 3}}},
		}
		require.NoError(t, p.Validate())
		r, err := campaign.Run(t.Context(), s, p, campaign.Options{})
		require.NoError(t, err)
		if r.Status == campaign.Violated && r.Violation.Property == "linearizability" {
			n++
		}
	}
	return n
}
