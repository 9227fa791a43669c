package session_test

import (
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/session"
	"github.com/stretchr/testify/require"
)

const (
	key      = "lifecycle/a"
	attempt  = 10 * time.Millisecond
	deadline = 100 * time.Millisecond
	pause    = 5 * time.Millisecond
)

func config() session.Config {
	return session.Config{Nodes: []op.NodeID{1, 2, 3}, AttemptTimeout: attempt, Deadline: deadline, MaxPause: pause, Jitter: 1}
}

func newSession(t require.TestingT) *session.Session {
	s, err := session.New(config())
	require.NoError(t, err)
	return s
}

// call is an operation in progress, on a clock that the test advances.
type call struct {
	t      require.TestingT
	now    time.Duration
	wakeAt time.Duration // when to tick
	call   *session.Call
	last   session.Action
	sent   []session.Action // with a request
}

func beginCall(t require.TestingT, s *session.Session, o session.Operation) *call {
	c := &call{t: t}
	var a session.Action
	c.call, a = s.Begin(0, o)
	c.take(a)
	return c
}

func propose() session.Operation {
	return session.Operation{Name: "c1.1", Kind: op.Propose, Key: key, To: "Running"}
}

func read() session.Operation { return session.Operation{Name: "c1.1", Kind: op.Read, Key: key} }

func (c *call) take(a session.Action) {
	c.last = a
	if a.Wake > 0 {
		c.wakeAt = c.now + a.Wake
	}
	if a.Request != nil {
		c.sent = append(c.sent, a)
	}
}

// reply passes a response to the n-th attempt.
func (c *call) reply(n uint32, o op.Outcome, why op.Reason, state string, version uint64) {
	asked := c.sent[n-1].Request
	c.take(c.call.Reply(c.now, &op.Reply{
		Kind: asked.Kind, Key: asked.Key, ID: asked.ID, Attempt: n,
		Outcome: o, Reason: why, State: state, Version: version, Serial: version,
	}))
}

func (c *call) rejected(n uint32, why op.Reason) { c.reply(n, op.Rejected, why, "", 0) }
func (c *call) unknown(n uint32, why op.Reason)  { c.reply(n, op.Unknown, why, "", 0) }

// wait advances the time, and calls Tick when the call has requested it.
func (c *call) wait(d time.Duration) {
	end := c.now + d
	for !c.last.Done && c.wakeAt <= end {
		c.now = c.wakeAt
		c.take(c.call.Tick(c.now))
	}
	c.now = end
}

// retries returns the retry flags of all attempts.
func (c *call) retries() (flags []bool) {
	for _, a := range c.sent {
		flags = append(flags, a.Request.Retry)
	}
	return flags
}

func (c *call) requireResult(want session.Result) {
	require.True(c.t, c.last.Done, "the call is over")
	require.Nil(c.t, c.last.Request)
	want.ID = c.sent[len(c.sent)-1].Request.ID
	require.Equal(c.t, want, c.last.Result)
}

func TestConfigNamesWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		want   string
		change func(*session.Config)
	}{
		{"nodes: want at least one", func(c *session.Config) { c.Nodes = nil }},
		{"attempt 0s", func(c *session.Config) { c.AttemptTimeout = 0 }},
		{"deadline -1ns", func(c *session.Config) { c.Deadline = -1 }},
		{"pause 0s", func(c *session.Config) { c.MaxPause = 0 }},
		{"deadline 2562047h47m16.854775807s", func(c *session.Config) { c.Deadline = 1<<63 - 1 }},
	} {
		cfg := config()
		c.change(&cfg)
		_, err := session.New(cfg)
		require.ErrorIs(t, err, session.ErrConfig)
		require.ErrorContains(t, err, c.want)
	}
}

// The rules for outcomes, one by one. Each case is a list of responses to a
// proposal; the columns are its result and the retry flags of its attempts.
func TestOutcomes(t *testing.T) {
	for name, test := range map[string]struct {
		happens func(*call)
		result  session.Result
		retries []bool
	}{
		"committed at once": {
			func(c *call) { c.reply(1, op.Committed, "", "Running", 1) },
			session.Result{Outcome: op.Committed, State: "Running", Version: 1},
			[]bool{false},
		},
		"a late commit of an earlier attempt counts": {
			func(c *call) { c.wait(attempt); c.reply(1, op.Committed, "", "Running", 1) },
			session.Result{Outcome: op.Committed, State: "Running", Version: 1},
			[]bool{false, true},
		},
		"illegal, and nothing else under way": {
			func(c *call) { c.reply(1, op.Rejected, op.Illegal, "Stopped", 2) },
			session.Result{Outcome: op.Rejected, Reason: op.Illegal, State: "Stopped", Version: 2},
			[]bool{false},
		},
		"illegal while another attempt is under way proves nothing": {
			func(c *call) {
				c.wait(attempt)
				c.reply(1, op.Rejected, op.Illegal, "Stopped", 2)
				c.wait(deadline)
			},
			session.Result{Outcome: op.Unknown, Reason: op.Illegal},
			[]bool{false, true, true, true, true, true, true},
		},
		"the last open attempt decides": {
			func(c *call) {
				c.wait(attempt)
				c.rejected(1, op.Overloaded)
				c.reply(2, op.Rejected, op.Illegal, "Stopped", 2)
			},
			session.Result{Outcome: op.Rejected, Reason: op.Illegal, State: "Stopped", Version: 2},
			[]bool{false, true},
		},
		"an attempt without effect leaves no trace": {
			func(c *call) {
				c.rejected(1, op.Overloaded)
				c.wait(pause)
				c.reply(2, op.Rejected, op.Illegal, "Stopped", 2)
			},
			session.Result{Outcome: op.Rejected, Reason: op.Illegal, State: "Stopped", Version: 2},
			[]bool{false, false},
		},
		"an attempt of unknown fate stays open": {
			func(c *call) {
				c.unknown(1, op.Timeout)
				c.wait(pause)
				c.unknown(2, op.WindowExpired)
			},
			session.Result{Outcome: op.Unknown, Reason: op.WindowExpired},
			[]bool{false, true},
		},
		"a reject for good ends all attempts": {
			func(c *call) {
				c.unknown(1, op.Timeout)
				c.wait(pause)
				c.take(c.call.Reply(c.now, &op.Reply{
					Kind: op.Propose, Key: key, ID: c.call.ID(), Attempt: 2,
					Outcome: op.Rejected, Reason: op.Illegal, Final: true, State: "Stopped", Version: 2, Serial: 3,
				}))
			},
			session.Result{Outcome: op.Rejected, Reason: op.Illegal, State: "Stopped", Version: 2},
			[]bool{false, true},
		},
		"forgotten, with an attempt under way: only that one can tell any more": {
			func(c *call) {
				c.wait(attempt)
				c.unknown(2, op.WindowExpired)
				c.wait(attempt)
				c.reply(1, op.Committed, "", "Running", 1)
			},
			session.Result{Outcome: op.Committed, State: "Running", Version: 1},
			[]bool{false, true},
		},
		"forgotten, and the attempt under way does not know either": {
			func(c *call) { c.wait(attempt); c.unknown(2, op.WindowExpired); c.unknown(1, op.Timeout) },
			session.Result{Outcome: op.Unknown, Reason: op.WindowExpired},
			[]bool{false, true},
		},
		"forgotten, and no other answer": {
			func(c *call) { c.wait(attempt); c.unknown(2, op.WindowExpired); c.wait(deadline) },
			session.Result{Outcome: op.Unknown, Reason: op.WindowExpired},
			[]bool{false, true},
		},
		"the id has asked for something else": {
			func(c *call) {
				c.take(c.call.Reply(c.now, &op.Reply{
					Kind: op.Propose, Key: key, ID: c.call.ID(), Attempt: 1,
					Outcome: op.Rejected, Reason: op.IDConflict, Final: true, State: "Stopped", Version: 2, Serial: 3,
				}))
			},
			session.Result{Outcome: op.Rejected, Reason: op.IDConflict, State: "Stopped", Version: 2},
			[]bool{false},
		},
		"a base that nobody can have known: asking again tells no more": {
			func(c *call) { c.unknown(1, op.WatermarkAhead) },
			session.Result{Outcome: op.Unknown, Reason: op.WatermarkAhead},
			[]bool{false},
		},
		"no answer at all": {
			func(c *call) { c.wait(deadline) },
			session.Result{Outcome: op.Unknown, Reason: op.Timeout},
			[]bool{false, true, true, true, true, true, true},
		},
		"an unknown state ends it when no attempt is open": {
			func(c *call) { c.wait(attempt); c.rejected(2, op.UnknownState); c.rejected(1, op.UnknownState) },
			session.Result{Outcome: op.Rejected, Reason: op.UnknownState},
			[]bool{false, true},
		},
		"an unknown definition, too": {
			func(c *call) { c.rejected(1, op.UnknownDefinition) },
			session.Result{Outcome: op.Rejected, Reason: op.UnknownDefinition},
			[]bool{false},
		},
		"what the client's role does not include ends it": {
			func(c *call) { c.rejected(1, op.Forbidden) },
			session.Result{Outcome: op.Rejected, Reason: op.Forbidden},
			[]bool{false},
		},
		"a client that is not known, too": {
			func(c *call) { c.rejected(1, op.Unauthenticated) },
			session.Result{Outcome: op.Rejected, Reason: op.Unauthenticated},
			[]bool{false},
		},
		"every attempt was turned away until the deadline": {
			func(c *call) {
				for c.now < deadline-pause {
					c.rejected(uint32(len(c.sent)), op.Overloaded)
					c.wait(pause)
				}
				c.wait(pause - 1)
				c.rejected(uint32(len(c.sent)), op.Overloaded)
				c.wait(1)
			},
			session.Result{Outcome: op.Rejected, Reason: op.Overloaded},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := beginCall(t, newSession(t), propose())
			test.happens(c)
			c.requireResult(test.result)
			if test.retries != nil {
				require.Equal(t, test.retries, c.retries())
			}
		})
	}
}

// A read has no effect, so the worst outcome of one is rejected.
func TestReadsAreNeverUnknown(t *testing.T) {
	for name, happens := range map[string]func(*call){
		"no answer at all":   func(*call) {},
		"unknown at a node":  func(c *call) { c.unknown(1, op.Timeout) },
		"rejected at a node": func(c *call) { c.rejected(1, op.Timeout) },
	} {
		t.Run(name, func(t *testing.T) {
			c := beginCall(t, newSession(t), read())
			happens(c)
			c.wait(deadline)
			c.requireResult(session.Result{Outcome: op.Rejected, Reason: op.Timeout})
		})
	}
}

// A node cannot tell a repeated read from other operations: if its definition is
// unknown it responds that the outcome is unknown. A read is rejected then.
func TestAReadOfAnUnknownDefinitionIsRejected(t *testing.T) {
	c := beginCall(t, newSession(t), read())
	c.wait(attempt)
	require.True(t, c.sent[1].Request.Retry)
	c.unknown(2, op.UnknownDefinition)
	c.requireResult(session.Result{Outcome: op.Rejected, Reason: op.UnknownDefinition})
}

// The watermark is the serial that the client knew before its first attempt. Later
// serials that it learns meanwhile do not change it.
func TestWatermarkIsFixedOverAttempts(t *testing.T) {
	s := newSession(t)
	beginCall(t, s, propose()).reply(1, op.Committed, "", "Running", 7)
	c := beginCall(t, s, propose())
	beginCall(t, s, read()).reply(1, op.Committed, "", "Init", 12)
	c.wait(deadline)
	for i, a := range c.sent {
		require.Equal(t, op.Stamp(key, 7, "c1.1"), a.Request.ID)
		require.EqualValues(t, i+1, a.Request.Attempt)
	}
	require.EqualValues(t, 12, watermark(beginCall(t, s, propose())))
}

// Serials are learnt from responses with chosen values, by key: not from local
// reads.
func TestSessionLearnsSerials(t *testing.T) {
	s := newSession(t)
	local := session.Operation{Name: "c1.1", Kind: op.ReadLocal, Key: key}
	beginCall(t, s, local).reply(1, op.Committed, "", "Running", 9)
	require.Zero(t, watermark(beginCall(t, s, propose())))
	beginCall(t, s, propose()).reply(1, op.Rejected, op.Illegal, "Running", 4)
	require.EqualValues(t, 4, watermark(beginCall(t, s, propose())))
	beginCall(t, s, read()).reply(1, op.Committed, "", "Init", 3) // older: it was overtaken
	require.EqualValues(t, 4, watermark(beginCall(t, s, propose())))
	other := propose()
	other.Key = "lifecycle/b"
	require.Zero(t, watermark(beginCall(t, s, other)))
}

// watermark returns the serial that the id of a call's last attempt carries.
func watermark(c *call) uint64 {
	r := c.sent[len(c.sent)-1].Request
	n, err := r.ID.Watermark(r.Key)
	require.NoError(c.t, err)
	return n
}

// If the watermark is too old and no attempt is pending, the operation begins
// again at once, with a new id that carries the serial from the node's response. A
// response to the old id is ignored.
func TestWindowExpiredBeginsFreshAttempt(t *testing.T) {
	c := beginCall(t, newSession(t), propose())
	c.reply(1, op.Rejected, op.WindowExpired, "Stopped", 40)
	require.Len(t, c.sent, 2)
	again := c.sent[1].Request
	require.Equal(t, op.Stamp(key, 40, "c1.1"), again.ID)
	require.False(t, again.Retry)
	require.Zero(t, c.call.Reply(c.now, &op.Reply{Kind: op.Propose, Key: key, ID: c.sent[0].Request.ID, Attempt: 1, Outcome: op.Committed}))
	c.reply(2, op.Committed, "", "Running", 41)
	c.requireResult(session.Result{Outcome: op.Committed, State: "Running", Version: 41})
}

// While another attempt is pending the watermark must stay: with a later one, the
// operation might be applied twice.
func TestWindowExpiredKeepsWatermarkOfPendingAttempt(t *testing.T) {
	c := beginCall(t, newSession(t), propose())
	c.wait(attempt)
	c.reply(1, op.Rejected, op.WindowExpired, "Stopped", 40)
	c.wait(attempt)
	require.Len(t, c.sent, 3)
	require.Zero(t, watermark(c))
	require.True(t, c.sent[2].Request.Retry)
}

func TestResponsesToOtherOperationsAreIgnored(t *testing.T) {
	c := beginCall(t, newSession(t), propose())
	require.Zero(t, c.call.Reply(0, &op.Reply{ID: "c1.2", Attempt: 1, Outcome: op.Committed}))
	c.reply(1, op.Committed, "", "Running", 1)
	c.requireResult(session.Result{Outcome: op.Committed, State: "Running", Version: 1})
}

func TestAfterTheEndNothingHappens(t *testing.T) {
	c := beginCall(t, newSession(t), propose())
	c.reply(1, op.Committed, "", "Running", 1)
	require.Zero(t, c.call.Tick(attempt))
	require.Zero(t, c.call.Tick(deadline))
	c.reply(1, op.Rejected, op.Illegal, "Init", 0)
	require.Zero(t, c.last)
}

// A response to an attempt that has timed out does not end the wait for the
// current one.
func TestLateResponseDoesNotEndTheWait(t *testing.T) {
	c := beginCall(t, newSession(t), propose())
	c.wait(attempt)
	c.unknown(1, op.Timeout)
	require.Zero(t, c.last)
	c.wait(attempt - 1)
	require.Len(t, c.sent, 2)
	c.wait(1)
	require.Len(t, c.sent, 3)
}

// After an inconclusive response a call waits, at most MaxPause, and not as long
// as other calls.
func TestPausesAreJitteredAndBounded(t *testing.T) {
	different := map[time.Duration]bool{}
	for jitter := range uint64(100) {
		cfg := config()
		cfg.Jitter = jitter
		s, err := session.New(cfg)
		require.NoError(t, err)
		c := beginCall(t, s, propose())
		c.rejected(1, op.Overloaded)
		require.Positive(t, c.last.Wake)
		require.LessOrEqual(t, c.last.Wake, pause)
		different[c.last.Wake] = true
	}
	require.Greater(t, len(different), 90)
}

// An operation with an id of the caller's may have been requested before: it is a
// retry from the start, its id never changes, and only a final rejection ends it
// as rejected.
func TestAnIDOfTheCallersIsARetryFromTheStart(t *testing.T) {
	for _, id := range []op.ID{"pay-1", op.Stamp(key, 3, "k7")} {
		s := newSession(t)
		beginCall(t, s, read()).reply(1, op.Committed, "", "Init", 12)
		o := propose()
		o.ID = id
		c := beginCall(t, s, o)
		c.rejected(1, op.Overloaded)
		c.wait(pause)
		c.reply(2, op.Rejected, op.Illegal, "Init", 12)
		c.wait(deadline)
		for _, a := range c.sent {
			require.Equal(t, id, a.Request.ID)
			require.Zero(t, a.Request.Watermark)
			require.True(t, a.Request.Retry)
		}
		require.Equal(t, op.Unknown, c.last.Result.Outcome)
	}
}

// Attempts that were made under the same id before have other numbers, and late
// responses to them are not for this call.
func TestEarlierAttemptsHaveOtherNumbers(t *testing.T) {
	o := propose()
	o.ID, o.EarlierAttempts = "pay-1", 3
	c := beginCall(t, newSession(t), o)
	require.EqualValues(t, 4, c.sent[0].Request.Attempt)
	require.Zero(t, c.call.Reply(c.now, &op.Reply{Kind: op.Propose, Key: key, ID: "pay-1", Attempt: 3, Outcome: op.Committed}))
	c.take(c.call.Reply(c.now, &op.Reply{Kind: op.Propose, Key: key, ID: "pay-1", Attempt: 4, Outcome: op.Committed, State: "Running", Version: 1}))
	c.requireResult(session.Result{Outcome: op.Committed, State: "Running", Version: 1})
}

// An operation without an id has one attempt. Without a response its outcome is
// unknown.
func TestOnceIsAskedOnce(t *testing.T) {
	o := propose()
	o.Once = true
	for name, test := range map[string]struct {
		happens func(*call)
		want    session.Result
	}{
		"committed": {
			func(c *call) { c.reply(1, op.Committed, "", "Running", 1) },
			session.Result{Outcome: op.Committed, State: "Running", Version: 1},
		},
		"rejected": {
			func(c *call) { c.rejected(1, op.Overloaded) },
			session.Result{Outcome: op.Rejected, Reason: op.Overloaded},
		},
		"lost": {
			func(c *call) { c.take(c.call.Lost(c.now, 1)) },
			session.Result{Outcome: op.Unknown, Reason: op.Timeout},
		},
		"no answer": {
			func(c *call) { c.wait(deadline) },
			session.Result{Outcome: op.Unknown, Reason: op.Timeout},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := beginCall(t, newSession(t), o)
			test.happens(c)
			c.requireResult(test.want)
			require.Len(t, c.sent, 1)
			require.Equal(t, op.Once("c1.1"), c.sent[0].Request.ID)
			require.False(t, c.sent[0].Request.Retry)
		})
	}
}

// An attempt with a broken connection stays pending, and is not awaited.
func TestALostAttemptIsFollowedByARetry(t *testing.T) {
	c := beginCall(t, newSession(t), propose())
	c.take(c.call.Lost(c.now, 1))
	require.LessOrEqual(t, c.last.Wake, pause)
	c.wait(pause)
	require.Equal(t, []bool{false, true}, c.retries())
	require.Zero(t, c.call.Lost(c.now, 1), "a second attempt is under way")
	c.reply(2, op.Committed, "", "Running", 1)
	require.Zero(t, c.call.Lost(c.now, 2), "the call is over")
}

// Every response with a chosen value teaches its serial, whatever the outcome of
// the call: else a session with too old a serial would never catch up.
func TestWindowExpiredTeachesSerial(t *testing.T) {
	s := newSession(t)
	c := beginCall(t, s, propose())
	c.wait(attempt)
	c.unknown(1, op.Timeout)
	c.reply(2, op.Unknown, op.WindowExpired, "Stopped", 40)
	c.requireResult(session.Result{Outcome: op.Unknown, Reason: op.WindowExpired})
	require.EqualValues(t, 40, watermark(beginCall(t, s, propose())))
}
