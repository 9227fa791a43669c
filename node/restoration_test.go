package node_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/internal/waltest"
	"github.com/stretchr/testify/require"
)

// restored is the values that clusters of these tests are restored with: serials are
// counted from 0, as in a cluster that was never restored.
func restored(t *testing.T) map[string]*node.Value {
	entry := func(n int, to string) node.Entry {
		return node.Entry{ID: node.OpID(fmt.Sprintf("old.%d", n)), To: to}
	}
	return map[string]*node.Value{
		"definition/lamp": {Version: 1, Serial: 1, StateBefore: fsm.Undefined, State: text(t, lamp()), Window: []node.Entry{entry(0, text(t, lamp()))}},
		"lamp/hall":       {Version: 7, Serial: 7, StateBefore: "on", State: "off", Window: []node.Entry{entry(1, "off"), entry(2, "on"), entry(3, "off")}},
		"lifecycle/x": {Version: 1, Serial: 2, StateBefore: "Init", State: "Running", Window: []node.Entry{
			entry(4, "Running"), {ID: "old.5", To: "Running", Requested: "Init", Kind: node.EntryTombstone},
		}},
	}
}

// restoredOrder is the keys of restored: a definition comes before its machines.
var restoredOrder = []string{"definition/lamp", "lamp/hall", "lifecycle/x"}

// restore gives every node of w a log that was restored, and starts it.
func (w *world) restore(t *testing.T, first uint64) {
	values := restored(t)
	for _, h := range w.hosts[1:] {
		h.crash()
		h.disk = waltest.Disk{}
		r, err := node.NewRestoration(node.RestorationConfig{
			ID: h.id, Members: h.cfg.Members, Cluster: h.cfg.Cluster, Incarnation: [16]byte{byte(h.id)}, Segment: h.cfg.Segment,
			Origin: node.Origin{ID: [32]byte{1}, Backup: [32]byte{2}, FirstSerial: first},
		}, h.disk)
		require.NoError(t, err)
		for _, key := range restoredOrder {
			if key == "definition/lamp" {
				d := lamp()
				require.NoError(t, r.Define(&d))
			}
			r.Add(key, values[key].Recount(0, first))
			execute(r, h.disk)
		}
		r.Finish()
		execute(r, h.disk)
		require.True(t, r.Finished())
	}
	for _, h := range w.hosts[1:] {
		h.start()
		require.NotNil(t, h.node.Origin())
		require.EqualValues(t, 2, h.node.BootNumber(), "the restoration was the first boot: no node proposes in it")
	}
}

// execute carries out the disk requests of a restoration.
func execute(r *node.Restoration, d waltest.Disk) {
	for {
		reqs := r.Take(nil)
		for _, q := range reqs {
			d.Execute(q)
			r.Done(q.Token, nil)
		}
		if len(reqs) == 0 {
			return
		}
	}
}

// askOne sends a request to node 1, and returns the reply.
func (w *world) askOne(r *node.Request) *node.Reply {
	seen := len(w.replies)
	w.hosts[1].step(node.Event{Kind: node.Receive, From: 150, Message: r})
	for range 100 {
		if len(w.replies) > seen {
			break
		}
		w.deliverAll()
		w.tick(20 * time.Millisecond)
	}
	return w.replies[seen]
}

func newRestored(t *testing.T) (w *world, first uint64) {
	first, err := node.FirstSerialAfter(0, 0)
	require.NoError(t, err)
	w = newWorld(3, nil)
	w.restore(t, first)
	return w, first
}

// Restored values are chosen: a read needs no round.
func TestRestoredMachinesAreRead(t *testing.T) {
	w, first := newRestored(t)
	for key, v := range restored(t) {
		reply := w.askOne(&node.Request{Kind: node.Read, Key: key, ID: node.Once("c1.1")})
		require.Equal(t, node.Committed, reply.Outcome, key)
		require.Equal(t, v.State, reply.State, key)
		require.Equal(t, v.Version, reply.Version, "%s: versions go on", key)
		require.Equal(t, first+v.Serial, reply.Serial, key)
	}
	require.Zero(t, w.hosts[1].node.Counters().NoOpReads)
	reply := w.askOne(&node.Request{Kind: node.Read, Key: "lifecycle/new", ID: node.Once("c1.2")})
	require.Equal(t, "Init", reply.State)
	require.Equal(t, first, reply.Serial)
}

// An operation of the cluster that was backed up is recognised if the backup has it. If
// it has not, whatever became of it there, it is never carried out here.
func TestOperationsFromBeforeARestoration(t *testing.T) {
	for name, c := range map[string]struct {
		request node.Request
		outcome node.Outcome
		reason  node.Reason
		version uint64
	}{
		"in the backup":                   {node.Request{Key: "lamp/hall", ID: "old.2", To: "on", Retry: true}, node.Committed, "", 6},
		"in the backup, another request":  {node.Request{Key: "lamp/hall", ID: "old.2", To: "off", Retry: true}, node.Unknown, node.IDConflict, 6},
		"... its first attempt":           {node.Request{Key: "lamp/hall", ID: "old.2", To: "off"}, node.Rejected, node.IDConflict, 6},
		"in the backup, rejected finally": {node.Request{Key: "lifecycle/x", ID: "old.5", To: "Init", Retry: true}, node.Rejected, node.Illegal, 1},
		"after the backup, stamped":       {node.Request{Key: "lamp/hall", ID: node.Stamp("lamp/hall", 7, "c1.1"), To: "on", Retry: true}, node.Unknown, node.WindowExpired, 7},
		"long after the backup":           {node.Request{Key: "lamp/hall", ID: node.Stamp("lamp/hall", 1<<40-20, "c1.1"), To: "on", Retry: true}, node.Unknown, node.WindowExpired, 7},
		"its first attempt":               {node.Request{Key: "lamp/hall", ID: node.Stamp("lamp/hall", 7, "c1.1"), To: "on"}, node.Rejected, node.WindowExpired, 7},
		"a client's own id":               {node.Request{Key: "lamp/hall", ID: "pay-1", To: "on", Retry: true}, node.Unknown, node.WindowExpired, 7},
		"a machine that is not in it":     {node.Request{Key: "lifecycle/new", ID: node.Stamp("lifecycle/new", 0, "c1.1"), To: "Running", Retry: true}, node.Unknown, node.WindowExpired, 0},
		"an own id, and no machine":       {node.Request{Key: "lifecycle/new", ID: "pay-1", To: "Running", Retry: true}, node.Unknown, node.WindowExpired, 0},
		"illegal, and no tombstone":       {node.Request{Key: "lamp/hall", ID: "pay-1", To: "off", Retry: true}, node.Unknown, node.WindowExpired, 7},
	} {
		t.Run(name, func(t *testing.T) {
			w, _ := newRestored(t)
			c.request.Kind = node.Propose
			reply := w.askOne(&c.request)
			require.Equal(t, c.outcome, reply.Outcome, reply)
			require.Equal(t, c.reason, reply.Reason, reply)
			require.Equal(t, c.version, reply.Version, reply)
		})
	}
}

// New operations go on from the restored version.
func TestOperationsAfterARestoration(t *testing.T) {
	w, first := newRestored(t)
	for _, key := range []string{"lamp/hall", "lifecycle/new"} {
		before := w.askOne(&node.Request{Kind: node.Read, Key: key, ID: node.Once("c1.1")})
		to := map[string]string{"lamp/hall": "on", "lifecycle/new": "Running"}[key]
		id := node.Stamp(key, before.Serial, "c1.2")
		reply := w.askOne(&node.Request{Kind: node.Propose, Key: key, ID: id, To: to})
		require.Equal(t, node.Committed, reply.Outcome)
		require.Equal(t, before.Version+1, reply.Version)
		require.Greater(t, reply.Serial, first)
		require.Equal(t, before.Version+1, w.askOne(&node.Request{Kind: node.Propose, Key: key, ID: id, To: to, Retry: true}).Version, "sent again")
	}
}

func TestRestorationNeedsAnEmptyDirectory(t *testing.T) {
	w, _ := newRestored(t)
	h := w.hosts[1]
	_, err := node.NewRestoration(node.RestorationConfig{ID: 1, Members: h.cfg.Members, Segment: 4 << 10}, h.disk)
	require.ErrorIs(t, err, node.ErrNotEmpty)
}

func TestFirstSerials(t *testing.T) {
	first, generations := uint64(0), 0
	for {
		next, err := node.FirstSerialAfter(first, uint64(generations))
		if err != nil {
			require.ErrorIs(t, err, node.ErrConfig)
			break
		}
		require.GreaterOrEqual(t, next, first+1<<40)
		require.LessOrEqual(t, next, uint64(node.MaxFirstSerial))
		first, generations = next, generations+1
	}
	require.Greater(t, generations, 1000)
	a, _ := node.FirstSerialAfter(0, 1)
	b, _ := node.FirstSerialAfter(0, 2)
	require.NotEqual(t, a, b, "clusters restored from one backup")
}

// A backup's values come from anywhere: none is taken on trust.
func TestValuesAreChecked(t *testing.T) {
	d := fsm.Lifecycle()
	good := restored(t)["lifecycle/x"]
	require.NoError(t, node.CheckValue(good, &d, 0))
	require.NoError(t, node.CheckValue(good.Recount(0, 1<<41), &d, 1<<41))
	require.ErrorIs(t, node.CheckValue(good, &d, 1<<41), node.ErrRecord, "a serial below the first")
	bytes := node.AppendValue(nil, good)
	v, err := node.ParseValue(bytes)
	require.NoError(t, err)
	require.True(t, v.Equal(good))
	for n := range bytes {
		if v, err := node.ParseValue(bytes[:n]); err == nil {
			require.ErrorIs(t, node.CheckValue(v, &d, 0), node.ErrRecord, "%d bytes", n)
		}
	}
}

// Chaos over a restored cluster: besides all that TestChaosOverUserMachines asks for, no
// operation of the cluster that was backed up is carried out, whenever it is sent again.
func TestChaosAfterARestoration(t *testing.T) {
	seeds := uint64(40)
	if testing.Short() {
		seeds = 10
	}
	late := 0
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			s := newChaos(t, seed, 1)
			first, err := node.FirstSerialAfter(0, seed)
			require.NoError(t, err)
			s.w.restore(t, first)
			old := rand.New(rand.NewPCG(seed, 1))
			for i := range 6000 {
				s.randomEvent()
				if h := s.host(); h.node != nil && old.IntN(40) == 0 {
					key := chaosKeys[old.IntN(len(chaosKeys))]
					to := []string{"on", "off", "Running", "Stopped"}[old.IntN(4)]
					h.step(node.Event{Kind: node.Receive, From: 199, Message: &node.Request{
						Kind: node.Propose, Key: key, ID: node.Stamp(key, uint64(old.IntN(30)), fmt.Sprintf("late.%d", i)), To: to, Retry: old.IntN(4) > 0,
					}})
					late++
				}
				s.dropRepliesTo("late.")
				s.checkLearnt()
			}
			s.lossless = true
			for _, h := range s.w.hosts[1:] {
				if h.slow = false; h.node == nil {
					h.start()
				}
				h.sync()
			}
			for range 3 { // the nodes answer late messages
				s.w.tick(time.Second)
				s.dropRepliesTo("late.")
			}
			s.advanceTime(30 * time.Second)
			s.requireOutcomesHold()
			s.requireSettled()
			for _, key := range chaosKeys {
				for serial, e := range s.history[key] {
					require.NotContains(t, string(e.ID), "late.", "%s: entry %d", key, serial)
				}
			}
			for key, v := range restored(t) {
				for i, e := range v.Window {
					serial := first + v.Serial - uint64(len(v.Window)-1-i)
					if was, found := s.history[key][serial]; found {
						require.Equal(t, e, was, "%s: entry %d is as it was restored", key, serial)
					}
				}
			}
		})
	}
	require.Positive(t, late)
}

// dropRepliesTo drops the replies to operations of that name, and checks that none was
// carried out.
func (s *chaos) dropRepliesTo(name string) {
	kept := s.w.replies[:s.repliesSeen]
	for _, r := range s.w.replies[s.repliesSeen:] {
		if len(r.ID.Name()) > len(name) && r.ID.Name()[:len(name)] == name {
			require.NotEqual(s.t, node.Committed, r.Outcome, r)
			continue
		}
		kept = append(kept, r)
	}
	s.w.replies = kept
}
