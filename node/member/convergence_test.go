package member_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/stretchr/testify/require"
)

// Honest members under any faults, also while their cluster is being formed: once
// the faults end, all admit all, no log was ever disputed, and no more messages
// are sent.
func TestMembersConvergeAfterFaults(t *testing.T) {
	for seed := range uint64(600) {
		s := &faults{Rand: rand.New(rand.NewPCG(seed, 0))}
		s.world = newWorld(2 + s.IntN(6))
		s.randomLoss = s.deliversNow
		restored := seed%3 == 0
		for _, h := range s.hosts[1:] {
			if restored {
				h.restore('b', "")
			}
		}
		for range 20 + s.IntN(60) {
			s.inject()
			s.run(time.Duration(s.IntN(400)) * time.Millisecond)
		}
		s.heal()
		s.run(5 * time.Minute)
		for _, h := range s.hosts[1:] {
			require.NotNil(t, h.member, "seed %d: node %d ended\n%s", seed, h.id, &s.output)
			is := h.member.Status()
			require.True(t, is.Ready && len(is.Admitted) == len(s.hosts)-2, "seed %d: node %d: %+v\n%s", seed, h.id, is, &s.output)
			require.Equal(t, restored, h.member.Node().Origin() != nil)
		}
		require.NotContains(t, s.output.String(), "notice", "seed %d", seed)
		require.NotContains(t, s.output.String(), "abstains", "seed %d", seed)
		before := s.introductions
		s.run(5 * time.Minute)
		require.Equal(t, before, s.introductions, "seed %d: introductions in peace", seed)
	}
}

// faults is a fault phase: links are cut, messages are lost, delayed and
// duplicated, and members crash with a part of their writes on disk, also during a
// start.
type faults struct {
	*world
	*rand.Rand
	lossPercent int // percentage of messages lost
}

// deliversNow reports whether a message arrives now. It may also arrive later.
func (s *faults) deliversNow(p packet) bool {
	if s.IntN(100) < s.lossPercent {
		return false
	}
	later := p
	later.at = s.now + time.Duration(s.IntN(4000))*time.Millisecond
	switch k := s.IntN(20); {
	case k < 2: // delayed
		s.inFlight = append(s.inFlight, later)
		return false
	case k < 3: // duplicated
		s.inFlight = append(s.inFlight, later)
	}
	return true
}

func (s *faults) inject() {
	h := s.hosts[1+s.IntN(len(s.hosts)-1)]
	switch k := s.IntN(10); {
	case h.member == nil:
		h.start()
	case k < 2:
		s.crash(h)
	case k < 4:
		h.slow = !h.slow
	case k < 5:
		s.lossPercent = s.IntN(60)
	case k < 7:
		s.cutOrJoin(int(h.id), 1+s.IntN(len(s.hosts)-1))
	case h.member.Ready():
		id := node.OpID(fmt.Sprintf("c1.%d", s.IntN(1000)))
		to := []string{"Running", "Stopped"}[s.IntN(2)]
		h.step(node.Event{Kind: node.Receive, From: 1101, Message: &node.Request{Kind: node.Propose, Key: "lifecycle/x", To: to, ID: id}})
	}
	if h.slow {
		h.syncSome(s.IntN(4))
	} else {
		h.sync()
	}
}

// crash leaves a part of the pending writes on the disk, and may do the same again
// during the next start.
func (s *faults) crash(h *host) {
	h.syncSome(s.IntN(6))
	h.crash()
	if s.IntN(2) == 0 {
		h.slow = true
		h.start()
		h.syncSome(s.IntN(14))
		if s.IntN(2) == 0 {
			h.crash()
		}
	}
}

func (s *faults) cutOrJoin(a, b int) {
	link := fmt.Sprintf("%d>%d", a, b)
	if s.IntN(2) == 0 {
		s.cut = append(s.cut, link, fmt.Sprintf("%d>%d", b, a))
	} else {
		s.cut = nil
	}
}

// heal ends the fault phase. Delayed messages may still arrive.
func (s *faults) heal() {
	s.cut, s.randomLoss = nil, nil
	for _, h := range s.hosts[1:] {
		h.slow = false
		h.sync()
		if h.member == nil {
			h.start()
		}
	}
}
