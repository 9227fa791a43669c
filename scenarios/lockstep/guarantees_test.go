package lockstep

import (
	"fmt"
	"testing"

	"github.com/lockstep-dst/lockstep/checker/guarantee"
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/configuration"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/service"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/stretchr/testify/require"
)

// observedRun is a run with an observer at every node. The observer watches all machines
// through the node's lives and reads its learnt values. It changes nothing in the run.
type observedRun struct {
	*run
	faults       observerFaults
	seen         []guarantee.Observation
	stamped      int                            // number of seen with a time; the others are of the current step
	lastStreamed map[int]map[string]*node.Value // by node and machine: the last streamed value
	currentLife  map[int]int                    // by node
	steps        int
}

// observerFaults are defects in the answers of a system to its observers.
type observerFaults struct {
	dirty       bool // local reads return accepted values
	stale       bool // every other local read returns the initial state
	dirtyStream bool // streams deliver accepted values
	silentGaps  bool // streams skip unknown transitions without a gap
}

// observedSystem returns a system whose runs have observers; last is the latest run.
func observedSystem(l observerFaults) (s scenarios.System, last *observedRun) {
	last = &observedRun{}
	s = System()
	s.Definitions = []fsm.Definition{mesh()}
	s.OperationIDs = false // a history distinguishes operations by their own ids
	s.Creates = false      // a history has short names for the texts that streams show
	s.New = func(p *scenarios.Plan) scenarios.Run {
		*last = observedRun{run: newRun(p), faults: l, lastStreamed: map[int]map[string]*node.Value{}, currentLife: map[int]int{}}
		last.run.bug.after = last.afterStep
		return last
	}
	return s, last
}

// mesh is a definition with transitions between all states, so that two histories seldom
// look alike.
func mesh() fsm.Definition {
	d := fsm.Definition{Name: "mesh", States: []string{"A", "B", "C", "D", "E"}, Initial: "A"}
	for _, from := range d.States {
		for _, to := range d.States {
			if from != to {
				d.Transitions = append(d.Transitions, fsm.Transition{From: from, To: to})
			}
		}
	}
	return d
}

// afterStep observes a node after every step.
func (w *observedRun) afterStep(p *process, _ scenarios.Duration, e *service.Effects) {
	if w.lostPromises[p.id] || !p.node.Ready() {
		return
	}
	id := int(p.id)
	if w.currentLife[id] != p.life {
		if w.currentLife[id] != 0 {
			w.record(guarantee.Observation{Kind: guarantee.Resume, Source: streamName(id)})
		} else {
			w.lastStreamed[id] = map[string]*node.Value{}
		}
		w.currentLife[id] = p.life
	}
	for _, c := range e.Chosen {
		if c.Key == configuration.Key { // of the cluster, and of no user
			continue
		}
		w.streamValue(id, c.Key, c.Value)
	}
	machines := w.plan.Machines()
	if w.steps++; w.steps%5 == 0 {
		w.localRead(p, machines[w.steps/5%len(machines)])
	}
}

func streamName(id int) string { return fmt.Sprintf("stream %d", id) }

// streamValue converts a chosen value to the events of a stream.
func (w *observedRun) streamValue(id int, key string, v *node.Value) {
	had := w.lastStreamed[id][key]
	if had != nil && v.Version <= had.Version {
		return
	}
	version, state := v.Version, v.StateBefore
	for i := range v.Window {
		if v.Window[i].Kind == node.EntryTransition {
			version--
		}
	}
	o := guarantee.Observation{Source: streamName(id), Machine: key, Version: int64(version)}
	switch {
	case had == nil:
		o.Kind, o.State = guarantee.State, state
		w.record(o)
	case had.Version < version && !w.faults.silentGaps:
		o.Kind, o.First = guarantee.Gap, int64(had.Version)+1
		w.record(o)
	}
	for i := range v.Window {
		e := &v.Window[i]
		if e.Kind != node.EntryTransition {
			continue
		}
		if version++; had == nil || version > had.Version {
			w.record(guarantee.Observation{
				Kind: guarantee.Transition, Source: streamName(id), Machine: key, Version: int64(version),
				From: state, State: e.To, Operation: e.ID.Name(),
			})
		}
		state = e.To
	}
	w.lastStreamed[id][key] = v
}

// localRead records a local read.
func (w *observedRun) localRead(p *process, key string) {
	s := p.node.Inspect(key)
	v := s.Learnt
	if w.faults.dirty && s.Value != nil {
		v = s.Value
	}
	if w.faults.stale && w.steps%2 == 0 {
		v = nil
	}
	if w.faults.dirtyStream && s.Value != nil {
		w.streamValue(int(p.id), key, s.Value)
	}
	o := w.stateOf(key, v)
	o.Kind, o.Source = guarantee.Local, fmt.Sprintf("node %d life %d", p.id, p.life)
	w.record(o)
}

func (w *observedRun) stateOf(key string, v *node.Value) guarantee.Observation {
	if v == nil {
		return guarantee.Observation{Machine: key, State: w.plan.Definitions[0].Initial}
	}
	return guarantee.Observation{Machine: key, State: v.State, Version: int64(v.Version)}
}

func (w *observedRun) record(o guarantee.Observation) { w.seen = append(w.seen, o) }

// stamp sets the time of the observations of the current step.
func (w *observedRun) stamp(at scenarios.Duration) {
	for ; w.stamped < len(w.seen); w.stamped++ {
		w.seen[w.stamped].Time = int64(at)
	}
}

// Observe implements scenarios.Run.
func (w *observedRun) Observe(at scenarios.Duration, id sim.ID, f sim.Observation) *scenarios.Violation {
	w.stamp(at)
	return w.run.Observe(at, id, f)
}

// Agree implements scenarios.Run.
func (w *observedRun) Agree(at scenarios.Duration) *scenarios.Violation {
	w.stamp(at)
	for _, id := range w.running() {
		for _, key := range w.plan.Machines() {
			v := w.nodes[id].Inspect(key).Learnt
			o := w.stateOf(key, v)
			o.Kind, o.Source = guarantee.Final, fmt.Sprintf("node %d", id)
			w.record(o)
			w.entries(o, v)
			w.record(guarantee.Observation{Kind: guarantee.End, Source: streamName(id), Machine: key})
		}
	}
	w.stamp(at)
	return w.run.Agree(at)
}

// entries records the dedup window of a node at the end.
func (w *observedRun) entries(o guarantee.Observation, v *node.Value) {
	if v == nil {
		return
	}
	o.Kind = guarantee.Entry
	for i := len(v.Window) - 1; i >= 0; i-- {
		if e := &v.Window[i]; e.Kind == node.EntryTransition {
			o.State, o.Operation = e.To, e.ID.Name()
			w.record(o)
			o.Version--
		}
	}
}

// runObserved runs some seeds. It returns how often each guarantee was violated, and the
// number of observations of each kind.
func runObserved(t *testing.T, l observerFaults, seeds uint64) (violated map[string]int, seen map[guarantee.Kind]int) {
	s, last := observedSystem(l)
	c := campaign.Campaign{System: s, Shape: scenarios.Shape{Profile: scenarios.All}}
	violated, seen = map[string]int{}, map[guarantee.Kind]int{}
	memory := &sim.Buffers{}
	for seed := range seeds {
		r, err := play.Run(t.Context(), s, c.Plan(seed), play.Options{Buffers: memory})
		require.NoError(t, err)
		require.Equal(t, play.Passed, r.Status, "seed %d: %v", seed, r.Violation)
		for _, o := range last.seen {
			seen[o.Kind]++
		}
		verdicts, err := guarantee.Judge(r.History, last.seen, guarantee.Options{Deadline: 1})
		require.NoError(t, err)
		for _, v := range verdicts {
			if v.Status == guarantee.Violated {
				violated[string(v.Guarantee)+"/"+v.Class]++
				if l == (observerFaults{}) {
					t.Errorf("seed %d: %s: %s", seed, v.Guarantee, v.Explanation)
				}
			}
		}
	}
	t.Logf("violated: %v; seen: %v", violated, seen)
	return violated, seen
}

// Under faults, watches and local reads keep the guarantees of docs/GUARANTEES.md.
func TestObserversSeeOneHistory(t *testing.T) {
	seeds := uint64(300)
	if testing.Short() {
		seeds = 30
	}
	_, seen := runObserved(t, observerFaults{}, seeds)
	for _, k := range []guarantee.Kind{
		guarantee.State, guarantee.Transition, guarantee.Gap, guarantee.Resume, guarantee.End,
		guarantee.Local, guarantee.Entry, guarantee.Final,
	} {
		require.Positive(t, seen[k], k)
	}
}

// Wrong answers to observers violate a guarantee.
func TestObserverFaultsAreDetected(t *testing.T) {
	if testing.Short() {
		t.Skip("400 runs")
	}
	for name, c := range map[string]struct {
		lies observerFaults
		want string
	}{
		"local reads of what is accepted": {observerFaults{dirty: true}, "chosen/other-state"},
		"local reads that go back":        {observerFaults{stale: true}, "monotonic-reads/went-back"},
		"streams of what is accepted":     {observerFaults{dirtyStream: true}, "chosen/other-operation"},
		"streams without gaps":            {observerFaults{silentGaps: true}, "watch/left-out"},
	} {
		t.Run(name, func(t *testing.T) {
			violated, _ := runObserved(t, c.lies, 100)
			require.Positive(t, violated[c.want])
		})
	}
}

// Observers change nothing: the hash of a run is the same without them.
func TestObserversChangeNothing(t *testing.T) {
	s, _ := observedSystem(observerFaults{})
	plain := s
	plain.New = System().New
	c := campaign.Campaign{System: s, Shape: scenarios.Shape{Profile: scenarios.All}}
	for seed := range uint64(20) {
		with, err := play.Run(t.Context(), s, c.Plan(seed), play.Options{})
		require.NoError(t, err)
		without, err := play.Run(t.Context(), plain, c.Plan(seed), play.Options{})
		require.NoError(t, err)
		require.Equal(t, without.Hash, with.Hash)
		require.Equal(t, without.History, with.History)
	}
}
