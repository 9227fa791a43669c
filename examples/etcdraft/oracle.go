package etcdraft

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/kit"
	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
)

// The facts that nodes report.
type (
	// applied is an entry that a node has applied. Digest is of all entries up to it, and
	// of their results. The node was in the term NodeTerm, so the entry was committed in
	// that term or an earlier one.
	applied struct{ Index, Term, Digest, NodeTerm uint64 }
	// stored is the end of a node's log, all of which is durable.
	stored struct{ Index uint64 }
	// restored is a state that a node has from its log or from a snapshot.
	restored struct{ Index, Digest uint64 }
	// elected is a leader. The log before its first entry, at Index, is that of others.
	elected struct{ Term, Index uint64 }
)

// observeLeader reports that a node leads, if a Ready says so.
func observeLeader(out *sim.Effects, status raft.BasicStatus, rd *raft.Ready) {
	if rd.SoftState == nil || rd.RaftState != raft.StateLeader {
		return
	}
	own := slices.IndexFunc(rd.Entries, func(e *pb.Entry) bool { return e.GetTerm() == status.GetTerm() })
	out.Observe(kit.Fact(elected{status.GetTerm(), rd.Entries[own].GetIndex()}))
}

// What may not happen (Ongaro and Ousterhout, In search of an understandable consensus
// algorithm, USENIX ATC 2014, figure 3).
var (
	errLeaders    = errors.New("two leaders of a term")
	errIncomplete = errors.New("a leader lacks an entry that was applied")
	errMinority   = errors.New("an entry that no majority has durably is applied")
	errDiffer     = errors.New("two nodes have applied different entries")
	errGap        = errors.New("a node has not applied its entries one after the other")
	errRestored   = errors.New("a node has a state that is not the one at its index")
	errUnsettled  = errors.New("nodes differ at rest")
)

// oracle judges the facts of a run.
type oracle struct {
	marks
	leaders map[uint64]sim.ID
	entries []applied // by index
	last    map[sim.ID]applied
	stored  map[sim.ID]uint64
	nodes   []sim.ID
	quorum  int // the smallest, with a learner among the nodes
}

func newOracle(nodes []sim.ID, learners int) *oracle {
	first := []applied{{}, {Index: firstIndex}} // the log begins behind it
	return &oracle{
		leaders: map[uint64]sim.ID{}, entries: first, last: map[sim.ID]applied{}, stored: map[sim.ID]uint64{},
		nodes: nodes, quorum: (len(nodes)-learners)/2 + 1,
	}
}

func (o *oracle) check(_ sim.Duration, id sim.ID, fact any) error {
	switch f := fact.(type) {
	case elected:
		return o.elected(id, f)
	case applied:
		return o.applied(id, f)
	case restored:
		return o.restored(id, f)
	case stored:
		o.stored[id] = f.Index
	}
	return nil
}

func (o *oracle) elected(id sim.ID, f elected) error {
	if other, known := o.leaders[f.Term]; known && other != id {
		return fmt.Errorf("%w: nodes %d and %d of term %d", errLeaders, other, id, f.Term)
	}
	if len(o.leaders) == 1 {
		o.hit(leaderChanged)
	}
	o.leaders[f.Term] = id
	for _, e := range o.entries[min(f.Index, uint64(len(o.entries))):] {
		if e.NodeTerm < f.Term { // a leader of old votes may lack what a later term has committed
			return fmt.Errorf("%w: node %d leads term %d from index %d on, and entry %d was applied in term %d",
				errIncomplete, id, f.Term, f.Index, e.Index, e.NodeTerm)
		}
	}
	return nil
}

func (o *oracle) applied(id sim.ID, f applied) error {
	if last := o.last[id]; f.Index != last.Index+1 {
		return fmt.Errorf("%w: node %d applies %d after %d", errGap, id, f.Index, last.Index)
	}
	o.last[id] = f
	if f.Index == uint64(len(o.entries)) {
		o.entries = append(o.entries, f)
		return o.durable(id, f)
	}
	if known := o.entries[f.Index]; known.Term != f.Term || known.Digest != f.Digest {
		return fmt.Errorf("%w: node %d has %v at index %d, and another had %v", errDiffer, id, f, f.Index, known)
	}
	return nil
}

// durable checks an entry that is applied for the first time.
func (o *oracle) durable(id sim.ID, f applied) error {
	var holders []sim.ID
	for _, n := range o.nodes {
		if o.stored[n] >= f.Index {
			holders = append(holders, n)
		}
	}
	if len(holders) < o.quorum {
		return fmt.Errorf("%w: node %d applies entry %d, and %v of %d nodes have it", errMinority, id, f.Index, holders, len(o.nodes))
	}
	return nil
}

func (o *oracle) restored(id sim.ID, f restored) error {
	if f.Index >= uint64(len(o.entries)) || o.entries[f.Index].Digest != f.Digest {
		return fmt.Errorf("%w: node %d begins at index %d with %x", errRestored, id, f.Index, f.Digest)
	}
	switch {
	case f.Index > o.last[id].Index && f.Index > firstIndex:
		o.hit(snapshotReceived)
	case f.Index > firstIndex:
		o.hit(snapshotRecovered)
	}
	o.last[id] = o.entries[f.Index]
	return nil
}

// agree checks that all nodes but some have applied the same.
func (o *oracle) agree(at sim.Duration, without []sim.ID) *scenarios.Violation {
	for _, id := range o.nodes {
		if slices.Contains(without, id) {
			continue
		}
		if want, got := uint64(len(o.entries))-1, o.last[id].Index; got != want {
			return &scenarios.Violation{
				Property: "convergence", Class: "applied-differ", At: at,
				Sentence: fmt.Sprintf("%v: node %d has applied entry %d of %d", errUnsettled, id, got, want),
			}
		}
	}
	return nil
}
