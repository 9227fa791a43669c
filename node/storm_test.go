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
	"github.com/stretchr/testify/require"
)

// storm is a cluster in which everything happens that the machines of users
// meet at once: definitions that race, retirement, retries and void entries,
// small rings and logs, lost and doubled messages, slow disks, restarts, repair.
type storm struct {
	t        *testing.T
	w        *world
	rand     *rand.Rand
	calm     bool // nothing is lost any more
	sessions []*session.Session
	asked    []*asked // all operations, in order
	heard    int      // replies
	history  map[string]map[uint64]node.Entry
}

// asked is an operation of a client.
type asked struct {
	op     session.Operation
	call   *session.Call
	wake   time.Duration
	done   bool
	result session.Result
	final  bool // a node has rejected it for good
}

var stormy = []string{"definition/lamp", "lamp/hall", "lamp/attic", "lifecycle/x", "lifecycle/y"}

func newStorm(t *testing.T, seed uint64) *storm {
	s := &storm{t: t, rand: rand.New(rand.NewPCG(seed, 0)), history: map[string]map[uint64]node.Entry{}}
	ring, segment := 2+s.rand.IntN(6), 256<<s.rand.IntN(4)
	s.w = newWorld(3, func(cfg *node.Config) {
		cfg.Ring, cfg.Batch, cfg.Segment = ring, 1+s.rand.IntN(max(1, ring/2)), segment
		cfg.RepairDelay, cfg.ConsensusTimeout, cfg.RetryDelay = 300*time.Millisecond, 600*time.Millisecond, 60*time.Millisecond
	})
	for i := range uint64(3) {
		one, err := session.New(session.Config{
			Nodes: []node.ID{1, 2, 3}, Attempt: 200 * time.Millisecond, Deadline: 3 * time.Second, Pause: 30 * time.Millisecond, Jitter: i,
		})
		require.NoError(t, err)
		s.sessions = append(s.sessions, one)
	}
	for _, key := range stormy {
		s.history[key] = map[uint64]node.Entry{}
	}
	return s
}

func (s *storm) host() *host { return s.w.hosts[1+s.rand.IntN(3)] }

// often is true so many times in a hundred.
func (s *storm) often(percent int) bool { return s.rand.IntN(100) < percent }

// ask has a client begin an operation.
func (s *storm) ask(kind node.Kind, key, to string) *asked {
	client := s.rand.IntN(len(s.sessions))
	a := &asked{op: session.Operation{
		Name: fmt.Sprintf("c%d.%d", client+1, len(s.asked)), Kind: kind, Key: key, To: to, Node: s.host().id,
		Expects: kind == node.Propose && s.often(30), Expect: uint64(s.rand.IntN(6)),
	}}
	s.asked = append(s.asked, a)
	call, first := s.sessions[client].Begin(s.w.now, a.op)
	a.call = call
	s.take(a, first)
	return a
}

// take does what a client's session wants. Some requests are lost.
func (s *storm) take(a *asked, next session.Action) {
	a.done, a.result = next.Done, next.Result
	if next.Wake > 0 {
		a.wake = s.w.now + next.Wake
	}
	if next.Request != nil && s.w.hosts[next.To].node != nil && (s.calm || s.often(90)) {
		s.w.request(int(next.To), next.Request)
	}
}

// draw is a new operation.
func (s *storm) draw() {
	pick := func(list ...string) string { return list[s.rand.IntN(len(list))] }
	key := pick(stormy...)
	other := lamp()
	other.Transitions = append(other.Transitions, fsm.Transition{From: "off", To: "broken"})
	switch definition, _, _ := strings.Cut(key, "/"); {
	case s.often(20):
		s.ask(node.Read, key, "")
	case s.often(8):
		s.ask(node.Propose, key, fsm.Retired)
	case definition == fsm.Meta:
		s.ask(node.Propose, key, pick(text(s.t, lamp()), text(s.t, other)))
	case definition == "lamp":
		s.ask(node.Propose, key, pick("on", "off", "on", "off", "broken"))
	default:
		s.ask(node.Propose, key, pick(fsm.Lifecycle().States...))
	}
}

// happen is one thing that happens.
func (s *storm) happen() {
	w, h := s.w, s.host()
	switch x := s.rand.IntN(100); {
	case x < 3 && len(s.asked) < 120:
		s.draw()
	case x < 86 && len(w.flight) > 0:
		i := 0
		if s.often(30) {
			i = s.rand.IntN(len(w.flight))
		}
		p := w.flight[i]
		if s.often(95) {
			w.flight = slices.Delete(w.flight, i, i+1)
		}
		if s.often(97) {
			w.deliver(p)
		}
	case x < 92:
		w.tick(time.Duration(s.rand.IntN(25)) * time.Millisecond)
	case h.node == nil:
		h.slow = false
		h.start()
	case x < 93 && s.often(30):
		h.crash()
	case x < 94:
		h.slow = !h.slow && s.often(50)
	case len(h.todo) > 0:
		h.sync()
	}
}

// look has the clients hear what was said to them, and notes what is chosen.
func (s *storm) look() {
	for ; s.heard < len(s.w.replies); s.heard++ {
		r := s.w.replies[s.heard]
		i := slices.IndexFunc(s.asked, func(a *asked) bool { return a.op.Name == r.ID.Name() })
		a := s.asked[i]
		a.final = a.final || r.Final
		if r.Outcome == node.Committed && r.Kind == node.Propose {
			s.note(r.Key, r.Serial, node.Entry{ID: r.ID, To: r.State})
		}
		if !a.done && (s.calm || s.often(90)) {
			s.take(a, a.call.Reply(s.w.now, r))
		}
	}
	for _, a := range s.asked {
		if !a.done && a.wake <= s.w.now {
			s.take(a, a.call.Tick(s.w.now))
		}
	}
	for _, h := range s.w.hosts[1:] {
		for _, key := range stormy {
			if h.node == nil {
				continue
			}
			if v := h.node.Inspect(key).Learnt; v != nil {
				for i, e := range v.Recent {
					s.note(key, v.Serial-uint64(len(v.Recent)-1-i), e)
				}
			}
		}
	}
	require.NotContains(s.t, s.w.since(), node.ErrStopped.Error())
}

// note: a chosen entry stays what it is.
func (s *storm) note(key string, serial uint64, e node.Entry) {
	if was, found := s.history[key][serial]; found && was != e {
		require.Equal(s.t, was, e, "%s: entry %d", key, serial)
	}
	s.history[key][serial] = e
}

// pass lets time pass without any harm.
func (s *storm) pass(d time.Duration) {
	for end := s.w.now + d; s.w.now < end; s.look() {
		s.w.deliverAll()
		s.w.tick(20 * time.Millisecond)
	}
}

// requireHonest compares what the clients were told with what was chosen.
func (s *storm) requireHonest() {
	for _, a := range s.asked {
		require.True(s.t, a.done, a.op)
		times, made := 0, 0
		for _, e := range s.history[a.op.Key] {
			if e.ID.Name() == a.op.Name {
				times++
				if e.Kind == node.Made {
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

// requireSettled: all nodes hold the same, do nothing, and serve.
func (s *storm) requireSettled() {
	for _, h := range s.w.hosts[1:] {
		require.Empty(s.t, h.node.Waiting())
		for _, key := range stormy {
			first, here := s.w.hosts[1].node.Inspect(key), h.node.Inspect(key)
			require.Equal(s.t, first.Accepted, here.Accepted, key)
			require.Equal(s.t, first.Value, here.Value, key)
		}
	}
	require.Empty(s.t, s.w.flight)
	for _, key := range stormy[1:] {
		a := s.ask(node.Propose, key, "off")
		s.pass(4 * time.Second)
		require.NotEqual(s.t, node.Unknown, a.result.Outcome)
		require.NotEqual(s.t, node.Timeout, a.result.Reason)
	}
}

// Whatever happens, an operation takes effect at most once, clients are told the
// truth, no life refuses the log of the one before, and in the end all nodes hold
// the same.
func TestStormsOverMachinesOfUsers(t *testing.T) {
	seeds := uint64(60)
	if testing.Short() {
		seeds = 15
	}
	var copied, pulled, entries uint64
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			s := newStorm(t, seed)
			for range 6000 {
				s.happen()
				s.look()
			}
			s.calm = true
			for _, h := range s.w.hosts[1:] {
				if h.slow = false; h.node == nil {
					h.start()
				}
				h.sync()
			}
			s.pass(30 * time.Second)
			s.requireHonest()
			s.requireSettled()
			for _, h := range s.w.hosts[1:] {
				c := h.node.Counters()
				require.Zero(t, c.Failed)
				copied, pulled = copied+c.Copied, pulled+c.Pulled
			}
			for _, key := range stormy {
				entries += uint64(len(s.history[key]))
			}
		})
	}
	require.Positive(t, copied)
	require.Positive(t, pulled)
	require.Greater(t, entries, 15*seeds) // voids, which were a third of them, are bounded
}
