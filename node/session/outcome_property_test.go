package session_test

import (
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/lockstep-dst/lockstep/node/session"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// attemptState is the state of one attempt at a node: pending, finally rejected,
// or somewhere in the cluster where it may take effect at any time.
type attemptState struct {
	answered bool
	noEffect bool // certainly without effect
}

// With any responses of nodes, at any time: a call that ends as rejected has no
// attempt that may yet take effect, a retry flag is off only under the same
// condition, and the watermark never moves while an attempt is pending. The model
// knows the true responses that a node can give.
func TestOutcomesAreHonest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := beginCall(t, newSession(t), propose())
		fates := []attemptState{{}}
		open := func(before int) bool {
			for _, f := range fates[:before] {
				if !f.noEffect {
					return true
				}
			}
			return false
		}
		for !c.last.Done {
			at := rapid.IntRange(0, len(fates)-1).Draw(t, "attempt")
			f, req := &fates[at], c.sent[at].Request
			switch what := rapid.IntRange(0, 7).Draw(t, "what"); {
			case what == 0 || f.answered:
				c.wait(time.Duration(rapid.IntRange(1, int(2*attempt)).Draw(t, "wait")))
			case what == 1:
				f.answered = true
				c.unknown(req.Attempt, op.Timeout)
			case what == 6:
				f.answered = true
				c.take(c.call.EndExchange(c.now, session.Exchange{Attempt: req.Attempt}))
			case what == 7:
				f.answered, f.noEffect = true, true
				c.take(c.call.EndExchange(c.now, session.Exchange{Attempt: req.Attempt, NeverSent: true}))
			case what == 2 && req.Retry: // a node rejects a retry only finally, and may not know it as one
				f.answered = true
				if rapid.Bool().Draw(t, "forgotten") {
					c.unknown(req.Attempt, op.WindowExpired)
					break
				}
				for i := range fates {
					fates[i].noEffect = true
				}
				c.take(c.call.Reply(c.now, &op.Reply{
					Kind: req.Kind, Key: req.Key, ID: req.ID, Attempt: req.Attempt,
					Outcome: op.Rejected, Reason: op.Illegal, Final: true, State: "Init", Serial: watermarkOf(req) + 1,
				}))
			case what == 3 && !req.Retry:
				*f = attemptState{answered: true, noEffect: true}
				c.reply(req.Attempt, op.Rejected, op.Illegal, "Init", 3)
			case what == 4 && !req.Retry:
				*f = attemptState{answered: true, noEffect: true}
				c.reply(req.Attempt, op.Rejected, op.WindowExpired, "Init", watermarkOf(req)+20)
			case what == 5 && !req.Retry:
				*f = attemptState{answered: true, noEffect: true}
				c.rejected(req.Attempt, op.Overloaded)
			}
			for len(fates) < len(c.sent) {
				n := len(fates)
				now, was := c.sent[n].Request, c.sent[n-1].Request
				mayTakeEffect := open(n)
				require.Equal(t, mayTakeEffect, now.Retry, "attempt %d", n+1)
				if mayTakeEffect {
					require.Equal(t, was.ID, now.ID, "attempt %d", n+1)
				}
				require.GreaterOrEqual(t, watermarkOf(now), watermarkOf(was))
				fates = append(fates, attemptState{})
			}
		}
		switch c.last.Result.Outcome {
		case op.Rejected:
			require.False(t, open(len(fates)), "rejected, and yet an attempt may take effect")
		case op.Unknown:
			require.True(t, open(len(fates)), "unknown, though no attempt can take effect")
		default:
			require.Fail(t, "committed, which no node said")
		}
	})
}

func watermarkOf(r *op.Request) uint64 {
	base, err := r.ID.Watermark(r.Key)
	if err != nil {
		panic(err)
	}
	return base
}
