package configuration

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/node/op"
)

// ErrChange is wrapped by the error about a change that cannot be made now.
var ErrChange = errors.New("the members cannot be changed so")

// ChangeKind is the kind of a Change.
type ChangeKind uint8

// The kinds of changes.
const (
	Add     ChangeKind = iota + 1 // a new member, as a learner; with Promote it becomes a voter, with Replaces in the place of one
	Remove                        // a learner, or a voter
	Promote                       // a learner becomes a voter once it has caught up
	Abandon                       // the change under way, or the promotion of a learner
	Move                          // a member has another address
)

func (k ChangeKind) String() string {
	return [...]string{"?", "add", "remove", "promote", "abandon", "move"}[k]
}

// Change is a change of members that an operator asks for.
type Change struct {
	Kind     ChangeKind
	ID       op.NodeID // Add, Remove, Promote, Move; Abandon: the learner that is to stay one, or 0
	Address  string    // Add, Move
	Promote  bool      // Add
	Replaces op.NodeID // Add, Promote: a voter

	// Addresses are the addresses of members as the node knows them that is asked. With the
	// change, members take theirs that have none: the ones that formed the cluster.
	Addresses map[op.NodeID]string
}

// Apply returns the configuration that begins a change. Further steps follow by
// themselves: see Progress. Errors wrap ErrChange and name the remedy.
func (c *Configuration) Apply(x Change) (*Configuration, error) {
	d, err := c.apply(x)
	if err != nil {
		return nil, err
	}
	for i := range d.Members {
		if m := &d.Members[i]; m.Address == "" {
			m.Address = x.Addresses[m.ID]
		}
	}
	if err := d.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %v %d: %w", ErrChange, x.Kind, x.ID, err)
	}
	return d, nil
}

// apply makes the change itself.
func (c *Configuration) apply(x Change) (*Configuration, error) {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("%w: %v %d: %w", ErrChange, x.Kind, x.ID, fmt.Errorf(format, args...))
	}
	d, at := c.clone(), c.Index(x.ID)
	switch {
	case x.Kind == Abandon:
		return c.abandon(x.ID)
	case x.Kind == Add && c.LastID >= MaxID:
		return nil, fail("ids are not used again, and %d was the last one that there can be: back the cluster up, and restore it with low ids", c.LastID)
	case x.Kind == Add && x.ID > MaxID:
		return nil, fail("ids go up to %d: take one of %d to %d", MaxID, c.LastID+1, MaxID)
	case x.Kind == Add && x.ID <= c.LastID:
		return nil, fail("ids are not used again: take one above %d", c.LastID)
	case x.Kind == Add && len(c.Members) == MaxMembers:
		return nil, fail("there are %d members, the most that there can be: remove one first", MaxMembers)
	case x.Kind != Add && at < 0:
		return nil, fail("it is no member: the members are%s", spaced(c.IDs()))
	case c.Joint():
		return nil, fail("a change is under way (%v): wait for its end, or abandon it", c)
	case (x.Promote || x.Kind == Promote) && x.Replaces == 0 && len(c.Voters) == MaxVoters && !c.Votes(x.ID):
		return nil, fail("there are %d voters, the most that there can be: have it replace one, or remove one first", MaxVoters)
	case (x.Kind == Add || x.Kind == Move) && c.at(x.Address, x) != 0:
		return nil, fail("%s is the address of node %d: every node has its own", x.Address, c.at(x.Address, x))
	case x.Replaces != 0 && !slices.Contains(c.Voters, x.Replaces):
		return nil, fail("node %d has no vote that it could take: the voters are%s", x.Replaces, spaced(c.Voters))
	}
	if other := c.promoted(); other != 0 && other != x.ID && (x.Promote || x.Kind == Promote || x.Kind == Remove && c.Votes(x.ID)) {
		return nil, fail("node %d is to be promoted first: wait for it, or abandon that", other)
	}
	switch x.Kind {
	case Add:
		d.Members = append(d.Members, Member{ID: x.ID, Address: x.Address, Promote: x.Promote || x.Replaces != 0, Replaces: x.Replaces})
		d.LastID = x.ID
	case Move:
		d.Members[at].Address = x.Address
	case Promote:
		if c.Votes(x.ID) {
			return nil, fail("it has a vote already")
		}
		d.Members[at].Promote, d.Members[at].Replaces = true, x.Replaces
	case Remove:
		return c.remove(x.ID)
	default:
		return nil, fail("there is no such change")
	}
	return d, nil
}

// at returns the member that has an address, as far as the asked node knows, and that stays
// beside the one of the change; 0 if none has. A new member may have that of the one it replaces.
func (c *Configuration) at(address string, x Change) op.NodeID {
	for i := range c.Members {
		if m := &c.Members[i]; m.ID != x.ID && m.ID != x.Replaces && address != "" && cmp.Or(m.Address, x.Addresses[m.ID]) == address {
			return m.ID
		}
	}
	return 0
}

// promoted is the learner that is to be promoted; 0 if there is none.
func (c *Configuration) promoted() op.NodeID {
	for i := range c.Members {
		if m := &c.Members[i]; m.Promote && !c.Votes(m.ID) {
			return m.ID
		}
	}
	return 0
}

// remove removes a learner at once, and a voter by a joint epoch.
func (c *Configuration) remove(id op.NodeID) (*Configuration, error) {
	d, at := c.clone(), c.Index(id)
	if !c.Votes(id) {
		d.Members = slices.Delete(d.Members, at, at+1)
		return d, nil
	}
	if len(c.Voters) == 1 {
		return nil, fmt.Errorf("%w: remove %d: it is the only voter: add another one first", ErrChange, id)
	}
	d.Next = slices.DeleteFunc(slices.Clone(c.Voters), func(v op.NodeID) bool { return v == id })
	return d, nil
}

// abandon ends a joint epoch with the old voters. In a stable one it takes back the wish
// for a learner.
func (c *Configuration) abandon(id op.NodeID) (*Configuration, error) {
	d := c.clone()
	d.Next = nil
	gone := c.Joint()
	for i := range d.Members {
		m := &d.Members[i]
		if m.Promote && (id == 0 || m.ID == id || c.Joint()) {
			m.Promote, m.Replaces, gone = false, 0, true
		}
	}
	if !gone {
		return nil, fmt.Errorf("%w: abandon: no change is under way (%v)", ErrChange, c)
	}
	return d, nil
}
