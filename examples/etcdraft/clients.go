package etcdraft

import (
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/kit"
	"go.etcd.io/raft/v3"
)

// clients are the attempts that a node has taken on and not answered yet. An attempt
// whose entry is lost is never answered: it may yet be carried out, and its client asks
// another node in time.
type clients struct {
	writes []attempt
	reads  []read
}

type attempt struct {
	client sim.ID
	request
}

// read waits for raft to confirm it, and for the machine to have applied all up to index.
type read struct {
	attempt
	context   string // by which raft knows it
	confirmed bool
	index     uint64
}

func (a *attempt) reply(out *sim.Effects, answer kit.Answer, try uint64, value string) {
	out.Send(a.client, kit.Message(reply{a.Key, a.ID, a.Attempt, answer, sim.ID(try), value}))
}

// request takes an attempt on, or sends the client on to the leader.
func (n *node) request(out *sim.Effects, from sim.ID, r request) {
	a := attempt{from, r}
	isRead := r.Command.Kind == string(history.KindRead)
	status := n.raw.BasicStatus()
	switch {
	case isRead && n.config.bug == ReadsLocally:
		a.reply(out, kit.Done, 0, n.machine.read(a.Key))
	case isRead && status.Lead != raft.None: // a follower asks the leader for the index
		context := fmt.Sprintf("%s/%d", a.ID, a.Attempt)
		n.clients.reads = append(n.clients.reads, read{attempt: a, context: context})
		if status.Lead != status.ID {
			n.config.marks.hit(readForwarded)
		}
		n.raw.ReadIndex([]byte(context))
	case status.RaftState != raft.StateLeader || n.raw.Propose(r.Command.encode()) != nil:
		a.reply(out, kit.Retry, status.Lead, "")
	default:
		n.clients.writes = append(n.clients.writes, a)
	}
}

// applyOnce applies a command, unless it is applied already.
func (n *node) applyOnce(c command) result {
	if r, done := n.machine.Results[c.ID]; done && n.config.bug != NoDedup {
		n.config.marks.hit(repeatedOperation)
		return r
	}
	return n.machine.apply(c)
}

// answer answers all attempts at an operation that was applied.
func (c *clients) answer(out *sim.Effects, id string, r result) {
	c.writes = slices.DeleteFunc(c.writes, func(a attempt) bool {
		if a.ID == id {
			a.reply(out, r.Answer, 0, r.Value)
		}
		return a.ID == id
	})
}

// answerReads takes what raft has confirmed, and answers the reads whose index is applied.
func (n *node) answerReads(out *sim.Effects, states []raft.ReadState) {
	applied := n.raw.BasicStatus().Applied
	for _, s := range states {
		for i := range n.clients.reads {
			if r := &n.clients.reads[i]; r.context == string(s.RequestCtx) && !r.confirmed {
				r.confirmed, r.index = true, s.Index
				if s.Index > applied {
					n.config.marks.hit(readWaited)
				}
			}
		}
	}
	n.clients.reads = slices.DeleteFunc(n.clients.reads, func(r read) bool {
		ready := r.confirmed && r.index <= applied
		if ready {
			r.reply(out, kit.Done, 0, n.machine.read(r.Key))
		}
		return ready
	})
}
