package lockstep

import (
	"fmt"
	"testing"

	"github.com/lockstep-dst/lockstep/checker/guarantee"
	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/stretchr/testify/require"
)

// watched is a run with somebody at every node who watches all machines through
// its lives and reads what the node has learnt. It changes nothing in the run.
type watched struct {
	*run
	lies    lies
	seen    []guarantee.Observation
	stamped int                            // of seen; the others are of the present step
	told    map[int]map[string]*node.Value // by node: the last value told of each machine
	births  map[int]int                    // by node: its life
	steps   int
}

// lies are what a system does wrong to its witnesses.
type lies struct {
	dirty  bool // local reads tell of what is accepted
	stale  bool // every other local read tells of an untouched machine
	hasty  bool // streams tell of what is accepted
	gapped bool // streams leave out what they do not know without a word
}

// watchedWith makes a system of runs with witnesses, the last of which is in last.
func watchedWith(l lies) (s scenarios.System, last *watched) {
	last = &watched{}
	s = System()
	s.Definitions = []fsm.Definition{mesh()}
	s.OperationIDs = false // a history tells operations apart by their own ids
	s.New = func(p *scenarios.Plan) scenarios.Run {
		*last = watched{run: newRun(p), lies: l, told: map[int]map[string]*node.Value{}, births: map[int]int{}}
		last.run.bug.after = last.after
		return last
	}
	return s, last
}

// mesh has many ways to go, so that two pasts are seldom alike.
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

// after sees a node after every step.
func (w *watched) after(p *process, _ scenarios.Duration, e *node.Effects) {
	if w.strange[p.id] || !p.node.Ready() {
		return
	}
	id := int(p.id)
	if w.births[id] != p.life {
		if w.births[id] != 0 {
			w.see(guarantee.Observation{Kind: guarantee.Resume, Source: stream(id)})
		} else {
			w.told[id] = map[string]*node.Value{}
		}
		w.births[id] = p.life
	}
	for _, c := range e.Chosen {
		w.hear(id, c.Key, c.Value)
	}
	machines := w.plan.Machines()
	if w.steps++; w.steps%5 == 0 {
		w.read(p, machines[w.steps/5%len(machines)])
	}
}

func stream(id int) string { return fmt.Sprintf("stream %d", id) }

// hear turns a chosen value into what a stream tells.
func (w *watched) hear(id int, key string, v *node.Value) {
	had := w.told[id][key]
	if had != nil && v.Version <= had.Version {
		return
	}
	version, state := v.Version, v.StateBefore
	for i := range v.Window {
		if v.Window[i].Kind == node.EntryTransition {
			version--
		}
	}
	o := guarantee.Observation{Source: stream(id), Machine: key, Version: int64(version)}
	switch {
	case had == nil:
		o.Kind, o.State = guarantee.State, state
		w.see(o)
	case had.Version < version && !w.lies.gapped:
		o.Kind, o.First = guarantee.Gap, int64(had.Version)+1
		w.see(o)
	}
	for i := range v.Window {
		e := &v.Window[i]
		if e.Kind != node.EntryTransition {
			continue
		}
		if version++; had == nil || version > had.Version {
			w.see(guarantee.Observation{
				Kind: guarantee.Transition, Source: stream(id), Machine: key, Version: int64(version),
				From: state, State: e.To, Operation: e.ID.Name(),
			})
		}
		state = e.To
	}
	w.told[id][key] = v
}

// read is a local read.
func (w *watched) read(p *process, key string) {
	s := p.node.Inspect(key)
	v := s.Learnt
	if w.lies.dirty && s.Value != nil {
		v = s.Value
	}
	if w.lies.stale && w.steps%2 == 0 {
		v = nil
	}
	if w.lies.hasty && s.Value != nil {
		w.hear(int(p.id), key, s.Value)
	}
	o := w.held(key, v)
	o.Kind, o.Source = guarantee.Local, fmt.Sprintf("node %d life %d", p.id, p.life)
	w.see(o)
}

func (w *watched) held(key string, v *node.Value) guarantee.Observation {
	if v == nil {
		return guarantee.Observation{Machine: key, State: w.plan.Definitions[0].Initial}
	}
	return guarantee.Observation{Machine: key, State: v.State, Version: int64(v.Version)}
}

func (w *watched) see(o guarantee.Observation) { w.seen = append(w.seen, o) }

// stamp says when the present step was.
func (w *watched) stamp(at scenarios.Duration) {
	for ; w.stamped < len(w.seen); w.stamped++ {
		w.seen[w.stamped].Time = int64(at)
	}
}

// Observe implements scenarios.Run.
func (w *watched) Observe(at scenarios.Duration, id sim.ID, f sim.Observation) *scenarios.Violation {
	w.stamp(at)
	return w.run.Observe(at, id, f)
}

// Agree implements scenarios.Run.
func (w *watched) Agree(at scenarios.Duration) *scenarios.Violation {
	w.stamp(at)
	for _, id := range w.running() {
		for _, key := range w.plan.Machines() {
			v := w.nodes[id].Inspect(key).Learnt
			o := w.held(key, v)
			o.Kind, o.Source = guarantee.Final, fmt.Sprintf("node %d", id)
			w.see(o)
			w.entries(o, v)
			w.see(guarantee.Observation{Kind: guarantee.End, Source: stream(id), Machine: key})
		}
	}
	w.stamp(at)
	return w.run.Agree(at)
}

// entries are what a node holds of operations in the end.
func (w *watched) entries(o guarantee.Observation, v *node.Value) {
	if v == nil {
		return
	}
	o.Kind = guarantee.Entry
	for i := len(v.Window) - 1; i >= 0; i-- {
		if e := &v.Window[i]; e.Kind == node.EntryTransition {
			o.State, o.Operation = e.To, e.ID.Name()
			w.see(o)
			o.Version--
		}
	}
}

// witnesses runs some seeds, and gives how often each guarantee was violated and
// what was seen.
func witnesses(t *testing.T, l lies, seeds uint64) (violated map[string]int, seen map[guarantee.Kind]int) {
	s, last := watchedWith(l)
	c := campaign.Campaign{System: s, Shape: scenarios.Shape{Profile: scenarios.All}}
	violated, seen = map[string]int{}, map[guarantee.Kind]int{}
	memory := &sim.Buffers{}
	for seed := range seeds {
		r, err := campaign.Run(t.Context(), s, c.Plan(seed), campaign.Options{Memory: memory})
		require.NoError(t, err)
		require.Equal(t, campaign.Passed, r.Status, "seed %d: %v", seed, r.Violation)
		for _, o := range last.seen {
			seen[o.Kind]++
		}
		verdicts, err := guarantee.Judge(r.History, last.seen, guarantee.Options{Deadline: 1})
		require.NoError(t, err)
		for _, v := range verdicts {
			if v.Status == guarantee.Violated {
				violated[string(v.Guarantee)+"/"+v.Class]++
				if l == (lies{}) {
					t.Errorf("seed %d: %s: %s", seed, v.Guarantee, v.Explanation)
				}
			}
		}
	}
	t.Logf("violated: %v; seen: %v", violated, seen)
	return violated, seen
}

// Whoever watches nodes in a hostile world, or reads what they have learnt,
// sees what docs/GUARANTEES.md says.
func TestWitnessesSeeOnePast(t *testing.T) {
	seeds := uint64(300)
	if testing.Short() {
		seeds = 30
	}
	_, seen := witnesses(t, lies{}, seeds)
	for _, k := range []guarantee.Kind{
		guarantee.State, guarantee.Transition, guarantee.Gap, guarantee.Resume, guarantee.End,
		guarantee.Local, guarantee.Entry, guarantee.Final,
	} {
		require.Positive(t, seen[k], k)
	}
}

// Witnesses who are lied to notice.
func TestWitnessesNoticeLies(t *testing.T) {
	if testing.Short() {
		t.Skip("400 runs")
	}
	for name, c := range map[string]struct {
		lies lies
		want string
	}{
		"local reads of what is accepted": {lies{dirty: true}, "chosen/other-state"},
		"local reads that go back":        {lies{stale: true}, "monotonic-reads/went-back"},
		"streams of what is accepted":     {lies{hasty: true}, "chosen/other-operation"},
		"streams without gaps":            {lies{gapped: true}, "watch/left-out"},
	} {
		t.Run(name, func(t *testing.T) {
			violated, _ := witnesses(t, c.lies, 100)
			require.Positive(t, violated[c.want])
		})
	}
}

// Witnesses change nothing: the hash of a run is the same without them.
func TestWitnessesChangeNothing(t *testing.T) {
	s, _ := watchedWith(lies{})
	plain := s
	plain.New = System().New
	c := campaign.Campaign{System: s, Shape: scenarios.Shape{Profile: scenarios.All}}
	for seed := range uint64(20) {
		with, err := campaign.Run(t.Context(), s, c.Plan(seed), campaign.Options{})
		require.NoError(t, err)
		without, err := campaign.Run(t.Context(), plain, c.Plan(seed), campaign.Options{})
		require.NoError(t, err)
		require.Equal(t, without.Hash, with.Hash)
		require.Equal(t, without.History, with.History)
	}
}
