package lockstep

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// told is one thing that a node's rounds have done for a machine, kept to tell
// why nothing ends there.
type told struct {
	at       scenarios.Duration
	id       sim.ID
	what     what
	phase    node.Phase
	ballot   node.Ballot
	attempts uint32
	refused  uint8
}

type what uint8

const (
	roundBegun what = iota
	roundChosen
	roundEnded
)

// maxTold is how much of a machine's story is kept: the end.
const maxTold = 32

// account is the end of what was told of a machine.
type account struct {
	ring []told
	n    int // told so far
}

// tell adds to a machine's story, when the storm is over.
func (o *oracle) tell(t *truth, what told) {
	if o.now < o.plan.Heal.At {
		return
	}
	s := &t.story
	if s.ring == nil {
		s.ring = make([]told, maxTold)
	}
	what.at, what.id = o.now, o.id
	s.ring[s.n%maxTold] = what
	s.n++
}

// lines are what is kept of a story, in order.
func (s *account) lines() []told {
	if s.n < maxTold {
		return s.ring[:s.n]
	}
	first := s.n % maxTold
	return slices.Concat(s.ring[first:], s.ring[:first])
}

// RecentActivity implements scenarios.Storyteller.
func (r *run) RecentActivity(machine string) string {
	story := r.oracle.machine(cmp.Or(machine, r.oracle.latest())).story.lines()
	if len(story) == 0 {
		return "; no node has begun a round on the healed network"
	}
	var b strings.Builder
	b.WriteString("; the last rounds were")
	for i := range story {
		fmt.Fprintf(&b, "\n  %v", &story[i])
	}
	return b.String()
}

// latest is the machine whose story has gone on last.
func (o *oracle) latest() (key string) {
	last := scenarios.Duration(-1)
	for _, k := range o.keys {
		if lines := o.machine(k).story.lines(); len(lines) > 0 && lines[len(lines)-1].at > last {
			key, last = k, lines[len(lines)-1].at
		}
	}
	return key
}

func (t *told) String() string {
	s := fmt.Sprintf("%-14v node %d ", t.at, t.id)
	switch t.what {
	case roundBegun:
		return s + fmt.Sprintf("begins to %v %v", t.phase, t.ballot)
	case roundChosen:
		return s + fmt.Sprintf("has its value chosen at %v", t.ballot)
	}
	return s + fmt.Sprintf("gives %v up: %d attempts, refused by %d", t.ballot, t.attempts, t.refused)
}
