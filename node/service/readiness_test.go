package service

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
)

// The checks that fail, by what has happened to a node of three that is connected to
// some of the others, which answer nothing.
func TestReadiness(t *testing.T) {
	both := []node.ID{2, 3}
	for name, x := range map[string]struct {
		connected []node.ID
		script    []string
		want      map[string]string
	}{
		"all is well":                      {both, []string{"sync"}, nil},
		"one peer is enough":               {both[:1], []string{"sync"}, nil},
		"boot is not durable":              {both, nil, map[string]string{"log": "its log is not recovered yet"}},
		"alone":                            {nil, []string{"sync"}, map[string]string{"majority": "it reaches 1 of 3 members, itself included, and needs 2"}},
		"drained":                          {both, []string{"sync", "drain"}, map[string]string{"stopping": "it is stopping"}},
		"peers do not answer yet":          {both, []string{"sync", "call 1 Running", "sync", "wait 900ms"}, nil},
		"nothing is asked of them":         {both, []string{"sync", "wait 1h"}, nil},
		"one answers":                      {both, []string{"sync", "call 1 Running", "sync", "wait 1200ms", "hear 2"}, nil},
		"one answers, the other is gone":   {both[1:], []string{"sync", "call 1 Running", "sync", "wait 1200ms", "hear 2"}, map[string]string{"majority": "it reaches 1 of 3 members, itself included, and needs 2; node 3 has answered nothing for 1.2s"}},
		"peers are silent":                 {both, []string{"sync", "call 1 Running", "sync", "wait 1200ms"}, map[string]string{"majority": "it reaches 1 of 3 members, itself included, and needs 2; node 2 has answered nothing for 1.2s; node 3 has answered nothing for 1.2s"}},
		"they have answered once":          {both, []string{"sync", "call 1 Running", "sync", "hear 2", "hear 3", "wait 1300ms"}, map[string]string{"majority": "it reaches 1 of 3 members, itself included, and needs 2; node 2 has answered nothing for 1.2s; node 3 has answered nothing for 1.2s"}},
		"the disk is slow":                 {both, []string{"sync", "call 1 Running", "hear 2", "wait 900ms"}, nil},
		"the disk hangs":                   {both, []string{"sync", "call 1 Running", "wait 1200ms", "hear 2"}, map[string]string{"log": "its disk has made no record durable for 1.2s"}},
		"the disk goes on":                 {both, []string{"sync", "call 1 Running", "hear 2", "wait 1200ms", "sync", "hear 2"}, nil},
		"the disk hangs after a long rest": {both, []string{"sync", "wait 1h", "call 1 Running", "hear 2", "wait 900ms"}, nil},
		"the disk hangs, and work goes on": {both, []string{"sync", "call 1 Running", "hear 2", "wait 600ms", "other 2 Running", "hear 2", "wait 600ms"}, map[string]string{"log": "its disk has made no record durable for 1.2s"}},
		"the disk is slow, but makes way":  {both, []string{"sync", "call 1 Running", "hear 2", "wait 600ms", "sync", "other 2 Running", "hear 2", "wait 600ms"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, 3, Config{Pending: 9, Watchers: 9, Changes: 9, Page: 9, ReadyTimeout: time.Second})
			for _, command := range x.script {
				r.do(command)
			}
			checks := r.service.Readiness(Surroundings{Now: r.now, Connected: x.connected})
			failed := map[string]string{}
			for _, c := range checks {
				if c.Reason != "" {
					failed[c.Name] = c.Reason
				}
			}
			require.Len(t, checks, 4)
			if x.want == nil {
				x.want = map[string]string{}
			}
			require.Equal(t, x.want, failed)
			require.Equal(t, len(x.want) == 0, NotReady(checks) == "")
		})
	}
}

// Of a node that has ended the reason is all that counts, and a node alone needs no other.
func TestReadinessAtTheEnds(t *testing.T) {
	r := newRig(t, 1, Config{Pending: 9, Watchers: 9, Changes: 9, Page: 9, ReadyTimeout: time.Second})
	r.do("sync")
	require.Empty(t, NotReady(r.service.Readiness(Surroundings{})))
	require.Equal(t, "it has stopped (why)", NotReady(r.service.Readiness(Surroundings{Ended: errors.New("it has stopped (why)")})))
}
