package member_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/stretchr/testify/require"
)

// Whatever befalls honest members, be it while their cluster is being formed: when it is
// over all hear all, nobody was ever accused, and nobody says anything more.
func TestHonestMembersMeet(t *testing.T) {
	for seed := range uint64(600) {
		s := &storm{Rand: rand.New(rand.NewPCG(seed, 0))}
		s.world = newWorld(2 + s.IntN(6))
		s.random = s.delivers
		for range 20 + s.IntN(60) {
			s.strike()
			s.run(time.Duration(s.IntN(400)) * time.Millisecond)
		}
		s.calm()
		s.run(5 * time.Minute)
		for _, h := range s.hosts[1:] {
			require.NotNil(t, h.member, "seed %d: node %d ended\n%s", seed, h.id, &s.told)
			is := h.member.Standing()
			require.True(t, is.Ready && len(is.Hears) == len(s.hosts)-2, "seed %d: node %d: %+v\n%s", seed, h.id, is, &s.told)
		}
		require.NotContains(t, s.told.String(), "notice", "seed %d", seed)
		require.NotContains(t, s.told.String(), "abstains", "seed %d", seed)
		before := s.talk
		s.run(5 * time.Minute)
		require.Equal(t, before, s.talk, "seed %d: introductions in peace", seed)
	}
}

// storm is what can befall honest members: links are cut, messages are lost, late
// and double, members crash with a part of what they gave their disks, and again while
// they start.
type storm struct {
	*world
	*rand.Rand
	loss int // of a hundred messages
}

// delivers reports whether a message arrives now. It may also do so later.
func (s *storm) delivers(p parcel) bool {
	if s.IntN(100) < s.loss {
		return false
	}
	later := p
	later.at = s.now + time.Duration(s.IntN(4000))*time.Millisecond
	switch k := s.IntN(20); {
	case k < 2: // late
		s.flight = append(s.flight, later)
		return false
	case k < 3: // double
		s.flight = append(s.flight, later)
	}
	return true
}

func (s *storm) strike() {
	h := s.hosts[1+s.IntN(len(s.hosts)-1)]
	switch k := s.IntN(10); {
	case h.member == nil:
		h.start()
	case k < 2:
		s.crash(h)
	case k < 4:
		h.slow = !h.slow
	case k < 5:
		s.loss = s.IntN(60)
	case k < 7:
		s.cutOrJoin(int(h.id), 1+s.IntN(len(s.hosts)-1))
	case h.member.Ready():
		id := node.OpID(fmt.Sprintf("c1.%d", s.IntN(1000)))
		to := []string{"Running", "Stopped"}[s.IntN(2)]
		h.step(node.Event{Kind: node.Receive, From: 101, Message: &node.Request{Kind: node.Propose, Key: "lifecycle/x", To: to, ID: id}})
	}
	if h.slow {
		h.syncSome(s.IntN(4))
	} else {
		h.sync()
	}
}

// crash leaves on the disk a part of what it was given, and may do so again in the
// midst of the next start.
func (s *storm) crash(h *host) {
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

func (s *storm) cutOrJoin(a, b int) {
	link := fmt.Sprintf("%d>%d", a, b)
	if s.IntN(2) == 0 {
		s.cut = append(s.cut, link, fmt.Sprintf("%d>%d", b, a))
	} else {
		s.cut = nil
	}
}

// calm ends it all. What is late may still arrive.
func (s *storm) calm() {
	s.cut, s.random = nil, nil
	for _, h := range s.hosts[1:] {
		h.slow = false
		h.sync()
		if h.member == nil {
			h.start()
		}
	}
}
