package tcp

import (
	"testing"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// A queue is a bounded list: whoever takes from it gets all that had room, in order,
// and it holds a token whenever it holds messages that its taker has not seen.
func TestQueueMatchesList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 9).Draw(t, "size")
		q := newQueue(size)
		var list []node.Message
		last := uint64(0)
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				added := make([]node.Message, rapid.IntRange(0, 5).Draw(t, "messages"))
				for i := range added {
					last++
					added[i] = &node.Commit{Value: &node.Value{Version: last}}
				}
				n := q.push(added)
				require.Equal(t, min(len(added), size-len(list)), n)
				list = append(list, added[:n]...)
			},
			"take": func(t *rapid.T) {
				select {
				case <-q.filled:
				default:
					require.Empty(t, list)
					return
				}
				for i := range rapid.IntRange(0, len(list)).Draw(t, "taken") {
					m, ok := q.pop()
					require.True(t, ok)
					require.Same(t, list[i], m)
				}
				list = list[len(list)-q.len():]
				if len(list) > 0 {
					q.signal()
				} else {
					_, ok := q.pop()
					require.False(t, ok)
				}
			},
			"": func(t *rapid.T) {
				require.Equal(t, len(list), q.len())
				require.LessOrEqual(t, len(q.messages), size)
			},
		})
	})
}
