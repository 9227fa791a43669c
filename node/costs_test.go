package node_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/internal/waltest"
	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/lockstep-dst/lockstep/node/wire"
	"github.com/lockstep-dst/lockstep/sim/golden"
)

// What operations cost: messages, bytes, records of the log, and what a client waits
// for one after another. The transcripts in testdata/costs state it, so that a
// change that adds a message, a sync or a byte shows. Commands:
//
//	cluster N                    nodes 1 to N, ready
//	propose NODE MACHINES EACH   EACH transitions on each of MACHINES machines, in one step of NODE
//	read NODE MACHINES EACH      linearizable reads, likewise
//
// Each command ends when all is done, and prints its costs. The costs of a first
// operation on a machine are those of a round with a prepare.
func TestCosts(t *testing.T) {
	golden.Transcripts(t, "testdata/costs/*.txt", func(t *testing.T) func([]string) string {
		var c *costs
		return func(words []string) string {
			if words[0] == "cluster" {
				c = newCosts(t, number(words[1]))
				return ""
			}
			return c.measure(words[0], number(words[1]), number(words[2]), number(words[3]))
		}
	})
}

// costs is two clusters that take the same operations. In one a message takes so long
// that a sync takes next to nothing beside it, in the other it is the reverse: the
// longest path of an operation is read from the time that it takes.
type costs struct {
	longTrips, longSyncs *timedCluster
}

// The times of the two clusters.
const (
	long  = time.Second
	short = time.Millisecond
)

func newCosts(t *testing.T, nodes int) *costs {
	return &costs{newTimedCluster(t, nodes, long, short), newTimedCluster(t, nodes, short, long)}
}

func (c *costs) measure(command string, at, machines, each int) string {
	took := c.longTrips.ask(command, at, machines, each)
	text := fmt.Sprintf("%d replies\nthe last after %d trips and %d syncs", machines*each, took/long, took%long/short)
	other := c.longSyncs.ask(command, at, machines, each)
	if a, b := other%long/short, other/long; a != took/long || b != took%long/short {
		text += fmt.Sprintf(", or %d and %d if syncs take longer", a, b)
	}
	return text + "\n" + c.longTrips.spent()
}

// timedCluster is a cluster whose messages and syncs take a fixed time. All that
// reaches a node at one instant is one step.
type timedCluster struct {
	t           *testing.T
	trip, sync  time.Duration
	now         time.Duration
	nodes       []*costNode
	queue       []arrival // in the order of time
	asked       int
	lastReply   time.Duration
	replies     int
	messages    map[string]int // by kind
	bytes       int            // of messages, as CBOR
	batches     int            // steps that send to a peer, counted for each peer
	transitions map[string]int // by machine
}

type costNode struct {
	node   *node.Node
	disk   waltest.Disk
	bytes  int // written to the log
	writes int
	syncs  int
}

type arrival struct {
	at time.Duration
	to int
	ev node.Event
}

func newTimedCluster(t *testing.T, nodes int, trip, sync time.Duration) *timedCluster {
	c := &timedCluster{t: t, trip: trip, sync: sync, nodes: make([]*costNode, nodes+1), transitions: map[string]int{}}
	for id := 1; id <= nodes; id++ {
		cfg := config(id, nodes)
		cfg.Segment, cfg.ResendTimeout, cfg.ConsensusTimeout = 16<<20, time.Hour, 2*time.Hour // no timer is due
		n, err := node.New(cfg)
		require.NoError(t, err)
		c.nodes[id] = &costNode{node: n, disk: waltest.Disk{}}
		c.step(id, []node.Event{{Kind: node.Boot, Dir: c.nodes[id].disk, Incarnation: [16]byte{byte(id)}}})
	}
	c.run()
	return c
}

// ask has a node take operations in one step, and returns how long the last reply took.
func (c *timedCluster) ask(command string, at, machines, each int) time.Duration {
	c.messages, c.bytes, c.batches, c.replies = map[string]int{}, 0, 0, 0
	for _, n := range c.nodes[1:] {
		n.bytes, n.writes, n.syncs = 0, 0, 0
	}
	states := []string{"Running", "Stopped", "Init"}
	var evs []node.Event
	for m := range machines {
		key := fmt.Sprintf("lifecycle/m%02d", m)
		for range each {
			c.asked++
			r := &node.Request{Kind: node.Read, Key: key, Attempt: 1, ID: node.Stamp(key, uint64(c.transitions[key]), fmt.Sprintf("client-%09d", c.asked))}
			if command == "propose" {
				r.Kind, r.To = node.Propose, states[c.transitions[key]%3]
				c.transitions[key]++
			}
			evs = append(evs, node.Event{Kind: node.Receive, From: node.ID(1000 + c.asked%30000), Message: r})
		}
	}
	begin := c.now
	c.step(at, evs)
	c.run()
	require.Equal(c.t, len(evs), c.replies, "each operation is committed")
	return c.lastReply - begin
}

// run lets time pass until nothing is on its way.
func (c *timedCluster) run() {
	for len(c.queue) > 0 {
		first := c.queue[0]
		c.now = first.at
		var evs []node.Event
		c.queue = slices.DeleteFunc(c.queue, func(a arrival) bool {
			same := a.at == first.at && a.to == first.to
			if same {
				evs = append(evs, a.ev)
			}
			return same
		})
		c.step(first.to, evs)
	}
}

func (c *timedCluster) step(id int, evs []node.Event) {
	n := c.nodes[id]
	effects, err := n.node.StepAll(c.now, evs)
	require.NoError(c.t, err)
	peers := map[node.ID]bool{}
	for _, s := range effects.Sends {
		if r, ok := s.Message.(*node.Reply); ok {
			require.Equal(c.t, node.Committed, r.Outcome, "%v", r)
			c.replies++
			c.lastReply = c.now
			continue
		}
		peers[s.To] = true
		if c.messages != nil {
			c.messages[strings.Fields(s.Message.String())[0]]++
			frame, err := wire.CBOR{}.Append(nil, s.Message)
			require.NoError(c.t, err)
			c.bytes += len(frame)
		}
		c.arrive(c.now+c.trip, int(s.To), node.Event{Kind: node.Receive, From: node.ID(id), Message: s.Message})
	}
	c.batches += len(peers)
	n.execute(c, id, effects.Disk)
}

// execute has the disk carry out requests in order: only syncs take time.
func (n *costNode) execute(c *timedCluster, id int, requests []wal.DiskRequest) {
	done := c.now
	for _, r := range requests {
		n.disk.Execute(r)
		switch r.Op {
		case wal.Sync:
			n.syncs++
			done += c.sync
		case wal.Write:
			n.writes++
			n.bytes += len(r.Data)
		}
		if !r.Quiet {
			c.arrive(done, id, node.Event{Kind: node.DiskDone, Token: r.Token})
		}
	}
}

func (c *timedCluster) arrive(at time.Duration, to int, ev node.Event) {
	a := arrival{at, to, ev}
	i, _ := slices.BinarySearchFunc(c.queue, a, func(x, y arrival) int {
		if x.at != y.at {
			return cmp.Compare(x.at, y.at)
		}
		return -1 // after those of the same time
	})
	c.queue = slices.Insert(c.queue, i, a)
}

// spent describes the costs since ask.
func (c *timedCluster) spent() string {
	var b strings.Builder
	total := 0
	for _, kind := range slices.Sorted(maps.Keys(c.messages)) {
		fmt.Fprintf(&b, "%d %s\n", c.messages[kind], kind)
		total += c.messages[kind]
	}
	fmt.Fprintf(&b, "%d messages in %d batches, %d bytes as CBOR\n", total, c.batches, c.bytes)
	for id, n := range c.nodes {
		if id > 0 {
			fmt.Fprintf(&b, "node %d: %d writes of %d bytes, %d syncs\n", id, n.writes, n.bytes, n.syncs)
		}
	}
	return b.String()
}
