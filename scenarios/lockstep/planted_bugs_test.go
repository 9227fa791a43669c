package lockstep

import (
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/stretchr/testify/require"
)

// withBug returns the system with a bug in the runtime of its nodes.
func withBug(plant func(*run)) scenarios.System {
	s := System()
	s.New = func(p *scenarios.Plan) scenarios.Run {
		r := newRun(p)
		plant(r)
		return r
	}
	return s
}

// findViolations runs the plans of some seeds, changed by edit. It returns the first
// violation of each signature.
func findViolations(t *testing.T, s scenarios.System, seeds uint64, edit func(*scenarios.Plan)) map[string]*play.Result {
	found := map[string]*play.Result{}
	c := campaign.Campaign{System: s, Shape: scenarios.Shape{Profile: scenarios.All}}
	for seed := range seeds {
		p := c.Plan(seed)
		edit(p)
		require.NoError(t, p.Validate(), seed)
		r, err := play.Run(t.Context(), s, p, play.Options{})
		require.NoError(t, err)
		if _, known := found[r.Signature()]; !known && r.Status == play.Violated {
			found[r.Signature()] = &r
		}
	}
	return found
}

func withoutFaults(kinds ...scenarios.FaultKind) func(*scenarios.Plan) {
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

func unedited(*scenarios.Plan) {}

// trustingRun is a run in which damaged bytes reach a decoder that ignores checksums.
type trustingRun struct{ *run }

// Corrupt implements scenarios.MessageCodec.
func (b trustingRun) Corrupt(m sim.Message, cut bool, k keyed.Key) string {
	e, ok := m.(*envelope)
	if !ok || onlyForClients(e.Message) {
		return ""
	}
	taken := b.pipe.corrupt(b.codecOf(e), e.Message, cut, k, func(stream []byte) ([]byte, bool) {
		if len(stream) < 8 {
			return nil, false
		}
		length := int(stream[0]) | int(stream[1])<<8 | int(stream[2])<<16
		if len(stream) < 8+length {
			return nil, false
		}
		return stream[8 : 8+length], true
	})
	if taken == nil {
		return ""
	}
	return taken.String()
}

// A decoder that ignores checksums decodes damaged bytes as a message.
func TestADecoderWithoutChecksums(t *testing.T) {
	trusting := System()
	trusting.New = func(p *scenarios.Plan) scenarios.Run { return trustingRun{newRun(p)} }
	found := findViolations(t, trusting, 60, unedited)
	require.Contains(t, found, "wire/damage-accepted")
	t.Log(found["wire/damage-accepted"].Sentence())
	require.Empty(t, findViolations(t, trusting, 60, func(p *scenarios.Plan) {
		p.Network.Corrupt = 0
		for i := range p.Faults {
			if w := p.Faults[i].Profile; w != nil {
				w.Corrupt = 0
			}
		}
	}), "other faults do not show it")
}

// Without the oracle the same bug is found later, by other checks. The checks that need
// the oracle report nothing.
func TestWithoutTheOracle(t *testing.T) {
	forgiving := withBug(func(r *run) { r.bug.keepsIncarnation, r.noOracle = true, true })
	for signature := range findViolations(t, forgiving, 100, unedited) {
		require.NotRegexp(t, "^(promises|ballots|durability|versions|outcomes|exactly-once|progress|watch)/", signature)
	}
	require.Empty(t, findViolations(t, WithoutOracle(), 60, unedited))
}

// Without the check of incarnations a wiped node votes again, for another value.
func TestAWipedNodeThatIsHeard(t *testing.T) {
	forgiving := withBug(func(r *run) { r.bug.keepsIncarnation = true })
	found := findViolations(t, forgiving, 100, unedited)
	require.NotEmpty(t, found)
	for signature, r := range found {
		t.Log(signature, r.Sentence())
	}
	require.Empty(t, findViolations(t, forgiving, 100, withoutFaults(scenarios.Wipe, scenarios.Rollback)), "other faults do not show it")
}

// Nodes with a resend timeout that, even doubled five times, is no longer than the delay
// of one message abandon every round before it can succeed. The verdict lists the last
// rounds.
func TestNodesWithoutBackoff(t *testing.T) {
	p := scenarios.Generate(1, scenarios.Shape{
		System: "lockstep", Definitions: System().Definitions, Profile: scenarios.None, Nodes: 3, Clients: 1, Operations: 1,
	})
	p.Knobs.RepairDelay = 2 * p.Heal.Delay
	p.Heal.Within, p.Heal.Settle = 300*netmodel.Millisecond, 100*netmodel.Millisecond
	r, err := play.Run(t.Context(), System(), p, play.Options{})
	require.NoError(t, err)
	require.Equal(t, play.Passed, r.Status, r.Sentence())

	hasty := withBug(func(r *run) {
		r.bug.config = func(c *node.Config) { c.ResendTimeout = time.Duration(p.Heal.Delay) / 32 } // doubled five times at most
		known := *p                                                                                // otherwise the oracle takes them for too early
		known.Knobs.ResendTimeout = p.Heal.Delay / 32
		r.oracle.plan = &known
	})
	r, err = play.Run(t.Context(), hasty, p, play.Options{})
	require.NoError(t, err)
	require.Equal(t, "liveness/fresh-operation-stuck", r.Signature(), r.Sentence())
	require.Contains(t, r.Sentence(), "; the last rounds were\n")
	require.Regexp(t, `begins to prepare .*\n.*abandons .*: \d+ attempts, rejected by 0`, r.Sentence())
	t.Log(r.Sentence())
}

// unjudgedRun is a run without an oracle: violations must show in client histories.
type unjudgedRun struct{ *run }

func (b unjudgedRun) Observe(at scenarios.Duration, id sim.ID, f sim.Observation) *scenarios.Violation {
	return nil
}
func (b unjudgedRun) Repaired(scenarios.Duration) *scenarios.Violation             { return nil }
func (b unjudgedRun) Agree(scenarios.Duration) *scenarios.Violation                { return nil }
func (b unjudgedRun) CoreAgrees(scenarios.Duration, []sim.ID) *scenarios.Violation { return nil }

// All members know each other's logs from the time when the cluster was formed. So
// a wiped node and a member that has never met it are not a majority without any
// memory of its loss.
func TestAWipedNodeAndAMemberThatHasNeverMetIt(t *testing.T) {
	require.NotZero(t, lostUpdates(t, true), "where a new log passes for the old one")
	require.Zero(t, lostUpdates(t, false))
}

// lostUpdates counts the plans in which clients see that a wiped node has lost its
// promises. Node 3 is away at first, and so is node 2 when node 1 comes back.
func lostUpdates(t *testing.T, keepsIncarnation bool) (n int) {
	s := System()
	s.New = func(p *scenarios.Plan) scenarios.Run {
		r := newRun(p)
		r.bug.keepsIncarnation = keepsIncarnation
		return unjudgedRun{r}
	}
	c := campaign.Campaign{System: s, Shape: scenarios.Shape{Profile: scenarios.None, Nodes: 3, Clients: 3, Operations: 40}}
	for seed := range uint64(40) {
		p := c.Plan(seed)
		faultsEnd := p.Heal.At
		p.Heal.Excluded = nil
		p.Faults = []scenarios.Fault{
			{At: 0, For: faultsEnd / 3, Kind: scenarios.Partition, Groups: [][]sim.ID{{3}, {1, 2}}},
			{At: faultsEnd / 3, For: faultsEnd / 6, Kind: scenarios.Wipe, Nodes: []sim.ID{1}},
			{At: faultsEnd / 3, For: faultsEnd, Kind: scenarios.Partition, Groups: [][]sim.ID{{2}, {1, 3}}},
		}
		require.NoError(t, p.Validate())
		r, err := play.Run(t.Context(), s, p, play.Options{})
		require.NoError(t, err)
		if r.Status == play.Violated && r.Violation.Property == "linearizability" {
			n++
		}
	}
	return n
}
