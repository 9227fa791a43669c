package node

import (
	"cmp"
	"slices"
	"time"

	"github.com/lockstep-dst/lockstep/node/hash64"
	"github.com/lockstep-dst/lockstep/node/internal/invariant"
)

// carryOver is the work of a voter in a joint epoch (rule 12): each key of which it has
// accepted a value in an earlier epoch is chosen again, by a majority of the old voters and
// one of the next. When a majority of the old voters is through, every value that was
// chosen before has been chosen in this epoch too, and the next voters can do without the
// old ones. It is in memory alone: a life begins it anew, and a report of its end
// stays true.
type carryOver struct {
	active bool
	begins bool     // the node's owner takes part, so rounds may begin: see CarryOn
	from   uint64   // the place at which this node begins; the walk goes round the space of all hashes
	walked uint64   // places that were walked, from there on
	whole  bool     // all were
	listed []uint32 // machines by index, of the places that were walked last: the ones before done are chosen in this epoch
	done   int      // of listed
	begun  int      // of listed: from done to it, a round was begun, and the end of it is not known
	count  int      // machines that are known to be chosen in this epoch, of all that were listed
	wakeAt time.Duration
}

const (
	carryOverToken = repairToken + 2 // of its timers
	carryOverWidth = 64              // machines at a time
	carryOverLooks = 1024            // machines that one step looks at, at most; more would delay what else it does
)

// CarriedOver reports that the epoch is joint, and that this node has seen all its keys of earlier
// epochs chosen in it.
func (n *Node) CarriedOver() bool {
	c := &n.carryOver
	return c.active && c.whole && c.done == len(c.listed)
}

// CarryOver is how many keys this node has still to see chosen in the joint epoch, and of how many;
// zero in other epochs. Keys that are made meanwhile count.
func (n *Node) CarryOver() (left, total int) {
	c := &n.carryOver
	if !c.active {
		return 0, 0
	}
	if left = len(c.listed) - c.done; !c.whole {
		left += n.repair.digest.countRound(c.from, c.walked)
		if r := n.register; r != nil && !r.accepted.IsZero() && r.hash-c.from >= c.walked {
			left-- // the register of the members is chosen in each epoch as it is
		}
	}
	return left, left + c.count
}

// beginCarryOver has the node carry over its machines, if the epoch is joint. The voters begin
// at different places: a key that one has carried over is done for all that learn it.
func (n *Node) beginCarryOver() {
	n.carryOver = carryOver{}
	voters := n.cfg.Membership.Voters
	i := slices.Index(voters, n.cfg.ID)
	if n.quorums.next == 0 || i < 0 {
		return
	}
	n.carryOver = carryOver{active: true, from: uint64(fanout*i/len(voters)) << (64 - 4)}
}

// listCarryOver lists the machines of the next places, in their order. It reports false if all are listed.
//
// A machine that comes to a place after it was walked need not be carried over: its value was accepted
// in this epoch, or, if by repair, was not chosen with this node's acknowledgment before.
func (n *Node) listCarryOver() bool {
	c := &n.carryOver
	invariant.Check(c.begun == len(c.listed), "node: what is listed is begun before more is")
	if c.whole {
		return false
	}
	c.listed = slices.Delete(c.listed, 0, c.done)
	c.begun, c.done = len(c.listed), 0
	leaf, places := n.repair.digest.leafAt(c.from + c.walked)
	for _, i := range leaf {
		if !n.byIndex[i].isRegister() {
			c.listed = append(c.listed, i)
		}
	}
	slices.SortFunc(c.listed[c.begun:], func(a, b uint32) int { return cmp.Compare(n.byIndex[a].hash-c.from, n.byIndex[b].hash-c.from) })
	c.walked += places
	c.whole = c.walked == 0 // once round
	return true
}

// CarryOn has the node begin its rounds for the keys of earlier epochs: its owner takes part
// in the joint epoch. Its effects are added to those of the last step.
func (n *Node) CarryOn() {
	if n.carryOver.active && !n.carryOver.begins {
		n.carryOver.begins = true
		n.drain()
	}
}

// isCarriedOver reports whether m is known to be chosen in this epoch.
func (n *Node) isCarriedOver(m *machine) bool { return m.chosenBallot().Epoch == n.epoch }

// advanceCarryOver begins rounds for the machines that are next, as far as others have
// ended, and reports whether it has begun any. A machine that has a round of its own is
// chosen by that.
func (n *Node) advanceCarryOver() (some bool) {
	c := &n.carryOver
	if !c.begins || !n.ready || n.CarriedOver() || n.logBacklogFull() {
		return false
	}
	for i := c.done; i < c.begun; i++ {
		n.noteCarriedOver(i)
	}
	looks := 0
	for c.begun-c.done < carryOverWidth && (c.begun < len(c.listed) || n.listCarryOver()) {
		if looks++; looks > carryOverLooks {
			n.setTimer(carryOverToken, n.now+1) // the next step goes on
			break
		}
		if c.begun == len(c.listed) { // nothing is at these places
			continue
		}
		c.begun++
		if !n.noteCarriedOver(c.begun - 1) {
			some = n.carry(n.byIndex[c.listed[c.begun-1]]) || some
		}
	}
	invariant.Check(c.done <= c.begun && c.begun <= len(c.listed), "node: what is carried over was listed, and begun")
	if c.done < c.begun && c.wakeAt == 0 {
		c.wakeAt = n.now + n.cfg.ResendTimeout + time.Duration(hash64.Keyed(n.cfg.Jitter, n.boot, "", uint64(n.now))%uint64(n.cfg.ResendTimeout))
		n.setTimer(carryOverToken, c.wakeAt)
	}
	return some
}

// noteCarriedOver moves the machine at a place of the list to the ones that are done, if it is.
func (n *Node) noteCarriedOver(i int) bool {
	c := &n.carryOver
	if !n.isCarriedOver(n.byIndex[c.listed[i]]) {
		return false
	}
	c.listed[i], c.listed[c.done] = c.listed[c.done], c.listed[i]
	c.done++
	c.count++
	return true
}

// carry begins a round that chooses the value of m again.
func (n *Node) carry(m *machine) bool {
	n.use(m)
	if !m.idle(n.now) {
		return false
	}
	n.mark(MarkCarriedOver)
	n.startNoOpRound(m, m.accepted)
	return true
}

// wakeCarryOver begins the rounds again that have ended without a value, or were overtaken
// by one that has not reached this node.
func (n *Node) wakeCarryOver() {
	c := &n.carryOver
	if c.wakeAt == 0 || n.now < c.wakeAt {
		return // an older timer
	}
	c.wakeAt = 0
	for i := c.done; i < c.begun && !n.logBacklogFull(); i++ {
		if m := n.byIndex[c.listed[i]]; !n.isCarriedOver(m) {
			n.carry(m)
		}
	}
}
