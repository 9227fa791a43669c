package service

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/fsm"
)

// Pages show every definition once, in the order of the names, however large they are. No
// page is larger than that of a listing of machines.
func TestPagesOfDefinitions(t *testing.T) {
	r := newRig(t, 1, Config{Pending: 10, Watchers: 1, Changes: 1, Page: 4, ReadyTimeout: time.Second})
	r.settle()
	want := []string{"lifecycle"}
	for i := range 10 {
		d := fsm.Definition{Name: fmt.Sprintf("made%d", 9-i), States: []string{"a", "b"}, Initial: "a", Transitions: []fsm.Transition{{From: "a", To: "b"}}}
		text, err := d.Text()
		require.NoError(t, err)
		r.step(Event{Kind: Call, Ticket: Ticket(i + 1), Request: &node.Request{Kind: node.Propose, Key: "definition/" + d.Name, ID: node.Once("a"), Attempt: 1, To: text}})
		r.settle()
		want = append(want, fmt.Sprintf("made%d", i))
	}
	for _, limit := range []int{-1, 1, 3, 4, 100} {
		var names []string
		after := ""
		for {
			p := r.service.Definitions(after, limit)
			require.NotEmpty(t, p.Definitions)
			require.LessOrEqual(t, len(p.Definitions), max(1, min(limit, 4)))
			for _, d := range p.Definitions {
				names = append(names, d.Name)
			}
			require.LessOrEqual(t, len(names), len(want), "a page is repeated")
			if after = p.Next; after == "" {
				break
			}
		}
		require.Equal(t, want, names, "pages of %d", limit)
	}
	require.Empty(t, r.service.Definitions("zzz", 4).Definitions)
}
