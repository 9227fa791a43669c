package lockstep

import (
	"slices"
	"testing"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/stretchr/testify/require"
)

const key = "lifecycle/a"

// script plays made-up observations of three nodes and a client.
type script struct {
	at        scenarios.Duration
	run       *run
	position  [4]wal.LSN
	violation *scenarios.Violation // the first
}

func newScript() *script {
	p := &scenarios.Plan{
		Nodes: 3, Clients: 1, Definitions: []fsm.Definition{fsm.Lifecycle()},
		Knobs:      scenarios.Knobs{ConsensusTimeout: 1, ResendTimeout: 1, MaxResends: 1, ClientTimeout: 1},
		Operations: []scenarios.Operation{{ID: "c1.1", Client: 1, Key: key, Kind: scenarios.Propose, Argument: "Running"}},
	}
	s := &script{run: newRun(p)}
	for id := 1; id <= 3; id++ {
		s.run.Node(scenarios.NodeID(id), 1)
	}
	return s
}

func (s *script) observe(id int, f sim.Observation) {
	if v := s.run.Observe(s.at, scenarios.NodeID(id), f); s.violation == nil {
		s.violation = v
	}
}

func (s *script) observeNode(id int, f node.Observation) {
	if f.Key == "" && f.Kind != node.Durable && f.Kind != node.Started && f.Kind != node.BootReady {
		f.Key = key
	}
	s.observe(id, &stepReport{observations: []nodeObservation{{f}}})
}

// sync makes all observations of a node durable.
func (s *script) sync(id int) {
	s.observeNode(id, node.Observation{Kind: node.Durable, DurableAt: s.position[id]})
}

func (s *script) promise(id int, b node.Ballot) {
	s.position[id] += 10
	s.observeNode(id, node.Observation{Kind: node.Promised, Ballot: b, DurableAt: s.position[id]})
}

func (s *script) accept(id int, b node.Ballot, v *node.Value) {
	s.position[id] += 10
	s.observeNode(id, node.Observation{Kind: node.Accepted, Ballot: b, Value: v, DurableAt: s.position[id]})
}

// prepare has the nodes promise a ballot durably.
func (s *script) prepare(b node.Ballot, ids ...int) {
	for _, id := range ids {
		s.promise(id, b)
		s.sync(id)
	}
}

// arrive has an attempt of a proposal arrive at a node in its first life.
func (s *script) arrive(id int, op node.OpID, attempt uint32) {
	s.arriveRequest(id, node.Request{ID: op, Attempt: attempt})
}

// arriveRequest has a proposal of client 1 arrive at a node in its first life.
func (s *script) arriveRequest(id int, r node.Request) {
	r.Kind, r.Key = node.Propose, key
	s.observe(id, &stepReport{arrivals: []requestArrived{{life: 1, client: 101, request: &r}}})
}

func (s *script) propose(id int, b, base node.Ballot, v *node.Value) {
	s.observeNode(id, node.Observation{Kind: node.Proposed, Ballot: b, Value: v, BaseBallot: base})
}

// choose has the nodes accept a value durably.
func (s *script) choose(b node.Ballot, v *node.Value, ids ...int) {
	for _, id := range ids {
		s.accept(id, b, v)
		s.sync(id)
	}
}

func (s *script) reply(id int, r node.Reply) {
	r.Kind, r.Key = node.Propose, key
	s.observeNode(id, node.Observation{Kind: node.Answered, Client: 101, Reply: &r})
}

// targets are the states that the tests' operations request.
var targets = map[string]string{"x": "Running", "y": "Stopped", "z": "Init"}

// proposeAtVersion has a client request a transition at one version only.
func (s *script) proposeAtVersion(op node.OpID, version uint64) {
	o := &scenarios.Operation{ID: string(op), Client: 1, Key: key, Argument: targets[string(op)], Expect: &version}
	s.clientProposes(o, &node.Request{ID: op, Attempt: 1, Expects: true, Expect: version})
}

// clientProposes has a client send an attempt of a proposal to node 1.
func (s *script) clientProposes(o *scenarios.Operation, r *node.Request) {
	r.Kind, r.Key, r.To = node.Propose, key, o.Argument
	s.observe(101, &requestSent{o, r, 1})
}

// show has a node learn a chosen value.
func (s *script) show(id int, b node.Ballot, v *node.Value) {
	s.observe(id, &stepReport{shown: valuesShown{[]node.ChosenValue{{Key: key, Ballot: b, Value: v}}}})
}

func (s *script) returnRejected(op string) {
	s.observe(101, &scenarios.Response{
		Operation: &scenarios.Operation{ID: op, Client: 1, Key: key, Kind: scenarios.Propose, Argument: targets[op]}, Outcome: scenarios.Rejected,
	})
}

// restart begins a new life of a node, which becomes ready.
func (s *script) restart(id int) {
	s.observeNode(id, node.Observation{Kind: node.Started})
	s.run.Node(scenarios.NodeID(id), 2)
}

func b(round uint64, id node.ID) node.Ballot {
	return node.Ballot{Epoch: 1, Round: round, Node: id, Boot: 1}
}

// valueAfter is the value after the operations.
func valueAfter(ids ...node.OpID) *node.Value {
	states := fsm.Lifecycle().States
	n := uint64(len(ids))
	v := &node.Value{Version: n, Serial: n, State: states[n%3], StateBefore: "Init"}
	for i, id := range ids {
		v.Window = append(v.Window, node.Entry{ID: id, To: states[(i+1)%3]})
	}
	return v
}

// tombstoned is a value with an abort tombstone of one operation.
func tombstoned(id node.OpID) *node.Value {
	return &node.Value{Serial: 1, State: "Init", StateBefore: "Init", Window: []node.Entry{{ID: id, To: "Init", Kind: node.EntryTombstoneIllegal}}}
}

// lastEntries is v with only the last n entries of its dedup window.
func lastEntries(n int, v *node.Value) *node.Value {
	w, drop := *v, len(v.Window)-n
	w.Window = v.Window[drop:]
	if drop > 0 {
		w.StateBefore = v.Window[drop-1].To
	}
	return &w
}

// The oracle detects the violation of every invariant.
func TestEveryViolationIsFound(t *testing.T) {
	x, xy := valueAfter("x"), valueAfter("x", "y")
	for name, c := range map[string]struct {
		want string
		play func(*script)
	}{
		"one ballot is proposed with two values": {"ballots/two-values", func(s *script) {
			s.prepare(b(1, 1), 1, 2)
			s.arrive(1, "x", 1)
			s.arrive(1, "y", 1)
			s.propose(1, b(1, 1), node.Ballot{}, x)
			s.propose(1, b(1, 1), node.Ballot{}, valueAfter("y"))
		}},
		"an operation is carried out at another version than it expects": {"outcomes/unexpected-version", func(s *script) {
			s.proposeAtVersion("x", 1)
			s.choose(b(1, 1), x, 1, 2)
		}},
		"an operation is turned away at the version that it expects": {"outcomes/false-mismatch", func(s *script) {
			s.proposeAtVersion("x", 0)
			s.reply(1, node.Reply{ID: "x", Attempt: 1, Outcome: node.Rejected, Reason: node.VersionMismatch, State: "Init"})
		}},
		"an operation that expects nothing is turned away for it": {"outcomes/false-mismatch", func(s *script) {
			s.reply(1, node.Reply{ID: "x", Attempt: 1, Outcome: node.Rejected, Reason: node.VersionMismatch, State: "Init", Version: 7})
		}},
		"what is accepted is shown": {"watch/unchosen", func(s *script) {
			s.choose(b(1, 1), x, 1)
			s.show(1, b(1, 1), x)
		}},
		"another value than the one chosen is shown": {"watch/unchosen", func(s *script) {
			s.choose(b(1, 1), x, 1, 2)
			s.show(1, b(1, 1), valueAfter("y"))
		}},
		"one ballot is accepted with two values": {"ballots/two-values", func(s *script) {
			s.accept(1, b(1, 1), x)
			s.accept(2, b(1, 1), valueAfter("y"))
		}},
		"a promise goes back": {"promises/regressed", func(s *script) {
			s.promise(1, b(2, 1))
			s.promise(1, b(1, 3))
			s.sync(1)
		}},
		"an accepted ballot goes back": {"promises/regressed", func(s *script) {
			s.accept(1, b(2, 1), x)
			s.accept(1, b(1, 3), valueAfter("y"))
			s.sync(1)
		}},
		"a value is accepted below a promise": {"promises/accepted-below-promise", func(s *script) {
			s.promise(1, b(2, 1))
			s.accept(1, b(1, 3), x)
			s.sync(1)
		}},
		"a promise is gone after a restart": {"promises/lost", func(s *script) {
			s.promise(1, b(1, 1))
			s.sync(1)
			s.restart(1)
			s.boot(1, 2)
		}},
		"an accepted value is gone after a restart": {"promises/lost", func(s *script) {
			s.choose(b(1, 1), x, 1)
			s.restart(1)
			s.boot(1, 2)
		}},
		"a boot number comes back": {"ballots/boot-reused", func(s *script) {
			s.boot(1, 1)
			s.restart(1)
			s.boot(1, 1)
		}},
		"chosen by one of three": {"durability/chosen-by-minority", func(s *script) {
			s.choose(b(1, 1), x, 1)
			s.observeNode(1, node.Observation{Kind: node.Chosen, Ballot: b(1, 1), Value: x})
		}},
		"chosen by two, one of them not durably": {"durability/chosen-by-minority", func(s *script) {
			s.choose(b(1, 1), x, 1)
			s.accept(2, b(1, 1), x)
			s.observeNode(1, node.Observation{Kind: node.Chosen, Ballot: b(1, 1), Value: x})
		}},
		"chosen by two, one of which lost it": {"durability/chosen-by-minority", func(s *script) {
			s.choose(b(1, 1), x, 1)
			s.accept(2, b(1, 1), x)
			s.restart(2)
			s.sync(2)
			s.observeNode(1, node.Observation{Kind: node.Chosen, Ballot: b(1, 1), Value: x})
		}},
		"chosen, and never heard of": {"durability/chosen-by-minority", func(s *script) {
			s.observeNode(1, node.Observation{Kind: node.Chosen, Ballot: b(1, 1), Value: x})
		}},
		"learnt what was only accepted": {"durability/learnt-unchosen", func(s *script) {
			s.choose(b(1, 1), x, 1)
			s.observeNode(3, node.Observation{Kind: node.Learnt, Ballot: b(1, 1), Value: x})
		}},
		"learnt another value than was chosen": {"durability/learnt-unchosen", func(s *script) {
			s.choose(b(1, 1), x, 1, 2)
			s.observeNode(3, node.Observation{Kind: node.Learnt, Ballot: b(1, 1), Value: valueAfter("y")})
		}},
		"learnt what nobody proposed": {"durability/learnt-unchosen", func(s *script) {
			s.observeNode(3, node.Observation{Kind: node.Learnt, Ballot: b(1, 1), Value: x})
		}},
		"a chosen version changes": {"versions/changed", func(s *script) {
			s.choose(b(1, 1), x, 1, 2)
			s.choose(b(2, 2), valueAfter("y"), 2, 3)
		}},
		"versions are missing": {"versions/gap", func(s *script) {
			s.choose(b(1, 1), x, 1, 2)
			s.choose(b(2, 2), lastEntries(1, valueAfter("x", "y", "z")), 2, 3)
		}},
		"an operation leads to two versions": {"exactly-once/applied-twice", func(s *script) {
			s.choose(b(1, 1), xy, 1, 2)
			s.choose(b(2, 2), valueAfter("x", "y", "x"), 2, 3)
		}},
		"an operation takes effect after its rejection": {"exactly-once/rejected-applied", func(s *script) {
			s.returnRejected("x")
			s.choose(b(1, 1), x, 1, 2)
		}},
		"an operation is rejected after its effect": {"exactly-once/rejected-applied", func(s *script) {
			s.choose(b(1, 1), x, 1, 2)
			s.returnRejected("x")
		}},
		"a commit that nobody chose": {"outcomes/unchosen", func(s *script) {
			s.reply(1, node.Reply{ID: "x", Outcome: node.Committed, State: "Running", Version: 1, Serial: 1})
		}},
		"the commit of another operation": {"exactly-once/false-commit", func(s *script) {
			s.choose(b(1, 1), x, 1, 2)
			s.reply(1, node.Reply{ID: "y", Outcome: node.Committed, State: "Running", Version: 1, Serial: 1})
		}},
		"a commit without a version": {"exactly-once/false-commit", func(s *script) {
			s.reply(1, node.Reply{ID: "x", Outcome: node.Committed, State: "Running"})
		}},
		"a commit at another version": {"exactly-once/false-commit", func(s *script) {
			s.choose(b(1, 1), xy, 1, 2)
			s.reply(1, node.Reply{ID: "x", Outcome: node.Committed, State: "Stopped", Version: 2, Serial: 2})
		}},
		"a commit in another state": {"outcomes/unchosen", func(s *script) {
			s.choose(b(1, 1), xy, 1, 2)
			s.reply(1, node.Reply{ID: "x", Outcome: node.Committed, State: "Stopped", Version: 1, Serial: 1})
		}},
		"a version is miscounted": {"versions/miscounted", func(s *script) {
			v := *x
			v.Version = 2
			s.choose(b(1, 1), &v, 1, 2)
		}},
		"an operation takes effect after it was voided": {"exactly-once/applied-twice", func(s *script) {
			s.choose(b(1, 1), tombstoned("x"), 1, 2)
			v := *tombstoned("x")
			v.Version, v.Serial, v.State = 1, 2, "Running"
			v.Window = append(v.Window, node.Entry{ID: "x", To: "Running"})
			s.choose(b(2, 2), &v, 2, 3)
		}},
		"rejected for good, and nothing keeps it from taking effect": {"outcomes/not-final", func(s *script) {
			s.choose(b(1, 1), valueAfter("y"), 1, 2)
			s.reply(1, node.Reply{ID: "x", Outcome: node.Rejected, Reason: node.Illegal, Final: true, State: "Running", Version: 1, Serial: 1})
		}},
		"rejected for good after it took effect": {"outcomes/not-final", func(s *script) {
			s.choose(b(1, 1), x, 1, 2)
			s.reply(1, node.Reply{ID: "x", Outcome: node.Rejected, Reason: node.Illegal, Final: true, State: "Running", Version: 1, Serial: 1})
		}},
		"the old result for another question": {"exactly-once/other-argument", func(s *script) {
			s.clientProposes(&scenarios.Operation{ID: "y", IDOf: "x", Client: 1, Key: key, Argument: "Stopped", IDScheme: scenarios.OwnID}, &node.Request{ID: "x", Attempt: 1, Retry: true})
			s.clientProposes(&scenarios.Operation{ID: "x", Client: 2, Key: key, Argument: "Running", IDScheme: scenarios.OwnID}, &node.Request{ID: "x", Attempt: 1, Retry: true})
			s.choose(b(1, 1), x, 1, 2)
			s.reply(1, node.Reply{ID: "x", Attempt: 1, Outcome: node.Committed, State: "Running", Version: 1, Serial: 1})
		}},
		"a conflict with nothing": {"outcomes/false-conflict", func(s *script) {
			s.clientProposes(&scenarios.Operation{ID: "x", Client: 1, Key: key, Argument: "Running", IDScheme: scenarios.OwnID}, &node.Request{ID: "x", Attempt: 1, Retry: true})
			s.reply(1, node.Reply{ID: "x", Attempt: 1, Outcome: node.Rejected, Reason: node.IDConflict, Final: true})
		}},
		"a conflict with what was asked": {"outcomes/false-conflict", func(s *script) {
			s.clientProposes(&scenarios.Operation{ID: "x", Client: 1, Key: key, Argument: "Running", IDScheme: scenarios.OwnID}, &node.Request{ID: "x", Attempt: 1, Retry: true})
			s.choose(b(1, 1), x, 1, 2)
			s.reply(1, node.Reply{ID: "x", Attempt: 1, Outcome: node.Rejected, Reason: node.IDConflict, Final: true, State: "Running", Version: 1, Serial: 1})
		}},
		"what nobody has asked for is carried out": {"exactly-once/never-invoked", func(s *script) {
			s.clientProposes(&scenarios.Operation{ID: "x", Client: 1, Key: key, Argument: "Stopped"}, &node.Request{ID: "x", Attempt: 1})
			s.choose(b(1, 1), x, 1, 2)
		}},
		"a claim to know what is to come is believed": {"exactly-once/watermark-ahead", func(s *script) {
			s.clientProposes(&scenarios.Operation{ID: "x", Client: 1, Key: key, Argument: "Running", IDScheme: scenarios.OwnID, Watermark: 9}, &node.Request{ID: "x", Attempt: 1, Retry: true, Watermark: 9})
			s.choose(b(1, 1), x, 1, 2)
		}},
		"one operation under two bases is carried out twice": {"exactly-once/applied-twice", func(s *script) {
			s.choose(b(1, 1), valueAfter(node.Stamp(key, 0, "x"), "y"), 1, 2)
			s.choose(b(2, 2), valueAfter(node.Stamp(key, 0, "x"), "y", node.Stamp(key, 2, "x")), 2, 3)
		}},
		"rejected for good before the version expected": {"outcomes/not-final", func(s *script) {
			s.proposeAtVersion("x", 2)
			s.choose(b(1, 1), valueAfter("y"), 1, 2)
			s.reply(1, node.Reply{ID: "x", Attempt: 1, Outcome: node.Rejected, Reason: node.VersionMismatch, Final: true, State: "Running", Version: 1, Serial: 1})
		}},
		"a node still holds an operation": {"liveness/not-quiescent", func(s *script) {
			s.receive(2, &node.Request{Kind: node.Propose, Key: key, ID: "c1.1", To: "Running"})
			s.violation = s.run.Repaired(0)
		}},
		"a node never catches up": {"convergence/accepted-differ", func(s *script) {
			s.receive(2, &node.RepairValue{Key: key, Ballot: b(1, 1), Value: x})
			s.violation = s.run.Repaired(0)
		}},
		"a node never learns what another has learnt": {"convergence/learnt-differ", func(s *script) {
			for id := 1; id <= 3; id++ {
				s.receive(id, &node.RepairValue{Key: key, Ballot: b(1, 1), Value: x, Chosen: id == 1})
			}
			s.violation = s.run.Repaired(0)
		}},
		"the nodes end with different values": {"convergence/values-differ", func(s *script) {
			s.learn(2, x)
			s.violation = s.run.Agree(0)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript()
			require.NotPanics(t, func() { c.play(s) })
			require.NotNil(t, s.violation)
			require.Equal(t, c.want, s.violation.Signature())
			require.NotEmpty(t, s.violation.Sentence)
		})
	}
}

// boot boots a node until it is ready in the given boot.
func (s *script) boot(id int, boot uint64) {
	n := s.run.nodes[id]
	d := memDisk{}
	for i := uint64(0); i < boot; i++ {
		n, _ = node.New(s.run.config(scenarios.NodeID(id), 1))
		d.run(n, node.Event{Kind: node.Boot, Dir: d, Incarnation: [16]byte{1}})
	}
	s.run.nodes[id] = n
	s.observeNode(id, node.Observation{Kind: node.BootReady, Boot: boot})
}

// learn has a node receive the commit of a chosen value.
func (s *script) learn(id int, v *node.Value) {
	s.boot(id, 1)
	memDisk{}.run(s.run.nodes[id], node.Event{
		Kind: node.Receive, From: 1, Message: &node.Commit{Key: key, Ballot: b(1, 1), Value: v},
	})
}

// memDisk is a directory that syncs at once.
type memDisk map[string][]byte

func (d memDisk) List() (names []string, err error) {
	for name := range d {
		names = append(names, name)
	}
	return names, nil
}

func (d memDisk) Read(name string) ([]byte, error) { return slices.Clone(d[name]), nil }

func (d memDisk) run(n *node.Node, ev node.Event) {
	effects, err := n.Step(0, ev)
	for err == nil && len(effects.Disk) > 0 {
		for _, r := range slices.Clone(effects.Disk) {
			switch r.Op {
			case wal.Create:
				d[r.File] = d.grown(r.File, 0)
			case wal.Allocate:
				d[r.File] = d.grown(r.File, r.Offset)
			case wal.Write:
				d[r.File] = d.grown(r.File, r.Offset+int64(len(r.Data)))
				copy(d[r.File][r.Offset:], r.Data)
			}
			effects, err = n.Step(0, node.Event{Kind: node.DiskDone, Token: r.Token})
		}
	}
}

// grown is the content of a file, extended to at least size bytes.
func (d memDisk) grown(name string, size int64) []byte {
	data := d[name]
	return append(data, make([]byte, max(0, int(size)-len(data)))...)
}

// The oracle accepts behavior that looks odd and is right.
func TestNoFalseViolation(t *testing.T) {
	xyz := valueAfter("x", "y", "z")
	for name, play := range map[string]func(*script){
		"a value is chosen twice": func(s *script) {
			s.choose(b(1, 1), valueAfter("x"), 1, 2)
			s.choose(b(2, 2), valueAfter("x"), 2, 3)
		},
		"an operation is carried out at the version that it expects": func(s *script) {
			s.proposeAtVersion("x", 0)
			s.choose(b(1, 1), valueAfter("x"), 1, 2)
			s.proposeAtVersion("y", 0)
			s.reply(1, node.Reply{ID: "y", Attempt: 1, Outcome: node.Rejected, Reason: node.VersionMismatch, State: "Running", Version: 1, Serial: 1})
		},
		"what is chosen is shown, twice, and late, and with a gap": func(s *script) {
			s.choose(b(1, 1), valueAfter("x"), 1, 2)
			s.show(1, b(1, 1), valueAfter("x"))
			s.show(1, b(1, 1), valueAfter("x"))
			s.choose(b(2, 1), valueAfter("x", "y"), 1, 2)
			s.choose(b(3, 1), lastEntries(1, valueAfter("x", "y", "z")), 1, 2)
			s.show(1, b(3, 1), lastEntries(1, valueAfter("x", "y", "z")))
			s.show(1, b(2, 1), valueAfter("x", "y"))
			s.show(2, b(3, 1), lastEntries(1, valueAfter("x", "y", "z")))
		},
		"a majority holds it before anybody knows": func(s *script) {
			s.choose(b(1, 1), valueAfter("x"), 1, 3)
			s.reply(2, node.Reply{ID: "x", Outcome: node.Committed, State: "Running", Version: 1, Serial: 1})
		},
		"rejected for good by a void entry, and its client is told": func(s *script) {
			s.choose(b(1, 1), tombstoned("x"), 1, 2)
			s.reply(1, node.Reply{ID: "x", Outcome: node.Rejected, Reason: node.Illegal, Final: true, State: "Init", Serial: 1})
			s.returnRejected("x")
		},
		"rejected for good by a retired machine": func(s *script) {
			s.choose(b(1, 1), &node.Value{
				Version: 1, Serial: 1, State: fsm.Retired, StateBefore: "Init", Window: []node.Entry{{ID: "y", To: fsm.Retired}},
			}, 1, 2)
			s.reply(1, node.Reply{ID: "x", Outcome: node.Rejected, Reason: node.Illegal, Final: true, State: fsm.Retired, Version: 1, Serial: 1})
		},
		"what a chosen value goes on from is chosen with it": func(s *script) {
			for _, op := range []node.OpID{"x", "y", "z"} {
				s.arrive(1, op, 1)
				s.arrive(2, op, 2)
			}
			s.prepare(b(1, 1), 1, 2)
			s.propose(1, b(1, 1), node.Ballot{}, valueAfter("x", "y"))
			s.prepare(b(2, 2), 2, 3)
			s.propose(2, b(2, 2), b(1, 1), lastEntries(1, xyz))
			s.choose(b(2, 2), lastEntries(1, xyz), 2, 3)
			s.reply(1, node.Reply{ID: "x", Outcome: node.Committed, State: "Running", Version: 1, Serial: 1})
		},
		"a lost accept is replaced": func(s *script) {
			s.accept(1, b(1, 1), valueAfter("x"))
			s.restart(1)
			s.choose(b(1, 2), valueAfter("y"), 1, 2)
		},
		"a minority's value is overruled": func(s *script) {
			s.choose(b(1, 1), valueAfter("x"), 1)
			s.choose(b(2, 2), valueAfter("y"), 2, 3)
			s.returnRejected("x")
		},
		"the others' outcomes are no claims": func(s *script) {
			s.reply(1, node.Reply{ID: "x", Outcome: node.Unknown, Reason: node.Timeout})
			s.reply(1, node.Reply{ID: "x", Outcome: node.Rejected, Reason: node.Illegal, State: "Init"})
		},
		"a restart that lost nothing": func(s *script) {
			s.boot(1, 1)
			s.restart(1)
			s.boot(1, 2)
			s.violation = s.run.Agree(0)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript()
			play(s)
			require.Nil(t, s.violation)
		})
	}
}

// receive boots a node and has it receive a message. Its effects are dropped.
func (s *script) receive(id int, m node.Message) {
	s.boot(id, 1)
	memDisk{}.run(s.run.nodes[id], node.Event{Kind: node.Receive, From: 1, Message: m})
}
