package node

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The table is a map from keys to machines, also where many have the same short hash.
func TestMachineTableIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var list []*machine
		table, model := newMachineTable(7, &list), map[string]*machine{}
		table.mask = rapid.SampledFrom([]uint32{0, 3, 1<<32 - 1}).Draw(t, "mask")
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			key := fmt.Sprint(rapid.IntRange(0, 20).Draw(t, "key"))
			require.True(t, table.get(key) == nil || table.get(key) == model[key])
			switch m := model[key]; {
			case m == nil:
				m = &machine{key: key, index: uint32(len(list))}
				list = append(list, m)
				table.put(m)
				model[key] = m
			default:
				table.remove(m)
				list[m.index] = nil
				delete(model, key)
			}
			require.Equal(t, len(model), table.count)
			for key, m := range model {
				require.Same(t, m, table.get(key))
			}
			if len(model) == 0 {
				require.Empty(t, table.first)
			}
		}
	})
}
