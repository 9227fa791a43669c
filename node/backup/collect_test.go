package backup_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/backup"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/stretchr/testify/require"
)

// fakeCluster is a cluster of which each member knows a part of the machines.
type fakeCluster struct {
	values map[string]*node.Value
	known  [][]string // by member, in order
	page   int        // keys of a page
	asked  int        // batches of values
	fails  error
}

func (c *fakeCluster) Keys(_ context.Context, member int, after string) (keys []string, next string, err error) {
	list := c.known[member]
	i, found := slices.BinarySearch(list, after)
	if found {
		i++
	}
	end := min(len(list), i+c.page)
	if end < len(list) {
		next = list[end-1]
	}
	return list[i:end], next, c.fails
}

func (c *fakeCluster) Values(_ context.Context, keys []string) (machines []backup.Machine, err error) {
	c.asked++
	if len(keys) > backup.BatchSize {
		return nil, fmt.Errorf("%d keys at a time", len(keys))
	}
	for _, key := range keys {
		if v := c.values[key]; v != nil {
			machines = append(machines, backup.Machine{Key: key, Value: v})
		}
	}
	return machines, nil
}

func collect(t *testing.T, c *fakeCluster) ([]string, error) {
	var out bytes.Buffer
	w, err := backup.NewWriter(&out, header())
	require.NoError(t, err)
	if err := backup.Collect(t.Context(), c, []int{0, 1}, w, nil); err != nil {
		return nil, err
	}
	_, err = w.Close()
	require.NoError(t, err)
	b, err := backup.NewReader(&out)
	require.NoError(t, err)
	var keys []string
	for {
		r, err := b.Next()
		if err != nil {
			require.EqualError(t, err, "EOF")
			return keys, nil
		}
		require.True(t, c.values[r.Key].Equal(r.Value))
		keys = append(keys, r.Key)
	}
}

// Whatever part of the machines each of the members lists, page by page, the backup has all
// that one of them lists, each once, in order, and each definition before its machines.
func TestCollectHasWhatAnyMemberLists(t *testing.T) {
	for seed := range uint64(100) {
		random := rand.New(rand.NewPCG(seed, 0))
		c := &fakeCluster{values: map[string]*node.Value{"definition/lamp": moved("d", fsm.Undefined, lampText(t))}, known: make([][]string, 2), page: 1 + random.IntN(9)}
		for i := range random.IntN(700) {
			key, v := fmt.Sprintf("lifecycle/%d", i), moved("a", "Init", "Running")
			if random.IntN(3) == 0 {
				key, v = fmt.Sprintf("lamp/%d", i), moved("a", "off", "on")
			}
			c.values[key] = v
		}
		all := []string{}
		for key := range c.values {
			all = append(all, key)
		}
		all = append(all, "lifecycle/created-and-never-chosen")
		slices.Sort(all)
		for _, key := range all {
			members := 1 + random.IntN(3)
			for m := range 2 {
				if members&(1<<m) != 0 {
					c.known[m] = append(c.known[m], key)
				}
			}
		}
		keys, err := collect(t, c)
		require.NoError(t, err, "seed %d", seed)
		at := slices.Index(keys, "definition/lamp")
		first := slices.IndexFunc(keys, func(key string) bool { return key[:4] == "lamp" })
		require.True(t, first < 0 || at >= 0 && at < first, "seed %d", seed)
		slices.Sort(keys)
		require.Equal(t, slices.DeleteFunc(all, func(key string) bool { return c.values[key] == nil }), keys, "seed %d", seed)
	}
}

// A definition that is created while the backup is under way, behind the place where it
// belongs, is in it all the same.
func TestCollectReadsDefinitionsThatItHasPassed(t *testing.T) {
	c := &fakeCluster{values: map[string]*node.Value{}, known: [][]string{{"lamp/hall"}, {}}, page: 9}
	for _, m := range machines(t) {
		c.values[m.key] = m.value
	}
	keys, err := collect(t, c)
	require.NoError(t, err)
	require.Equal(t, []string{"definition/lamp", "lamp/hall"}, keys)

	delete(c.values, "definition/lamp")
	_, err = collect(t, c)
	require.ErrorIs(t, err, backup.ErrContent)
	require.ErrorContains(t, err, "is configured")
}

func TestCollectFailsWithItsCluster(t *testing.T) {
	c := &fakeCluster{known: [][]string{{}, {}}, page: 1, fails: errors.New("gone")}
	_, err := collect(t, c)
	require.EqualError(t, err, "gone")
	c = &fakeCluster{known: [][]string{{"b", "a"}, {}}, page: 9}
	_, err = collect(t, c)
	require.ErrorIs(t, err, backup.ErrContent, "a list that has no order")
}
