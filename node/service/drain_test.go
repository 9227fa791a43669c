package service

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A service is drained when a Drain has come and everything admitted before has its
// outcome, or when it has stopped.
func TestDrainedAt(t *testing.T) {
	for name, x := range map[string]struct {
		members int
		script  []string
		drained bool
	}{
		"no drain":                {1, []string{"sync"}, false},
		"nothing is under way":    {1, []string{"sync", "drain"}, true},
		"a call is":               {1, []string{"sync", "call 1 Running", "drain"}, false},
		"a call was":              {1, []string{"sync", "call 1 Running", "drain", "sync"}, true},
		"a call waits for peers":  {3, []string{"sync", "call 1 Running", "drain", "sync"}, false},
		"its time is over":        {3, []string{"sync", "call 1 Running", "drain", "sync", "wait 5s"}, true},
		"its client has gone":     {3, []string{"sync", "call 1 Running", "abandon 1", "drain", "sync"}, false},
		"a listing is":            {3, []string{"sync", "call 1 Running", "sync", "list 2 linearizable", "drain", "wait 1s"}, false},
		"refused after the drain": {1, []string{"sync", "drain", "call 1 Running"}, true},
		"stopped":                 {3, []string{"sync", "call 1 Running", "sync", "stop"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, x.members, Config{Pending: 9, Watchers: 9, Changes: 9, Page: 9, ReadyTimeout: time.Second})
			for _, command := range x.script {
				r.do(command)
			}
			if at := r.service.DrainedAt(); x.drained {
				require.LessOrEqual(t, at, r.now)
			} else {
				require.Equal(t, Never, at)
			}
		})
	}
}

// A listing that goes on over steps is under way, too.
func TestDrainedAtAwaitsListings(t *testing.T) {
	r := newRig(t, 1, Config{Pending: 9, Watchers: 9, Changes: 9, Page: 1, ReadyTimeout: time.Second})
	for _, command := range []string{"sync", "call 1 Running", "sync", "other 2 Running", "sync"} {
		r.do(command)
	}
	r.step(Event{Kind: List, Ticket: 3, Query: &Query{Limit: 9}}, Event{Kind: Drain})
	require.Equal(t, Never, r.service.DrainedAt())
	r.settle()
	require.LessOrEqual(t, r.service.DrainedAt(), r.now)
	require.Equal(t, "3 page lifecycle/m=Running lifecycle/n=Running", r.lines[len(r.lines)-1])
}
