package session_test

import (
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/session"
	"github.com/stretchr/testify/require"
)

// The nodes that a session tries, for one operation after the other. They are
// named home, second and third, by their order for this machine.
func TestFailoverAvoidsUnhealthyNodes(t *testing.T) {
	order := session.PreferenceList(key, config().Nodes)
	name := map[op.NodeID]string{order[0]: "home", order[1]: "second", order[2]: "third"}
	refuse := func(c *call) { c.rejected(uint32(len(c.sent)), op.Unreachable); c.wait(1) }
	answer := func(c *call) { c.reply(uint32(len(c.sent)), op.Committed, "", "Running", 1) }
	hang := func(c *call) { c.wait(c.wakeAt - c.now) }
	for what, test := range map[string]struct {
		operations [][]func(*call) // responses to each operation
		want       [][]string      // nodes tried for each operation
	}{
		"a node that refuses is passed over at once, and avoided then": {
			[][]func(*call){{refuse, answer}, {answer}},
			[][]string{{"home", "second"}, {"second"}},
		},
		"a node that hangs is given up soon, and avoided then": {
			[][]func(*call){{hang, answer}, {answer}},
			[][]string{{"home", "second"}, {"second"}},
		},
		"so is one that stops": {
			[][]func(*call){{func(c *call) { c.rejected(1, op.Stopping); c.wait(1) }, answer}, {answer}},
			[][]string{{"home", "second"}, {"second"}},
		},
		"and one whose connection broke": {
			[][]func(*call){{func(c *call) { c.take(c.call.Lost(c.now, 1)); c.wait(1) }, answer}, {answer}},
			[][]string{{"home", "second"}, {"second"}},
		},
		"two are": {
			[][]func(*call){{refuse, hang, answer}, {answer}},
			[][]string{{"home", "second", "third"}, {"third"}},
		},
		"not for good": {
			[][]func(*call){{hang, answer}, {func(c *call) { c.wait(attempt - 1) }, answer}, {func(c *call) { c.now += attempt + 1 }, answer}, {answer}},
			[][]string{{"home", "second"}, {"second"}, {"second"}, {"home"}},
		},
		"one that answers late is slow, and not gone": {
			[][]func(*call){{hang, func(c *call) { c.reply(1, op.Committed, "", "Running", 1) }}, {answer}},
			[][]string{{"home", "second"}, {"home"}},
		},
		"an answer that is no reason to avoid a node": {
			[][]func(*call){{func(c *call) { c.rejected(1, op.Overloaded); c.wait(pause) }, answer}, {answer}},
			[][]string{{"home", "second"}, {"home"}},
		},
		"all are asked again when none is better": {
			[][]func(*call){{refuse, refuse, refuse, func(c *call) { c.wait(pause) }, answer}},
			[][]string{{"home", "second", "third", "home"}},
		},
	} {
		t.Run(what, func(t *testing.T) {
			s, now := newSession(t), time.Duration(0)
			for i, happens := range test.operations {
				c := &call{t: t, now: now}
				started, action := s.Begin(now, propose())
				c.call = started
				c.take(action)
				for _, f := range happens {
					f(c)
				}
				require.True(t, c.last.Done)
				var asked []string
				for _, a := range c.sent {
					asked = append(asked, name[a.To])
				}
				require.Equal(t, test.want[i], asked, "operation %d", i+1)
				now = c.now
			}
		})
	}
}

// The attempt timeout doubles when all nodes have been tried without success.
func TestAttemptTimeoutGrows(t *testing.T) {
	c := beginCall(t, newSession(t), read())
	var waits []time.Duration
	for !c.last.Done {
		waits = append(waits, c.wakeAt-c.now)
		c.wait(c.wakeAt - c.now)
	}
	ms := time.Millisecond
	require.Equal(t, []time.Duration{10 * ms, 10 * ms, 10 * ms, 20 * ms, 20 * ms, 20 * ms, 10 * ms}, waits, "the last until the deadline")
}

// An operation that certainly had no effect is not sent again when there is no
// time left for a response: it would end as unknown.
func TestNoAttemptAtTheLastMoment(t *testing.T) {
	c := beginCall(t, newSession(t), propose())
	c.wait(deadline - 2*pause)
	for n := range c.sent {
		c.rejected(uint32(n+1), op.Unreachable)
	}
	for attempts := len(c.sent); !c.last.Done; attempts = len(c.sent) {
		c.wait(c.wakeAt - c.now)
		if len(c.sent) > attempts {
			require.GreaterOrEqual(t, deadline-c.now, attempt/4)
			c.rejected(uint32(len(c.sent)), op.Unreachable)
		}
	}
	c.requireResult(session.Result{Outcome: op.Rejected, Reason: op.Unreachable})
	require.Equal(t, deadline, c.now)
}

// An unavailable cluster differs from an operation that the machine rejects.
func TestUnavailable(t *testing.T) {
	for why, want := range map[op.Reason]bool{
		op.Unreachable: true, op.Timeout: true, op.Overloaded: true, op.Stopping: true, op.RateLimited: true,
		op.Illegal: false, op.VersionMismatch: false, op.UnknownState: false, op.UnknownDefinition: false, op.BadRequest: false, op.Unauthenticated: false, op.Forbidden: false,
	} {
		require.Equal(t, want, session.Result{Outcome: op.Rejected, Reason: why}.Unavailable(), why)
		require.False(t, session.Result{Outcome: op.Unknown, Reason: why}.Unavailable(), "it may have taken effect")
	}
}

// How long a session waits for a node before it tries another depends on how long the
// node has taken so far.
func TestHedge(t *testing.T) {
	const shortest, longest = 50 * time.Millisecond, 500 * time.Millisecond
	for name, test := range map[string]struct {
		took []time.Duration // by the home node, for the operations before; hangs: it never responds
		want time.Duration
	}{
		"of a node that has not responded yet nothing is known": {nil, 2 * shortest},
		"a fast one":          {[]time.Duration{2 * time.Millisecond, 3 * time.Millisecond, 2 * time.Millisecond}, shortest},
		"after one response":  {[]time.Duration{40 * time.Millisecond}, (40 + 4*20) * time.Millisecond},
		"a steady one":        {repeated(30, 60*time.Millisecond), 60 * time.Millisecond},
		"one that varies":     {append(repeated(30, 20*time.Millisecond), 100*time.Millisecond), (20 + 10 + 4*20) * time.Millisecond},
		"a slow one":          {repeated(3, 400*time.Millisecond), longest},
		"one that has hung":   {append(repeated(30, 2*time.Millisecond), hangs), (2 + 12 + 4*24) * time.Millisecond},
		"one that often does": {append(repeated(30, 2*time.Millisecond), hangs, hangs, hangs), longest},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config()
			cfg.AttemptTimeout, cfg.MinAttemptTimeout, cfg.Deadline = longest, shortest, time.Hour
			s, err := session.New(cfg)
			require.NoError(t, err)
			now := time.Duration(0)
			home := session.PreferenceList(key, cfg.Nodes)[0]
			begin := func() *call {
				c := &call{t: t, now: now}
				started, action := s.Begin(now, propose())
				c.call = started
				c.take(action)
				require.Equal(t, home, c.sent[0].To)
				return c
			}
			for _, took := range test.took {
				c := begin()
				if took == hangs {
					c.wait(c.wakeAt - c.now)
					require.Len(t, c.sent, 2, "another node is tried")
					c.reply(2, op.Committed, "", "Running", 1)
				} else {
					c.now += took // also if another would have been tried by then
					c.reply(1, op.Committed, "", "Running", 1)
				}
				require.True(t, c.last.Done)
				now = c.now + time.Hour // it is not avoided any more
			}
			c := begin()
			require.InDelta(t, test.want, c.wakeAt-c.now, float64(3*time.Millisecond))
		})
	}
}

// A node that responds to others is busy, and not gone: the operation waits for it, as
// attempts at other nodes would make these busy too.
func TestBusyNodeIsNotHedged(t *testing.T) {
	cfg := config()
	cfg.AttemptTimeout, cfg.MinAttemptTimeout, cfg.Deadline = 500*time.Millisecond, 50*time.Millisecond, time.Hour
	s, err := session.New(cfg)
	require.NoError(t, err)
	begin := func(now time.Duration) *call {
		c := &call{t: t, now: now}
		started, action := s.Begin(now, propose())
		c.call = started
		c.take(action)
		return c
	}
	waits, other := begin(0), begin(0)
	other.now = 90 * time.Millisecond
	other.reply(1, op.Committed, "", "Running", 1)
	waits.wait(100 * time.Millisecond)
	require.Len(t, waits.sent, 1)
	require.Equal(t, 500*time.Millisecond, waits.wakeAt)
	waits.wait(400 * time.Millisecond)
	require.Len(t, waits.sent, 2, "but not for ever")
}

// Where there is no other node a hedge would only ask the same one twice.
func TestOnlyNodeIsNotHedged(t *testing.T) {
	cfg := config()
	cfg.Nodes = cfg.Nodes[:1]
	cfg.AttemptTimeout, cfg.MinAttemptTimeout, cfg.Deadline = time.Hour, 50*time.Millisecond, 3*time.Hour
	s, err := session.New(cfg)
	require.NoError(t, err)
	c := &call{t: t}
	started, action := s.Begin(0, propose())
	c.call = started
	c.take(action)
	for range 4 {
		c.wait(min(c.wakeAt-c.now, time.Hour-1-c.now))
	}
	require.Len(t, c.sent, 1)
	c.wait(1)
	require.Len(t, c.sent, 2, "but not for ever")
}

// hangs is a response that never comes.
const hangs = time.Duration(-1)

func repeated(n int, d time.Duration) []time.Duration {
	all := make([]time.Duration, n)
	for i := range all {
		all[i] = d
	}
	return all
}

// A node that is known to be silent costs no operation anything, for however long,
// unless all are. It is tried again when it is heard.
func TestSilentNodeIsAvoided(t *testing.T) {
	s, order := newSession(t), session.PreferenceList(key, config().Nodes)
	asked := func(now time.Duration) op.NodeID {
		c := &call{t: t, now: now}
		started, action := s.Begin(now, propose())
		c.call = started
		c.take(action)
		c.reply(1, op.Committed, "", "Running", 1)
		return c.sent[0].To
	}
	require.Equal(t, order[0], asked(0))
	s.Silent(order[0])
	require.Equal(t, order[1], asked(time.Second))
	require.Equal(t, order[1], asked(1000*time.Hour))
	s.Silent(order[1])
	s.Silent(order[2])
	require.Equal(t, order[0], asked(1001*time.Hour), "all are: it has responded now")
	s.Silent(order[0])
	s.Alive(1002*time.Hour, order[0])
	require.Equal(t, order[0], asked(1002*time.Hour))
}
