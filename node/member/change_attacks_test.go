package member_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/configuration"
)

// A moment of a change of members: node 4 takes the place of node 3.
type moment int

const (
	before moment = iota // 1, 2 and 3 vote
	during               // 1, 2 and 3 vote, and 1, 2 and 4: it stays so
	after                // 1, 2 and 4 vote
)

func (m moment) String() string { return [...]string{"before", "during", "after"}[m] }

// others are the voters of a moment besides 1 and 2.
func (m moment) others() []int { return [][]int{{3}, {3, 4}, {4}}[m] }

// change brings three members that formed a cluster to a moment of a change.
func (x *transcript) changeTo(t *testing.T, m moment) {
	if m == before {
		return
	}
	x.replay("joiner 4 1,2,3\nstart 4\nchange 1 add 4 replaces 3\n")
	for range 10_000 {
		x.run(time.Millisecond)
		if m == during && x.adopted(func(c *configuration.Configuration) bool { return c.Joint() }, 1, 2, 3, 4) {
			x.randomLoss = func(p packet) bool { // the members change no further
				proposal, ok := p.message.(*node.Proposal)
				return !ok || proposal.Key != configuration.Key
			}
			return
		}
		if m == after && x.adopted(func(c *configuration.Configuration) bool { return !c.Has(3) }, 1, 2, 4) {
			x.run(time.Second)
			return
		}
	}
	t.Fatalf("the change does not come to the moment %v", m)
}

// adopted reports whether nodes have adopted a configuration of a kind.
func (x *transcript) adopted(is func(*configuration.Configuration) bool, nodes ...int) bool {
	for _, id := range nodes {
		m := x.hosts[id].member
		if m == nil || m.Configuration() == nil || !is(m.Configuration()) {
			return false
		}
	}
	return true
}

// forEach has a command carried out for hosts.
func (x *transcript) forEach(command string, hosts []int) {
	for _, id := range hosts {
		x.replay(fmt.Sprintf("%s %d\n", command, id))
	}
}

// asks has a host asked for an operation of a client, and returns the reply; empty: there is
// none in ten seconds.
func (x *transcript) asks(command string, id int, more string) string {
	x.output.Reset()
	x.command(command, strings.Fields(fmt.Sprintf("%d lifecycle/x %s", id, more)))
	x.run(10 * time.Second)
	for line := range strings.Lines(x.output.String()) {
		if _, reply, found := strings.Cut(line, fmt.Sprintf("%d>c1 reply lifecycle/x ", id)); found {
			_, outcome, _ := strings.Cut(strings.TrimSpace(reply), "attempt 0 ")
			return outcome
		}
	}
	return ""
}

// requireNoPart requires that a host takes no part with others: neither it nor any of them
// completes an operation.
func (x *transcript) requireNoPart(t *testing.T, id int, others []int) {
	t.Helper()
	for _, at := range append([]int{id}, others...) {
		require.NotContains(t, x.asks("read", at, ""), "committed", "node %d reads", at)
		require.NotContains(t, x.asks("propose", at, "Init"), "committed", "node %d commits", at)
	}
}

// requireAllRead requires that hosts read the value that was acknowledged.
func (x *transcript) requireAllRead(t *testing.T, hosts ...int) {
	t.Helper()
	for _, id := range hosts {
		require.Equal(t, "committed Stopped v2", x.asks("read", id, ""), "node %d", id)
	}
}

// An older copy of a directory, of the same epoch or of an earlier one, takes no part before,
// during or after a change of members: the others have met the life that it lacks. What was
// acknowledged stays.
func TestOlderCopiesInAChange(t *testing.T) {
	for _, wiped := range []bool{false, true} { // as the copy is put back, or once more before
		for _, m := range []moment{before, during, after} {
			for _, copied := range slices.Compact([]moment{before, m}) {
				t.Run(fmt.Sprintf("copied %v, back %v, wiped %v", copied, m, wiped), func(t *testing.T) {
					x := &transcript{}
					x.replay("members 3\nquiet\nstart 1 2 3\nrun 1s\n")
					require.Equal(t, "committed Running v1", x.asks("propose", 1, "Running"))
					if copied != m {
						x.replay("crash 1\ncopy 1\nstart 1\nrun 1s\n")
					}
					x.changeTo(t, m)
					if copied == m {
						x.replay("crash 1\ncopy 1\nstart 1\nrun 1s\n")
					}
					x.forEach("crash", m.others())
					require.Equal(t, "committed Stopped v2", x.asks("propose", 2, "Stopped"), "1 and 2 commit")
					if wiped {
						x.replay("wipe 1\nstart 1\nrun 2s\n")
						require.False(t, x.hosts[1].member.Ready(), "an empty directory")
					}
					x.replay("crash 1\ncrash 2\nrestore 1\nstart 1\n")
					x.forEach("start", m.others())
					x.replay("run 2s\n")
					x.requireNoPart(t, 1, m.others())
					// From before the change it knows no voter that is up, and waits for 2 or 3.
					abstains := x.hosts[1].member == nil || !x.hosts[1].member.Ready()
					require.Equal(t, copied != before || m != after, abstains)
					x.replay("start 2\nrun 2s\n")
					require.True(t, x.hosts[1].member == nil || !x.hosts[1].member.Ready(), "node 2 has met the life, too")
					x.requireAllRead(t, append([]int{2}, m.others()...)...)
				})
			}
		}
	}
}

// A node that is started with other members than the ones in its log does not take part with
// them: before the members change it ends, and later its log goes before its flags.
func TestMembersThatDifferInAChange(t *testing.T) {
	for _, m := range []moment{before, during, after} {
		t.Run(m.String(), func(t *testing.T) {
			x := &transcript{}
			x.replay("members 3\nquiet\nstart 1 2 3\nrun 1s\n")
			require.Equal(t, "committed Running v1", x.asks("propose", 1, "Running"))
			x.changeTo(t, m)
			x.forEach("crash", m.others())
			require.Equal(t, "committed Stopped v2", x.asks("propose", 1, "Stopped"), "1 and 2 commit")
			x.replay("crash 1\ncrash 2\njoiner 5\njoiner 6\n")
			for _, id := range []int{m.others()[0], 5, 6} { // one voter, and two that were none
				x.hosts[id].cfg.Join = false
				x.replay(fmt.Sprintf("peers %d 1,2,%d,5,6\n", id, m.others()[0]))
			}
			voter := m.others()[0]
			told := x.replay(fmt.Sprintf("start %d\nstart 5 6\nrun 5s\n", voter))
			if m == before {
				require.Contains(t, told, "3 ends: the node has stopped: the members are not those of the log")
			}
			for _, id := range []int{voter, 5, 6} {
				require.NotContains(t, x.asks("read", id, ""), "committed", "node %d reads", id)
			}
			require.NotContains(t, x.asks("propose", 5, "Running"), "committed")
			x.replay("start 1 2\nrun 2s\n")
			x.requireAllRead(t, 1, 2)
		})
	}
}
