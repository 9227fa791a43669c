package report

import (
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// mostClientLanes is the number of clients up to which each has a lane of its own. Jepsen
// gives the place of a client that crashed to another one, so there may be thousands.
const mostClientLanes = 24

// addLanes adds the lanes of the clients, and returns the lane of each.
func (h *historyRun) addLanes() map[int]sim.ID {
	lives := h.lives()
	byClient := func(x, y *life) int { return x.client - y.client }
	var lanes [][]*life
	if len(lives) <= mostClientLanes {
		slices.SortFunc(lives, byClient)
		for _, l := range lives {
			lanes = append(lanes, []*life{l})
		}
	} else {
		lanes = shareLanes(lives)
	}
	h.run.Lanes = []Lane{{0, "world", "annotation"}}
	laneOf := map[int]sim.ID{}
	for i, shared := range lanes {
		id := scenarios.ClientID(i + 1)
		name := fmt.Sprintf("client %d", shared[0].client)
		if n := len(shared); n > 1 {
			name += fmt.Sprintf(" and %d later", n-1)
		}
		h.run.Lanes = append(h.run.Lanes, Lane{id, "client", name})
		for _, l := range shared {
			laneOf[l.client] = id
		}
	}
	h.run.Plan.Clients = len(lives)
	return laneOf
}

// life is the time from the first call of a client to its last call or return.
type life struct {
	client      int
	begin, last int64
}

// lives returns the lives of the clients in order of their first calls.
func (h *historyRun) lives() []*life {
	var all []*life
	of := map[int]*life{}
	for i := range h.operations {
		op := &h.operations[i]
		l := of[op.Client]
		if l == nil {
			l = &life{client: op.Client, begin: op.Call}
			of[op.Client] = l
			all = append(all, l)
		}
		l.last = max(l.last, op.Call, op.Return)
	}
	return all
}

// shareLanes puts clients into one lane if each begins after the one before has ended.
func shareLanes(lives []*life) (lanes [][]*life) {
	for _, l := range lives {
		free := slices.IndexFunc(lanes, func(shared []*life) bool { return shared[len(shared)-1].last < l.begin })
		if free < 0 {
			lanes, free = append(lanes, nil), len(lanes)
		}
		lanes[free] = append(lanes[free], l)
	}
	return lanes
}
