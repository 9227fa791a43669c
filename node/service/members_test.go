package service

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/configuration"
)

// ask has operators ask for changes in one step, and returns the answers.
func (r *rig) ask(changes ...configuration.Change) []Asked {
	var evs []Event
	for i, x := range changes {
		evs = append(evs, Event{Kind: Reconfigure, Ticket: Ticket(i + 1), Change: x})
	}
	e, err := r.service.Step(r.now, evs)
	require.NoError(r.t, err)
	asked := append([]Asked(nil), e.Asked...)
	r.take(e)
	return asked
}

// goOn has the disk complete one request, or else the service take the next step.
func (r *rig) goOn() {
	if len(r.pending) == 0 {
		r.waitUntil(r.wake)
		return
	}
	q := r.pending[0]
	r.pending = r.pending[1:]
	r.disk.Execute(q)
	r.step(Event{Member: node.Event{Kind: node.DiskDone, Token: q.Token}})
}

// A change that is asked for while another waits to be made is refused: each answer says
// what becomes of its change. When the first is made, the next may be asked for.
func TestChangesAtOnce(t *testing.T) {
	r := newRig(t, 1, Config{Pending: 9, Watchers: 9, Changes: 9, Page: 9, ReadyTimeout: time.Second})
	r.settle()
	add := func(id node.ID, address string) configuration.Change {
		return configuration.Change{Kind: configuration.Add, ID: id, Address: address}
	}
	asked := r.ask(add(2, "two:7001"), add(3, "three:7001"))
	require.Len(t, asked, 2)
	require.NoError(t, asked[0].Err)
	require.ErrorIs(t, asked[1].Err, configuration.ErrChange)
	require.ErrorContains(t, asked[1].Err, "another change, to epoch 2: voters 1, invited 2, is under way")

	waits := r.ask(add(3, "three:7001")) // the first is under way
	require.ErrorContains(t, waits[0].Err, "another change, to epoch 2")
	for r.service.Member().Epoch() == configuration.First {
		require.ErrorIs(t, r.ask(add(3, "three:7001"))[0].Err, configuration.ErrChange)
		r.goOn()
	}
	require.Equal(t, "two:7001", r.service.Member().Configuration().Members[1].Address)
	require.NoError(t, r.ask(add(3, "three:7001"))[0].Err)
	for r.service.Member().Epoch() == 2 {
		r.goOn()
	}
	require.True(t, r.service.Member().Configuration().Has(3))
}
