package node_test

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/internal/waltest"
	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const smallSegment = 4 << 10

// sizeOf is the bytes of all files on a disk.
func sizeOf(d waltest.Disk) (total int) {
	for _, name := range slices.Sorted(maps.Keys(d)) {
		total += len(d[name])
	}
	return total
}

// liveIn is the bytes of the longest record of each machine in a log: an upper bound
// of the bytes that are live.
func liveIn(d waltest.Disk) (total int) {
	longest := map[string]int{}
	_, _, err := wal.Recover(d, identity, wal.Options{Segment: smallSegment}, func(entry []byte, _ wal.LSN) error {
		n, begin := binary.Uvarint(entry)
		key := string(entry[begin : begin+int(n)])
		longest[key] = max(longest[key], 13+len(entry))
		return nil
	})
	must(err)
	for _, n := range longest {
		total += n
	}
	return total
}

// boundOf bounds the bytes of the files: the log by the argument in compact.go,
// headers and seals, one segment that is being filled, one prepared, one about to
// be removed, and one for a batch that did not fit.
func boundOf(d waltest.Disk) int {
	log := 5*liveIn(d)/2 + (4+1)*smallSegment
	return log + log*97/smallSegment + 4*smallSegment
}

// states is a node's state of all machines.
func states(n *node.Node) map[string]string {
	all := map[string]string{}
	for _, key := range n.Keys() {
		s := n.Inspect(key)
		all[key] = fmt.Sprint(s.Promised, s.Accepted, s.Value)
		if s.Value != nil {
			all[key] += fmt.Sprint(s.Value.Window)
		}
	}
	return all
}

// With operations on machines, some of them hot, promises to other nodes, and
// restarts in between, the files stay within the bound, and a restart loses
// nothing.
func TestCompactionKeepsTheLogShortAndForgetsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(1, func(c *node.Config) {
			c.Segment = smallSegment
			c.Members = []node.ID{1}
		})
		h := w.hosts[1]
		cold := rapid.IntRange(1, 150).Draw(t, "cold")
		hot := rapid.IntRange(1, 5).Draw(t, "hot")
		sequence := 0
		transition := func(machine int) {
			sequence++
			w.request(1, &node.Request{
				Kind: node.Propose, ID: node.Stamp(machineKey(machine), h.version(machine), fmt.Sprintf("c1.%d", sequence)),
				Key: machineKey(machine), To: []string{"Running", "Stopped", "Init"}[h.version(machine)%3],
			})
		}
		for machine := range cold {
			transition(machine)
		}
		for range rapid.IntRange(1, 4).Draw(t, "lives") {
			for range rapid.IntRange(0, 1500).Draw(t, "operations") {
				transition(cold + sequence%hot)
			}
			require.LessOrEqual(t, sizeOf(h.disk), boundOf(h.disk))
			was := states(h.node)
			h.crash()
			h.start()
			require.Equal(t, was, states(h.node))
		}
		for _, r := range w.replies {
			require.Equal(t, node.Committed, r.Outcome, "%v", r)
		}
	})
}

func machineKey(i int) string { return fmt.Sprintf("lifecycle/m%d", i) }

func (h *host) version(machine int) uint64 {
	if v := h.node.Inspect(machineKey(machine)).Value; v != nil {
		return v.Version
	}
	return 0
}

// The promises of two machines, one never accepted and one accepted once, are
// garbage as soon as there is a later full record.
func TestPromisesAloneDoNotFillTheDisk(t *testing.T) {
	w := newWorld(3, func(c *node.Config) { c.Segment = smallSegment })
	h := w.hosts[1]
	prepare := func(key string, round uint64) {
		h.step(node.Event{Kind: node.Receive, From: 2, Message: &node.Proposal{
			Phase: node.Prepare, Key: key, Ballot: node.Ballot{Epoch: 1, Round: round, Node: 2, Boot: 1},
		}})
	}
	w.request(1, &node.Request{Kind: node.Propose, Key: machineKey(1), ID: "c1.1", To: "Running"})
	w.deliverAll()
	require.EqualValues(t, 1, h.version(1))
	for round := range uint64(3000) {
		prepare(machineKey(1), 10+round)
		prepare(machineKey(2), 10+round)
	}
	require.LessOrEqual(t, sizeOf(h.disk), boundOf(h.disk))
	require.Positive(t, h.node.Counters().Copied)
	was := states(h.node)
	h.crash()
	h.start()
	require.Equal(t, was, states(h.node))
	require.EqualValues(t, 3009, h.node.Inspect(machineKey(1)).Promised.Round)
	require.EqualValues(t, 1, h.version(1))
}

// Copying is paid for by appends: at most two bytes for one, even where many live
// records lie in a row.
func TestCopyingIsBounded(t *testing.T) {
	w := newWorld(3, func(c *node.Config) { c.Segment = 512 })
	h := w.hosts[1]
	const cold, hot = 200, 2000
	for i := range uint64(cold + hot) {
		before := h.node.Counters().Copied
		h.step(node.Event{Kind: node.Receive, From: 2, Message: &node.Proposal{
			Phase: node.Accept, Key: fmt.Sprintf("lifecycle/m%03d", min(i, cold)), Ballot: node.Ballot{Epoch: 1, Round: 1 + i, Node: 2, Boot: 1},
			Value: value("c1.1"),
		}})
		copied := h.node.Counters().Copied
		require.LessOrEqual(t, copied-before, uint64(3), "records of about the same length")
		require.LessOrEqual(t, copied, 2*(i+1)+1)
	}
	require.Positive(t, h.node.Counters().Copied)
	require.LessOrEqual(t, len(h.disk), 5*cold*65/2/512+12)
}

func TestAnIdleNodeWritesNothing(t *testing.T) {
	w := newWorld(1, func(c *node.Config) { c.Segment = 512 })
	h := w.hosts[1]
	for i := range 200 {
		w.request(1, &node.Request{Kind: node.Propose, ID: node.OpID(fmt.Sprintf("c1.%d", i)), Key: machineKey(i), To: "Running"})
	}
	h.step(node.Event{Kind: node.SyncMark})
	require.True(t, h.node.IsMarkSynced())
	h.slow = true
	for range 100 {
		h.step(node.Event{Kind: node.Timer})
		w.request(1, &node.Request{Kind: node.Read, ID: "c1.r", Key: machineKey(0)})
		w.tick(1e9)
	}
	require.Empty(t, h.pendingIO)
}

// A promise without an earlier record of the accepted value means that too much was
// trimmed.
func TestAPromiseAloneIsRefused(t *testing.T) {
	w := newWorld(3, nil)
	w.request(1, &node.Request{Kind: node.Propose, Key: key, ID: "c1.1", To: "Running"})
	w.deliverAll()
	w.hosts[1].step(node.Event{Kind: node.Receive, From: 2, Message: &node.Proposal{
		Phase: node.Prepare, Key: key, Ballot: node.Ballot{Epoch: 1, Round: 9, Node: 2, Boot: 1},
	}})
	var last []byte
	_, _, err := wal.Recover(w.hosts[1].disk, identity, wal.Options{Segment: smallSegment}, func(entry []byte, _ wal.LSN) error {
		last = slices.Clone(entry)
		return nil
	})
	require.NoError(t, err)
	n, err := node.New(config(1, 3))
	require.NoError(t, err)
	_, err = n.Step(0, node.Event{Kind: node.Boot, Dir: diskWith(last), Incarnation: [16]byte{1}})
	require.ErrorIs(t, err, node.ErrRecord)
	require.ErrorContains(t, err, key)
	require.True(t, strings.Contains(err.Error(), "no record of all that was accepted"))
}

// The part of the log that is needed has all live records, its oldest one too.
func TestNeededLogHasAllLiveRecords(t *testing.T) {
	w := newWorld(3, func(c *node.Config) { c.Segment = smallSegment })
	h := w.hosts[1]
	for i := range 20 {
		w.request(1, request([]string{fmt.Sprintf("c1.%d", i), "propose", machineKey(i % 3), "Running"}))
		w.deliverAll()
		u := h.node.Use()
		require.Positive(t, u.Live)
		require.GreaterOrEqual(t, u.LogLength, u.Live)
	}
}
