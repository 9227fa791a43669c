package service

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/watch"
)

var states = []string{"Init", "Running", "Stopped"}

func stateOf(version uint64) string { return states[version%3] }

// valueAt is a machine's value at a version, with its last few transitions. An
// abort tombstone follows every third of them.
func valueAt(version uint64, window int) *node.Value {
	first := uint64(max(0, int(version)-window)) + 1
	v := &node.Value{Version: version, Serial: version + version/3, State: stateOf(version), StateBefore: stateOf(first - 1)}
	for i := first; i <= version; i++ {
		v.Window = append(v.Window, node.Entry{ID: node.OpID(fmt.Sprint(i)), To: stateOf(i)})
		if i%3 == 0 {
			v.Window = append(v.Window, node.Entry{ID: node.OpID(fmt.Sprint("void-", i)), To: stateOf(i), Kind: node.EntryTombstoneIllegal})
		}
	}
	return v
}

// The events of a stream have no gap that is not marked, repeat nothing, and are
// true, whatever the node has missed.
func TestStreamIsCompleteUpToGaps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		window := rapid.IntRange(1, 6).Draw(t, "ring")
		s := Stream{Resume: rapid.Bool().Draw(t, "resume")}
		if s.Resume {
			s.From = rapid.Uint64Range(0, 30).Draw(t, "from")
		}
		told, begun, behind := s.From, s.Resume, 0
		s.Emit = func(e watch.Event) {
			switch {
			case e.State != nil:
				require.Equal(t, stateOf(e.State.Version), e.State.State)
				if begun {
					require.Equal(t, told, e.State.Version, "the state that it resumes from")
				}
				told, begun = e.State.Version, true
			case e.Transition != nil:
				require.True(t, begun, "the state comes first")
				require.Equal(t, told+1, e.Transition.Version)
				require.Equal(t, stateOf(told), e.Transition.From)
				require.Equal(t, stateOf(told+1), e.Transition.To)
				require.Equal(t, fmt.Sprint(told+1), e.Transition.Operation)
				told++
			case e.Behind != nil:
				behind++
				require.Equal(t, 1, behind, "said once")
				require.Equal(t, s.From, e.Behind.From)
				require.Less(t, e.Behind.Version, s.From)
			case e.Gap != nil:
				require.Equal(t, told+1, e.Gap.From)
				require.GreaterOrEqual(t, e.Gap.To, e.Gap.From)
				told = e.Gap.To
			}
		}
		var had *node.Value
		version := rapid.Uint64Range(0, 20).Draw(t, "at the start")
		if version > 0 {
			had = valueAt(version, window)
			s.Begin("lifecycle/a", had)
		}
		for _, step := range rapid.SliceOfN(rapid.Uint64Range(1, 9), 1, 9).Draw(t, "steps") {
			version += step
			now := valueAt(version, window)
			s.Advance("lifecycle/a", had, now)
			had = now
			require.Equal(t, max(version, s.From), told, "all is told at once")
			if version < s.From {
				require.Equal(t, 1, behind, "silence would say that nothing is there")
			}
		}
	})
}
