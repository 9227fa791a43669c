package member_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Members that reject each other, or wait for one that is down, become quiet: a
// minute after the last event they send at most a few introductions a minute, as
// to a member that is down.
func TestIntroductionsEnd(t *testing.T) {
	for _, c := range []struct{ name, script string }{
		{"a member is down", "members 3\nstart 1 2 3\nrun 1s\ncrash 3\n"},
		{"an older copy in a lower boot", "members 3\nstart 1 2 3\nrun 1s\ncopy 1\n" + strings.Repeat("crash 1\nstart 1\nrun 1s\n", 4) +
			"crash 1\nrestore 1\ncrash 3\nstart 1\n"},
		{"an older copy in a lower boot, and who remembers it restarted", "members 3\nstart 1 2 3\nrun 1s\ncopy 1\n" +
			strings.Repeat("crash 1\nstart 1\nrun 1s\n", 4) + "crash 1\nrestore 1\ncrash 3\ncrash 2\nstart 2\nrun 1s\nstart 1\n"},
		{"a copy from before the cluster formed", "members 3\nstart 1\nrun 1s\ncopy 1\nstart 2 3\nrun 2s\ncrash 1\nrestore 1\nstart 1\n"},
		{"a wiped member", "members 3\nstart 1 2 3\nrun 1s\nwipe 1\nstart 1\n"},
		{"an empty log and an inherited cluster", "members 3\ninherit 1 2\nstart 1 2 3\n"},
		{"a cluster that waits for a member", "members 3\nstart 1 2\n"},
		{"members of an empty cluster that differ", "members 3\npeers 3 1,3\nstart 1 2 3\n"},
		{"inherited clusters of other members", "members 3\ninherit 1 2 3\npeers 3 1,3\nstart 1 2 3\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			requireSilence(t, c.script, 0)
		})
	}
}

// Two older copies have both lived on, without meeting, for more lives than an
// introduction lists. Each requests the life that it remembers. With any message
// latency, they stop when both have shown their lives.
func TestIntroductionsOfTwoOlderCopiesEnd(t *testing.T) {
	script := "members 3\nstart 1 2 3\nrun 1s\ncrash 3\ncopy 1\ncrash 1\nstart 1\nrun 1s\npropose 1 lifecycle/x Running\nrun 3s\ncopy 2\n" +
		"crash 1\nrestore 1\ncrash 2\nstart 2\nstart 1\nrun 3s\ncrash 2\nrestore 2\nstart 2\nrun 3s\ncut 1 2\n" +
		strings.Repeat("crash 1\nstart 1\nrun 3ms\ncrash 2\nstart 2\nrun 3ms\n", 6) + "join 1 2\ncrash 1\ncrash 2\nstart 1 2\n"
	for _, latency := range []time.Duration{0, 60 * time.Millisecond, 150 * time.Millisecond} {
		t.Run(latency.String(), func(t *testing.T) { requireSilence(t, script, latency) })
	}
}

// The first life of an older copy crashes after any number of writes. The record
// of the life may be lost and that of its boot not, so that the life can never be
// shown.
func TestIntroductionsEndAfterHalfABoot(t *testing.T) {
	for n := range 12 {
		requireSilence(t, fmt.Sprintf("members 3\nstart 1 2 3\nrun 1s\ncopy 1\ncrash 3\ncrash 1\nstart 1\nrun 1s\ncrash 1\nrestore 1\n"+
			"slow 1\nstart 1\nsync 1 %d\ncrash 1\nstart 1\n", n), 0)
	}
}

// fewIntroductions is a bound for a minute in which some members are down.
const fewIntroductions = 6

// requireSilence runs a script and one minute more, and counts the introductions
// of the next minute. Messages take latency beyond a millisecond.
func requireSilence(t *testing.T, script string, latency time.Duration) {
	t.Helper()
	x := &transcript{}
	members, rest, _ := strings.Cut(script, "\n")
	x.replay(members)
	x.latency = latency
	x.replay(rest)
	x.run(time.Minute)
	before := x.introductions
	told := x.replay("run 60s\n")
	require.LessOrEqual(t, x.introductions-before, fewIntroductions, "introductions in a minute\n%s", told)
}

// A member that is started thousands of times without meeting others has lost
// nothing. It is admitted as long as its log lists the life in which it was met.
// After that it is not admitted, since it cannot show that life; but this proves
// no loss, and its log is not disputed.
func TestThousandsOfStartsProveNothing(t *testing.T) {
	for _, c := range []struct {
		starts  int
		welcome bool
	}{{1100, true}, {4200, false}} {
		t.Run(fmt.Sprint(c.starts), func(t *testing.T) {
			x := &transcript{}
			x.replay("members 3\nstart 1 2 3\nrun 1s\ncut 1 2\ncut 1 3\n")
			for range c.starts {
				x.hosts[1].crash()
				x.hosts[1].start()
			}
			x.run(time.Second) // messages in flight are lost
			x.output.Reset()
			told := x.replay("join 1 2\njoin 1 3\nrun 60s\n")
			require.NotContains(t, told, "notice")
			require.NotContains(t, told, "abstains")
			require.NotNil(t, x.hosts[1].member, told)
			require.True(t, x.hosts[1].member.Ready())
			require.Equal(t, c.welcome, strings.Contains(told, "2 admits 1: "), told)
			require.Equal(t, c.welcome, strings.Contains(told, "3 admits 1: "), told)
		})
	}
}
