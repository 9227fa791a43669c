package configuration

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/node/op"
)

// ErrFollows is wrapped by the error about a configuration that may not follow another.
var ErrFollows = errors.New("it does not follow")

// Follows reports whether the text of a configuration may follow another in the register.
// Founded is followed by any configuration of the second epoch, since it names no members.
func Follows(from, to string) bool {
	next, err := Parse(to)
	if err != nil {
		return false
	}
	if from == Founded {
		return next.Epoch == First+1
	}
	before, err := Parse(from)
	return err == nil && next.CheckFollows(before) == nil
}

// EpochOf is the epoch of a text of the register; 0 if it is none.
func EpochOf(text string) uint32 {
	if text == Founded {
		return First
	}
	c, err := Parse(text)
	if err != nil {
		return 0
	}
	return c.Epoch
}

// Abandons reports whether to ends the joint epoch of from with its old voters. The old
// voters choose it alone: every quorum that chooses another one contains a majority of
// them.
func Abandons(from, to *Configuration) bool {
	return from.Joint() && !to.Joint() && slices.Equal(from.Voters, to.Voters)
}

// CheckFollows returns an error unless c may follow before: one thing changes at a time,
// and voters change by a joint epoch.
func (c *Configuration) CheckFollows(before *Configuration) error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("%w: epoch %d after %d: %w", ErrFollows, c.Epoch, before.Epoch, fmt.Errorf(format, args...))
	}
	if c.Epoch != before.Epoch+1 {
		return fail("epochs are consecutive")
	}
	if c.LastID < before.LastID {
		return fail("the last id was %d", before.LastID)
	}
	added, removed, changed := c.compare(before)
	if added+removed+changed > 1 {
		return fail("%d members come, %d go, %d change: want one", added, removed, changed)
	}
	switch {
	case before.Joint() && c.Joint():
		return fail("both are joint")
	case before.Joint():
		return c.checkEnd(before, added, changed, fail)
	case !slices.Equal(c.Voters, before.Voters):
		return fail("voters change without a joint epoch")
	case c.Joint() && added+removed > 0:
		return fail("members change in a joint epoch")
	case c.Joint() && !oneChange(c.Voters, c.Next):
		return fail("more than one voter comes or goes")
	}
	return nil
}

// checkEnd checks the end of a joint epoch, with the next voters or with the old ones.
func (c *Configuration) checkEnd(before *Configuration, added, changed int, fail func(string, ...any) error) error {
	switch {
	case added > 0:
		return fail("members come at the end of a joint epoch")
	case slices.Equal(c.Voters, before.Voters):
		if len(c.Members) != len(before.Members) {
			return fail("members go though the change was abandoned")
		}
		return nil
	case !slices.Equal(c.Voters, before.Next):
		return fail("the voters are neither the old nor the next ones")
	}
	for _, id := range before.Voters {
		if c.Has(id) != slices.Contains(before.Next, id) {
			return fail("member %d: a voter that leaves is no member, and one that stays is", id)
		}
	}
	return nil
}

// compare counts the members that come, go, and change other than in the memory of
// their logs, or by a first address. A member comes with an id that none had before.
func (c *Configuration) compare(before *Configuration) (added, removed, changed int) {
	for i := range c.Members {
		m := &c.Members[i]
		at := before.Index(m.ID)
		switch {
		case at < 0 && m.ID <= before.LastID:
			added += MaxMembers // never
		case at < 0:
			added++
		case !m.goesOnFrom(&before.Members[at]):
			changed += MaxMembers // never
		case m.moved(&before.Members[at]) || m.Incarnation != before.Members[at].Incarnation:
			changed++
		case !c.Votes(m.ID) && !before.Votes(m.ID) && (m.Promote != before.Members[at].Promote || m.Replaces != before.Members[at].Replaces):
			changed++
		}
	}
	for i := range before.Members {
		if !c.Has(before.Members[i].ID) {
			removed++
		}
	}
	return added, removed, changed
}

// moved reports whether a member has another address than before. A first one may come with
// any change.
func (m *Member) moved(before *Member) bool {
	return before.Address != "" && m.Address != before.Address
}

// goesOnFrom reports whether m is the same member as before: a known log is replaced by no
// other, and its lives go on.
func (m *Member) goesOnFrom(before *Member) bool {
	return (before.Incarnation == Incarnation{} || m.Incarnation == before.Incarnation) &&
		(m.Boot > before.Boot || m.Boot == before.Boot && m.Life == before.Life && m.Position >= before.Position)
}

// oneChange reports whether two sets of voters differ by one that comes, one that goes, or
// both.
func oneChange(voters, next []op.NodeID) bool {
	lacks := func(a, b []op.NodeID) (n int) {
		for _, id := range a {
			if !slices.Contains(b, id) {
				n++
			}
		}
		return n
	}
	goes, comes := lacks(voters, next), lacks(next, voters)
	return goes <= 1 && comes <= 1 && goes+comes > 0
}
