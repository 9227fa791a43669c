package node_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/internal/waltest"
	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// A cluster is deterministic: two that get the same events send the same messages.
func TestSameEventsSameEffects(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 5).Draw(t, "nodes")
		a, b := newWorld(size, nil), newWorld(size, nil)
		a.verbose, b.verbose = true, true
		for i := range rapid.IntRange(1, 60).Draw(t, "steps") {
			step := drawStep(t, i, size)
			step(a)
			step(b)
			require.Equal(t, a.takeTranscript(), b.takeTranscript())
			require.Equal(t, fmt.Sprint(a.inFlight), fmt.Sprint(b.inFlight))
		}
	})
}

// drawStep draws one event of a cluster.
func drawStep(t *rapid.T, i, size int) func(*world) {
	id := rapid.IntRange(1, size).Draw(t, "node")
	at := rapid.IntRange(0, 1000).Draw(t, "at")
	r := drawRequest(t, uint32(i+1), i)
	return rapid.SampledFrom([]func(*world){
		func(w *world) { w.deliverAll() },
		func(w *world) { w.tick(time.Duration(at) * time.Millisecond / 2) },
		func(w *world) { w.hosts[id].crash(); w.hosts[id].start() },
		func(w *world) { w.hosts[id].slow = !w.hosts[id].slow; w.hosts[id].sync() },
		func(w *world) { w.request(id, r) },
		func(w *world) { w.request(id, &node.Request{Kind: node.Read, Key: key, ID: r.ID}) },
		func(w *world) {
			if len(w.inFlight) > 0 {
				p := w.inFlight[at%len(w.inFlight)]
				w.take(1, p.link())
				w.deliver(p)
			}
		},
	}).Draw(t, "step")
}

// A node whose disk has failed sends nothing any more.
func TestNothingIsSentAfterAnError(t *testing.T) {
	w := newWorld(3, nil)
	h := w.hosts[1]
	h.slow = true
	w.request(1, &node.Request{Kind: node.Propose, Key: key, ID: "c1.1", To: "Running"})
	require.NotEmpty(t, h.pendingIO)
	broken := errors.New("broken")
	effects, err := h.node.Step(0, node.Event{Kind: node.DiskDone, Token: h.pendingIO[0].Token, Err: broken})
	require.ErrorIs(t, err, node.ErrStopped)
	require.ErrorIs(t, err, broken)
	require.Equal(t, []int{0, 0, 0}, []int{len(effects.Disk), len(effects.Sends), len(effects.Timers)})
	require.False(t, h.node.Ready())
	for _, ev := range []node.Event{
		{Kind: node.DiskDone, Token: h.pendingIO[1].Token},
		{Kind: node.Receive, From: 2, Message: &node.Proposal{Phase: node.Prepare, Key: key, Ballot: ballot(9, 2)}},
		{Kind: node.Receive, From: 101, Message: &node.Request{Kind: node.ReadLocal, Key: key, ID: "c1.2"}},
		{Kind: node.Timer},
	} {
		effects, err := h.node.Step(time.Hour, ev)
		require.ErrorIs(t, err, node.ErrStopped)
		require.Equal(t, []int{0, 0, 0}, []int{len(effects.Disk), len(effects.Sends), len(effects.Timers)})
	}
}

// A node that is not ready handles no message: a power loss could undo its response.
func TestNothingIsSentBeforeTheBootIsDurable(t *testing.T) {
	w := newWorld(3, nil)
	h := w.hosts[2]
	h.crash()
	h.slow = true
	h.start()
	for !h.node.Ready() {
		h.step(node.Event{Kind: node.Receive, From: 1, Message: &node.Proposal{Phase: node.Prepare, Key: key, Ballot: ballot(1, 1)}})
		w.request(2, &node.Request{Kind: node.Read, Key: key, ID: "c1.1"})
		require.Empty(t, w.inFlight)
		require.Empty(t, w.replies)
		h.sync()
	}
	require.EqualValues(t, 2, h.node.BootNumber())
}

// The log holds the whole state of an acceptor, and recovery restores it.
func TestTheLogHoldsWhatTheAcceptorHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ring := rapid.IntRange(1, 40).Draw(t, "ring")
		w := newWorld(2, func(c *node.Config) { c.DedupWindow, c.Batch = ring, 1 })
		for i := range rapid.IntRange(1, 60).Draw(t, "operations") {
			key := rapid.SampledFrom([]string{"lifecycle/a", "lifecycle/b"}).Draw(t, "key")
			r := drawRequest(t, uint32(i+1), i)
			r.Key = key
			w.request(rapid.IntRange(1, 2).Draw(t, "node"), r)
			if rapid.Bool().Draw(t, "deliver") {
				w.deliverAll()
			}
		}
		for _, h := range w.hosts[1:] {
			before := h.node
			h.crash()
			h.start()
			for _, key := range before.Keys() {
				was, now := before.Inspect(key), h.node.Inspect(key)
				require.Equal(t, was.Promised, now.Promised)
				require.Equal(t, was.Accepted, now.Accepted)
				require.True(t, was.Value.Equal(now.Value))
			}
		}
	})
}

// identity is the identity of node 1's log.
var identity = wal.Identity{Cluster: config(1, 1).Cluster, Node: 1, Incarnation: [16]byte{1}}

// diskWith returns a disk with a log of the given records.
func diskWith(entries ...[]byte) waltest.Disk {
	d := waltest.Disk{}
	log, _, err := wal.Recover(d, identity, wal.Options{Segment: 4 << 10}, nil)
	must(err)
	for _, entry := range entries {
		log.Append(entry)
	}
	for reqs := log.Take(nil); len(reqs) > 0; reqs = log.Take(nil) {
		for _, r := range reqs {
			d.Execute(r)
			log.Done(r.Token, nil)
		}
	}
	return d
}

// Whatever bytes a record holds, the first one or a second, either it is one that a node could
// have written, or the node stops with an error.
func FuzzReplay(f *testing.F) {
	w := newWorld(1, nil)
	w.request(1, &node.Request{Kind: node.Propose, Key: key, ID: "c1.1", To: "Running"})
	w.request(1, &node.Request{Kind: node.Propose, Key: key, ID: "c1.2", To: "Stopped"})
	_, _, err := wal.Recover(w.hosts[1].disk, identity, wal.Options{Segment: 4 << 10}, func(entry []byte, _ wal.LSN) error {
		f.Add(entry, false)
		f.Add(entry[:len(entry)/2], false)
		f.Add(entry, true)
		return nil
	})
	require.NoError(f, err)
	f.Add([]byte{}, false)
	f.Add([]byte("\x0clifecycle/a b"), false)
	for _, local := range []string{"#x", "#lifecycle/m", "#membership/cluster"} { // of a later build, or damage inside the checksum
		record := append([]byte{byte(len(local))}, local...)
		record = append(record, 1, 1, 1, 1, 1, 1, 1, 1) // promised and accepted
		f.Add(append(record, node.AppendValue(nil, &node.Value{State: "Init", StateBefore: "Init"})...), false)
	}
	f.Add([]byte("\x0blifecycle/a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), false)
	first, err := hex.DecodeString("0b6c6966656379636c652f61" + "01070201" + "01070201" + "01" + "00" + "01" + "04496e6974" + "0463312e31" + "00" + "0752756e6e696e67")
	require.NoError(f, err)
	extension, err := hex.DecodeString("0b6c6966656379636c652f61" + "01080201" + "01080201" + "02" + "00" + "8202" + "01070201" + "00" + "0463342e31" + "00" + "0753746f70706564")
	require.NoError(f, err)
	f.Add(extension, true)
	f.Fuzz(func(t *testing.T, entry []byte, second bool) {
		if len(entry) > wal.MaxPayload {
			return
		}
		n, err := node.New(config(1, 3))
		require.NoError(t, err)
		entries := [][]byte{entry}
		if second {
			entries = [][]byte{first, entry}
		}
		if _, err := n.Step(0, node.Event{Kind: node.Boot, Dir: diskWith(entries...), Incarnation: [16]byte{1}}); err != nil {
			require.ErrorIs(t, err, node.ErrStopped)
			require.ErrorIs(t, err, node.ErrRecord)
			return
		}
		require.LessOrEqual(t, len(n.Keys()), len(entries))
		for _, key := range n.Keys() {
			s := n.Inspect(key)
			require.Equal(t, s.Value == nil, s.Accepted.IsZero(), "a value, and what it was accepted at")
		}
	})
}
