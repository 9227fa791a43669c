package harness

import (
	"io"
	"testing"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/canary"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/lockstep-dst/lockstep/scenarios/origin"
	"github.com/stretchr/testify/require"
)

func TestCommandRefusesSystems(t *testing.T) {
	for _, c := range []struct {
		systems []scenarios.System
		want    string
	}{
		{nil, "harness: no system under test: want at least one scenarios.System"},
		{[]scenarios.System{{}}, `harness: system 1: name "": want a word without spaces and slashes`},
		{[]scenarios.System{canary.System(), {Name: "a/b"}}, `harness: system 2: name "a/b": want a word without spaces and slashes`},
		{[]scenarios.System{{Name: "mine"}}, "harness: system mine: New is nil: want the function that begins a run"},
		{[]scenarios.System{canary.System(), canary.System()}, "harness: system canary: two systems have this name"},
		{[]scenarios.System{{Name: "mine", New: canary.System().New, Marks: []string{"a", "a"}}}, "harness: invalid system mine: "},
	} {
		_, err := Command(c.systems...)
		require.ErrorContains(t, err, c.want)
	}
}

// A definition is for systems with machines: the flag is shown if one of them has any, and
// the others refuse it.
func TestDefinitionsAreForMachines(t *testing.T) {
	without := canary.System()
	without.Definitions = nil
	for _, c := range []struct {
		systems []scenarios.System
		hidden  bool
	}{
		{[]scenarios.System{without}, true},
		{[]scenarios.System{without, origin.System()}, false},
	} {
		for _, sub := range []string{"fuzz", "replay", "shrink", "necessity", "plan"} {
			cmd, err := Command(c.systems...)
			require.NoError(t, err)
			found, _, err := cmd.Find([]string{sub})
			require.NoError(t, err)
			require.Equal(t, c.hidden, found.Flag("definition").Hidden, sub)
			cmd.SetArgs([]string{sub, "3", "--definition", "lamp.yaml", "--system", "canary"})
			if sub == "fuzz" {
				cmd.SetArgs([]string{sub, "--definition", "lamp.yaml", "--system", "canary"})
			}
			require.EqualError(t, cmd.Execute(), "--definition: system canary has no machines that a definition could describe: leave it out")
		}
	}
}

// Errors with an exit code of their own are told apart.
func TestErrorsAreReturned(t *testing.T) {
	for _, c := range []struct {
		args []string
		code cli.Code
	}{
		{[]string{"fuzz", "--seeds", "3", "--no-shrink", "--out", t.TempDir()}, cli.Violated},
		{[]string{"replay", "2"}, cli.Violated},
		{[]string{"fuzz", "--start", "10", "--seeds", "3", "--never-hit-fails"}, cli.NeverHit},
		{[]string{"fuzz", "--seeds", "1", "--shard", "1/2"}, cli.Undecided},
	} {
		cmd, err := Command(canary.System())
		require.NoError(t, err)
		cmd.SetArgs(c.args)
		cmd.SetOut(io.Discard)
		var coded *cli.Error
		require.ErrorAs(t, cmd.Execute(), &coded, c.args)
		require.Equal(t, c.code, coded.Code, c.args)
	}
}
