package play

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// The class of a panic has the words that are the same in every run.
func TestWordsOfPanics(t *testing.T) {
	for cause, want := range map[string]string{
		"runtime error: index out of range [5] with length 3":                        "runtime-error-index-out-of-range-with-length",
		"runtime error: invalid memory address or nil pointer dereference":           "runtime-error-invalid-memory-address-or-nil-pointer",
		"no entry of c1.12 at 0xc000012340, machine lifecycle/m3":                    "no-entry-of-at-machine-lifecycle",
		`unknown kind "compact-17"`:                                                  "unknown-kind",
		"tocommit(7) is out of range [lastIndex(3)]. Was the raft log lost?\nsecond": "tocommit-is-out-of-range-lastindex-was-the-raft-log-lost",
		"17":                     "",
		"":                       "",
		"Überlauf, ganz und gar": "überlauf-ganz-und-gar",
	} {
		got := kebab(causeWords(cause), maxPanicWords)
		require.Equal(t, want, got)
		require.LessOrEqual(t, len(got), maxPanicWords)
	}
}

// ... and the innermost function of the system.
func TestFunctionOfPanics(t *testing.T) {
	for _, c := range []struct {
		want  string
		stack []string
	}{
		{"store-node-step", []string{"example.org/mine/store.(*Node).Step"}},
		{"store-node-step", []string{"example.org/mine/store.(*Node).Step.func2.1", "example.org/mine/store.(*Node).Step"}},
		{"store-node-step", []string{"example.org/mine/store.(*Node).Step-range1"}},
		{"store-queue-pop", []string{"example.org/mine/store.(*Queue[...]).Pop"}},
		{"store-new", []string{"example.org/mine/store.New[...]"}},
		{"raft-raft-becomeleader", []string{"go.etcd.io/raft/v3.(*raft).becomeLeader"}},
		{"yaml-v-decode", []string{"gopkg.in/yaml%2ev.decode"}},
		{"main-run", []string{"strings.Repeat", "main.run", "example.org/mine.Do"}},
		{"canary-client-step", []string{
			"github.com/lockstep-dst/lockstep/netmodel/keyed.Key.Below", "github.com/lockstep-dst/lockstep/scenarios/canary.client.Step",
			"github.com/lockstep-dst/lockstep/sim.(*World).Step", "github.com/lockstep-dst/lockstep/scenarios/play.(*runner).loop",
		}},
		{"mine-step", []string{"mine.Step", "github.com/lockstep-dst/lockstep/sim.(*World).Step"}},
		{"", []string{"github.com/lockstep-dst/lockstep/sim.(*World).Step"}},
	} {
		var stack []runtime.Frame
		for _, f := range c.stack {
			stack = append(stack, runtime.Frame{Function: f})
		}
		require.Equal(t, c.want, systemFunction(stack), "%v", c.stack)
	}
}
