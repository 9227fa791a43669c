package fsm_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/stretchr/testify/require"
)

func TestLifecycleAllowsItsThreeStepsOnly(t *testing.T) {
	d := fsm.Lifecycle()
	require.NoError(t, d.Validate())
	next := map[string]string{"Init": "Running", "Running": "Stopped", "Stopped": "Init"}
	for _, from := range d.States {
		for _, to := range d.States {
			require.Equal(t, next[from] == to, d.Legal(from, to), "%s → %s", from, to)
		}
	}
	require.Equal(t, 1, d.Index("Running"))
	require.Equal(t, -1, d.Index("Paused"))
}

func TestValidateNamesWhatIsWrong(t *testing.T) {
	many := fsm.Definition{Name: "many"}
	for i := range fsm.MaxStates + 1 {
		many.States = append(many.States, fmt.Sprint("s", i))
	}
	for _, c := range []struct {
		change func(*fsm.Definition)
		want   string
	}{
		{func(d *fsm.Definition) { d.Name = "" }, "definition name"},
		{func(d *fsm.Definition) { d.Name = "a/b" }, "only letters"},
		{func(d *fsm.Definition) { d.Name = strings.Repeat("a", fsm.MaxName+1) }, "want 1 to 128 bytes"},
		{func(d *fsm.Definition) { d.States = nil }, "0 states"},
		{func(d *fsm.Definition) { d.States = many.States }, "256 states"},
		{func(d *fsm.Definition) { d.States[1] = "Init" }, `states[1]: "Init" is listed twice`},
		{func(d *fsm.Definition) { d.States[2] = "no spaces" }, "states[2]"},
		{func(d *fsm.Definition) { d.Initial = "Nowhere" }, `initial state "Nowhere"`},
		{func(d *fsm.Definition) { d.Transitions[1].To = "Nowhere" }, `transitions[1]: state "Nowhere"`},
		{func(d *fsm.Definition) { d.Transitions[2] = d.Transitions[0] }, "transitions[2]: Init → Running is listed twice"},
	} {
		d := fsm.Lifecycle()
		c.change(&d)
		err := d.Validate()
		require.ErrorIs(t, err, fsm.ErrInvalid)
		require.ErrorContains(t, err, c.want)
	}
}

func TestSplitKey(t *testing.T) {
	definition, name, err := fsm.SplitKey("lifecycle/web-1")
	require.NoError(t, err)
	require.Equal(t, []string{"lifecycle", "web-1"}, []string{definition, name})
	for _, bad := range []string{"", "lifecycle", "/x", "lifecycle/", "a/b/c", "a/b c"} {
		_, _, err := fsm.SplitKey(bad)
		require.ErrorIs(t, err, fsm.ErrInvalid, bad)
	}
}
