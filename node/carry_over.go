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
	left   []uint32 // machines by index: the ones before done are chosen in this epoch
	done   int      // of left
	begun  int      // of left: from done to it, a round was begun, and the end of it is not known
	wakeAt time.Duration
}

const (
	carryOverToken = repairToken + 2 // of its timer
	carryOverWidth = 64              // machines at a time
)

// CarryOver is how many keys of earlier epochs this node has still to see chosen in the
// joint epoch, and of how many. ended is true once there are none left.
func (n *Node) CarryOver() (left, total int, ended bool) {
	c := &n.carryOver
	return len(c.left) - c.done, len(c.left), c.active && c.done == len(c.left)
}

// beginCarryOver lists the machines to carry over, if the epoch is joint. The voters begin
// at different places: a key that one has carried over is done for all that learn it.
func (n *Node) beginCarryOver() {
	c := &n.carryOver
	*c = carryOver{}
	voters := n.cfg.Membership.Voters
	i := slices.Index(voters, n.cfg.ID)
	if n.quorums.next == 0 || i < 0 {
		return
	}
	c.active = true
	for _, m := range n.byIndex {
		if m != nil && !isLocalKey(m.key) && !m.isRegister() && !m.accepted.IsZero() {
			c.left = append(c.left, m.index)
		}
	}
	slices.SortFunc(c.left, func(a, b uint32) int { return cmp.Compare(n.byIndex[a].hash, n.byIndex[b].hash) })
	from := len(c.left) * i / len(voters)
	c.left = slices.Concat(c.left[from:], c.left[:from])
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
func (n *Node) isCarriedOver(m *machine) bool { return m.chosenAt.Epoch == n.epoch }

// advanceCarryOver begins rounds for the machines that are next, as far as others have
// ended, and reports whether it has begun any. A machine that has a round of its own is
// chosen by that.
func (n *Node) advanceCarryOver() (some bool) {
	c := &n.carryOver
	if !c.begins || !n.ready || c.done == len(c.left) || n.logBacklogFull() {
		return false
	}
	for i := c.done; i < c.begun; i++ {
		n.noteCarriedOver(i)
	}
	for c.begun < len(c.left) && c.begun-c.done < carryOverWidth {
		c.begun++
		if !n.noteCarriedOver(c.begun - 1) {
			some = n.carry(n.byIndex[c.left[c.begun-1]]) || some
		}
	}
	invariant.Check(c.done <= c.begun && c.begun <= len(c.left), "node: what is carried over was listed, and begun")
	if c.done < c.begun && c.wakeAt == 0 {
		c.wakeAt = n.now + n.cfg.ResendTimeout + time.Duration(hash64.Keyed(n.cfg.Jitter, n.boot, "", uint64(n.now))%uint64(n.cfg.ResendTimeout))
		n.setTimer(carryOverToken, c.wakeAt)
	}
	return some
}

// noteCarriedOver moves the machine at a place of the list to the ones that are done, if it is.
func (n *Node) noteCarriedOver(i int) bool {
	c := &n.carryOver
	if !n.isCarriedOver(n.byIndex[c.left[i]]) {
		return false
	}
	c.left[i], c.left[c.done] = c.left[c.done], c.left[i]
	c.done++
	return true
}

// carry begins a round that chooses the value of m again.
func (n *Node) carry(m *machine) bool {
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
		if m := n.byIndex[c.left[i]]; !n.isCarriedOver(m) {
			n.carry(m)
		}
	}
}
