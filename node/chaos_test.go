package node_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/session"
	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/stretchr/testify/require"
)

// chaos is a cluster with all difficulties of user-defined machines at once: racing
// definitions, retirement, retries and abort tombstones, small dedup windows and
// logs, lost and duplicate messages, slow disks, restarts, repair.
type chaos struct {
	t           *testing.T
	w           *world
	rand        *rand.Rand
	lossless    bool // no more losses
	sessions    []*session.Session
	operations  []*clientOp // in order
	repliesSeen int         // replies that were handled
	history     map[string]map[uint64]node.Entry
}

// clientOp is an operation of a client.
type clientOp struct {
	op     session.Operation
	call   *session.Call
	wake   time.Duration
	done   bool
	result session.Result
	final  bool // a node has rejected it finally
}

var chaosKeys = []string{"definition/lamp", "lamp/hall", "lamp/attic", "lifecycle/x", "lifecycle/y"}

func newChaos(t *testing.T, seed uint64, open int) *chaos {
	s := &chaos{t: t, rand: rand.New(rand.NewPCG(seed, 0)), history: map[string]map[uint64]node.Entry{}}
	window, segment := 2+s.rand.IntN(6), 256<<s.rand.IntN(4)
	s.w = newWorld(3, func(cfg *node.Config) {
		cfg.DedupWindow, cfg.Batch, cfg.Segment, cfg.Open = window, 1+s.rand.IntN(max(1, window/2)), segment, open
		cfg.LogForm = []wal.Form{wal.FormWhole, wal.FormAuto, wal.FormAuto}[seed%3]
		cfg.RepairDelay, cfg.ConsensusTimeout, cfg.ResendTimeout = 300*time.Millisecond, 600*time.Millisecond, 60*time.Millisecond
	})
	for i := range uint64(3) {
		one, err := session.New(session.Config{
			Nodes: []node.ID{1, 2, 3}, AttemptTimeout: 200 * time.Millisecond, Deadline: 3 * time.Second, MaxPause: 30 * time.Millisecond, Jitter: i,
		})
		require.NoError(t, err)
		s.sessions = append(s.sessions, one)
	}
	for _, key := range chaosKeys {
		s.history[key] = map[uint64]node.Entry{}
	}
	return s
}

func (s *chaos) host() *host { return s.w.hosts[1+s.rand.IntN(3)] }

// chance is true in percent of all cases.
func (s *chaos) chance(percent int) bool { return s.rand.IntN(100) < percent }

// ask begins an operation of a random client.
func (s *chaos) ask(kind node.Kind, key, to string) *clientOp {
	client := s.rand.IntN(len(s.sessions))
	a := &clientOp{op: session.Operation{
		Name: fmt.Sprintf("c%d.%d", client+1, len(s.operations)), Kind: kind, Key: key, To: to, Node: s.host().id,
		Expects: kind == node.Propose && s.chance(30), Expect: uint64(s.rand.IntN(6)),
	}}
	s.operations = append(s.operations, a)
	call, first := s.sessions[client].Begin(s.w.now, a.op)
	a.call = call
	s.applyAction(a, first)
	return a
}

// applyAction carries out the action of a client's session. Some requests are lost.
func (s *chaos) applyAction(a *clientOp, next session.Action) {
	a.done, a.result = next.Done, next.Result
	if next.Wake > 0 {
		a.wake = s.w.now + next.Wake
	}
	if next.Request != nil && s.w.hosts[next.To].node != nil && (s.lossless || s.chance(90)) {
		s.w.request(int(next.To), next.Request)
	}
}

// startOperation begins a random operation.
func (s *chaos) startOperation() {
	pick := func(list ...string) string { return list[s.rand.IntN(len(list))] }
	key := pick(chaosKeys...)
	other := lamp()
	other.Transitions = append(other.Transitions, fsm.Transition{From: "off", To: "broken"})
	switch definition, _, _ := strings.Cut(key, "/"); {
	case s.chance(20):
		s.ask(node.Read, key, "")
	case s.chance(8):
		s.ask(node.Propose, key, fsm.Retired)
	case definition == fsm.MetaName:
		s.ask(node.Propose, key, pick(text(s.t, lamp()), text(s.t, other)))
	case definition == "lamp":
		s.ask(node.Propose, key, pick("on", "off", "on", "off", "broken"))
	default:
		s.ask(node.Propose, key, pick(fsm.Lifecycle().States...))
	}
}

// randomEvent makes one random event happen.
func (s *chaos) randomEvent() {
	w, h := s.w, s.host()
	switch x := s.rand.IntN(100); {
	case x < 3 && len(s.operations) < 120:
		s.startOperation()
	case x < 86 && len(w.inFlight) > 0:
		i := 0
		if s.chance(30) {
			i = s.rand.IntN(len(w.inFlight))
		}
		p := w.inFlight[i]
		if s.chance(95) {
			w.inFlight = slices.Delete(w.inFlight, i, i+1)
		}
		if s.chance(97) {
			w.deliver(p)
		}
	case x < 92:
		w.tick(time.Duration(s.rand.IntN(25)) * time.Millisecond)
	case h.node == nil:
		h.slow = false
		h.start()
	case x < 93 && s.chance(30):
		h.crash()
	case x < 94:
		h.slow = !h.slow && s.chance(50)
	case len(h.pendingIO) > 0:
		h.sync()
	}
}

// checkLearnt delivers replies to clients and records the chosen entries.
func (s *chaos) checkLearnt() {
	for ; s.repliesSeen < len(s.w.replies); s.repliesSeen++ {
		r := s.w.replies[s.repliesSeen]
		i := slices.IndexFunc(s.operations, func(a *clientOp) bool { return a.op.Name == r.ID.Name() })
		a := s.operations[i]
		a.final = a.final || r.Final
		if r.Outcome == node.Committed && r.Kind == node.Propose {
			s.recordEntry(r.Key, r.Serial, node.Entry{ID: r.ID, To: r.State})
		}
		if !a.done && (s.lossless || s.chance(90)) {
			s.applyAction(a, a.call.Reply(s.w.now, r))
		}
	}
	for _, a := range s.operations {
		if !a.done && a.wake <= s.w.now {
			s.applyAction(a, a.call.Tick(s.w.now))
		}
	}
	for _, h := range s.w.hosts[1:] {
		for _, key := range chaosKeys {
			if h.node == nil {
				continue
			}
			if v := h.node.Inspect(key).Learnt; v != nil {
				for i, e := range v.Window {
					s.recordEntry(key, v.Serial-uint64(len(v.Window)-1-i), e)
				}
			}
		}
	}
	require.NotContains(s.t, s.w.takeTranscript(), node.ErrStopped.Error())
}

// recordEntry checks that a chosen entry never changes.
func (s *chaos) recordEntry(key string, serial uint64, e node.Entry) {
	if was, found := s.history[key][serial]; found && was != e {
		require.Equal(s.t, was, e, "%s: entry %d", key, serial)
	}
	s.history[key][serial] = e
}

// advanceTime advances time without faults.
func (s *chaos) advanceTime(d time.Duration) {
	for end := s.w.now + d; s.w.now < end; s.checkLearnt() {
		s.w.deliverAll()
		s.w.tick(20 * time.Millisecond)
	}
}

// requireOutcomesHold compares the outcomes at the clients with the chosen entries.
func (s *chaos) requireOutcomesHold() {
	for _, a := range s.operations {
		require.True(s.t, a.done, a.op)
		times, made := 0, 0
		for _, e := range s.history[a.op.Key] {
			if e.ID.Name() == a.op.Name {
				times++
				if e.Kind == node.EntryTransition {
					made++
				}
			}
		}
		require.LessOrEqual(s.t, times, 1, a.op)
		switch {
		case a.op.Kind != node.Propose:
		case a.final || a.result.Outcome == node.Rejected:
			require.Zero(s.t, made, a.op)
		case a.result.Outcome == node.Committed:
			require.Equal(s.t, 1, made, a.op)
		}
	}
}

// requireSettled checks that all nodes hold the same, have no work left, and serve.
func (s *chaos) requireSettled() {
	for _, h := range s.w.hosts[1:] {
		require.Empty(s.t, h.node.PendingWork())
		for _, key := range chaosKeys {
			first, here := s.w.hosts[1].node.Inspect(key), h.node.Inspect(key)
			require.Equal(s.t, first.Accepted, here.Accepted, key)
			require.Equal(s.t, first.Value, here.Value, key)
		}
	}
	require.Empty(s.t, s.w.inFlight)
	for _, key := range chaosKeys[1:] {
		a := s.ask(node.Propose, key, "off")
		s.advanceTime(4 * time.Second)
		if a.result.Outcome == node.Unknown { // asked of two nodes, of a machine in a terminal state, which gets no tombstones
			require.Equal(s.t, node.WindowExpired, a.result.Reason)
		}
		require.NotEqual(s.t, node.Timeout, a.result.Reason)
	}
}

// In spite of all faults, an operation takes effect at most once, outcomes are true,
// no life rejects the log of the one before, and in the end all nodes hold the
// same.
func TestChaosOverUserMachines(t *testing.T) {
	seeds := uint64(60)
	if testing.Short() {
		seeds = 15
	}
	var copied, pulled, entries uint64
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			s := newChaos(t, seed, int(seed%4))
			for range 6000 {
				s.randomEvent()
				s.checkLearnt()
			}
			s.lossless = true
			for _, h := range s.w.hosts[1:] {
				if h.slow = false; h.node == nil {
					h.start()
				}
				h.sync()
			}
			s.advanceTime(30 * time.Second)
			s.requireOutcomesHold()
			s.requireSettled()
			for _, h := range s.w.hosts[1:] {
				c := h.node.Counters()
				require.Zero(t, h.node.Use().Discarded, "malformed messages")
				copied, pulled = copied+c.Copied, pulled+c.Pulled
			}
			for _, key := range chaosKeys {
				entries += uint64(len(s.history[key]))
			}
		})
	}
	require.Positive(t, copied)
	require.Positive(t, pulled)
	require.Greater(t, entries, 15*seeds) // tombstones, a third of them in the past, are bounded
}
