package node_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/wal"
)

// Each acceptor syncs by itself, the proposer too: no message waits for a sync that it
// does not need. With the disks of some nodes stuck, from the moment of the request: the
// proposals are on their way at once, only the nodes whose disks work acknowledge, and
// the client has its reply as soon as these are a majority, the proposer among them or
// not. When the stuck disks work again, it has it in any case.
func TestSyncsOverlap(t *testing.T) {
	for _, nodes := range []int{1, 3, 5} {
		for stuck := range 1 << nodes {
			t.Run(fmt.Sprintf("nodes=%d/stuck=%0*b", nodes, nodes, stuck), func(t *testing.T) {
				w := newWorld(nodes, nil)
				w.request(1, request([]string{"c1.1", "propose", key, "Running"}))
				w.deliverAll()
				require.Len(t, w.replies, 1)
				isStuck := func(id int) bool { return stuck>>(id-1)&1 == 1 }
				working := 0
				for id := 1; id <= nodes; id++ {
					if w.hosts[id].slow = isStuck(id); !isStuck(id) {
						working++
					}
				}
				w.request(1, request([]string{"c1.2", "propose", key, "Stopped", "watermark", "1"}))
				require.Len(t, w.inFlight, nodes-1, "the proposals do not wait for the proposer's disk")
				for id := 2; id <= nodes; id++ {
					for _, p := range w.take(1, fmt.Sprintf("1>%d", id)) {
						w.deliver(p)
					}
					acknowledged := w.take(-1, fmt.Sprintf("%d>1", id))
					require.Equal(t, !isStuck(id), len(acknowledged) == 1, "node %d acknowledges what is durable", id)
					for _, p := range acknowledged {
						w.deliver(p)
					}
				}
				require.Equal(t, working > nodes/2, len(w.replies) == 2, "the reply waits for a majority of syncs, whichever they are")
				for _, h := range w.hosts[1:] {
					h.slow = false
					h.sync()
				}
				w.deliverAll()
				require.Len(t, w.replies, 2)
				require.Equal(t, node.Committed, w.replies[1].Outcome)
			})
		}
	}
}

// An acceptor that has executed its requests up to the mark behind the sync has said nothing.
func TestNothingIsAcknowledgedBeforeItsSync(t *testing.T) {
	w := newWorld(3, nil)
	acceptor := w.hosts[2]
	acceptor.slow = true
	w.request(1, request([]string{"c1.1", "propose", key, "Running"}))
	for range 2 { // the prepare, and the accept
		for _, p := range w.take(1, "1>2") {
			w.deliver(p)
		}
		acceptor.executeBatch(func() { require.Empty(t, w.take(-1, "2>1")) })
		acknowledged := w.take(-1, "2>1")
		require.Len(t, acknowledged, 1)
		w.deliver(acknowledged[0])
	}
	require.Equal(t, node.Committed, w.replies[0].Outcome, "by nodes 1 and 2")
}

// A report waits for the record of its own machine, and for no later one.
func TestReportWaitsForItsOwnRecord(t *testing.T) {
	w := newWorld(3, nil)
	member := w.hosts[2]
	member.slow = true
	for i, machine := range []string{"lifecycle/a", "lifecycle/b"} { // the record of b waits until that of a is synced
		w.request(1, request([]string{fmt.Sprintf("c1.%d", i), "propose", machine, "Running"}))
		w.deliver(w.take(1, "1>2")[0])
	}
	w.request(3, request([]string{"c2.1", "read", "lifecycle/a"}))
	w.deliver(w.take(1, "3>2")[0])
	require.Empty(t, w.take(-1, "2>"))
	member.executeBatch(func() { require.Empty(t, w.take(-1, "2>")) })
	sent := w.take(-1, "2>")
	slices.SortFunc(sent, func(a, b packet) int { return strings.Compare(a.String(), b.String()) })
	require.Len(t, sent, 2, "%v", sent)
	require.Contains(t, sent[0].String(), "acknowledgment-prepare lifecycle/a")
	require.Contains(t, sent[1].String(), "read-report lifecycle/a")
}

// executeBatch executes the requests of a batch: up to a sync, and the mark behind it. It
// calls before first, for each.
func (h *host) executeBatch(before func()) {
	for synced, marked := false, false; !marked; {
		before()
		marked, synced = synced, synced || h.pendingIO[0].Op == wal.Sync
		h.executeNext()
	}
}
