package session_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/node/op"
	"github.com/stretchr/testify/require"
)

// A query as a transcript: the nodes tried, with the time in milliseconds. A node
// that hangs never responds, one that refuses fails at once, and one that answers
// needs a millisecond.
func TestQuery(t *testing.T) {
	for name, test := range map[string]struct{ nodes, want string }{
		"all answer":              {"answers answers answers", "1@0 heard@1"},
		"the first hangs":         {"hangs answers answers", "1@0 2@10 heard@11"},
		"the first refuses":       {"refuses answers answers", "1@0 2@0 heard@1"},
		"two hang":                {"hangs hangs answers", "1@0 2@10 3@20 heard@21"},
		"one hangs, one refuses":  {"hangs refuses answers", "1@0 2@10 3@10 heard@11"},
		"the first is slow":       {"slow hangs hangs", "1@0 2@10 heard@15"},
		"nobody is there":         {"refuses refuses refuses", "1@0 2@0 3@0 1@5 2@10 3@15 1@20 2@25 3@30 1@35 2@40 3@45 1@50 2@55 3@60 1@65 2@70 3@75 1@80 2@85 3@90 1@95 over@100"},
		"all hang":                {"hangs hangs hangs", "1@0 2@10 3@20 1@30 2@50 3@70 1@90 over@100"},
		"one alone, that refuses": {"hangs refuses hangs", "1@0 2@10 3@10 1@20 2@40 3@40 1@60 over@100"},
	} {
		t.Run(name, func(t *testing.T) {
			is := strings.Fields(test.nodes)
			s := newSession(t)
			var events []string
			record := func(what any, at time.Duration) {
				events = append(events, fmt.Sprintf("%v@%d", what, at/time.Millisecond))
			}
			q, step := s.Query(0)
			var now, wakeAt, answer time.Duration
			from := op.NodeID(0) // the node that will respond
			for {
				for step.To != 0 {
					to := step.To
					record(to, now)
					wakeAt = now + step.Wake
					delay := map[string]time.Duration{"answers": time.Millisecond, "slow": 15 * time.Millisecond}[is[to-1]]
					if delay > 0 && from == 0 {
						from, answer = to, now+delay
					}
					if step.To = 0; is[to-1] == "refuses" {
						step = q.Failed(now, to)
					}
				}
				if step.Wake > 0 {
					wakeAt = now + step.Wake
				}
				if step.Done {
					record("over", now)
					break
				}
				if from != 0 && answer <= wakeAt {
					record("heard", answer)
					q.Heard(answer, from)
					break
				}
				now = wakeAt
				step = q.Tick(now)
			}
			require.Equal(t, test.want, strings.Join(events, " "))
		})
	}
}

// The health of nodes that one query finds is known to the next one, and to
// operations.
func TestQueriesShareHealth(t *testing.T) {
	s := newSession(t)
	q, step := s.Query(0)
	require.Equal(t, op.NodeID(1), step.To)
	require.Equal(t, op.NodeID(2), q.Failed(0, 1).To)
	_, step = s.Query(0)
	require.Equal(t, op.NodeID(2), step.To)
	o := propose()
	o.Node = 1
	_, action := s.Begin(0, o)
	require.NotEqual(t, op.NodeID(1), action.To)
}
