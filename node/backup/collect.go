package backup

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/fsm"
)

// Machine is a machine with its value.
type Machine struct {
	Key   string
	Value *node.Value
}

// Cluster is a running cluster, as Collect asks it.
type Cluster interface {
	// Keys returns keys of machines that a member has accepted or learnt a value of, in
	// order, above after. next is the after of the next page; empty: this was the last.
	Keys(ctx context.Context, member int, after string) (keys []string, next string, err error)
	// Values returns the values of at most BatchSize machines, in the order of their keys,
	// each as recent as a linearizable read. Machines without an entry are left out.
	Values(ctx context.Context, keys []string) ([]Machine, error)
}

// BatchSize is the number of machines that are read at a time.
const BatchSize = 256

// Collect writes all machines of a running cluster to w: those that were changed before it
// began, each with a value that it had since. members are the members to list machines
// of: a majority, so that one of them knows each machine. Memory does not grow with the
// number of machines. progress, if not nil, is called with the machines of each batch.
func Collect(ctx context.Context, c Cluster, members []int, w *Writer, progress func(machines int)) error {
	keys := mergedKeys{cluster: c}
	for _, m := range members {
		keys.lists = append(keys.lists, &keyList{member: m})
	}
	for {
		batch, err := keys.next(ctx, BatchSize)
		if err != nil || len(batch) == 0 {
			return err
		}
		values, err := c.Values(ctx, batch)
		if err != nil {
			return err
		}
		for _, m := range values {
			if err := add(ctx, c, w, m); err != nil {
				return err
			}
		}
		if progress != nil {
			progress(len(values))
		}
	}
}

// add adds a machine, after its definition. A definition does not change, so it does not
// matter when it is read.
func add(ctx context.Context, c Cluster, w *Writer, m Machine) error {
	if held, ok := strings.CutPrefix(m.Key, fsm.MetaName+"/"); ok && w.Knows(held) {
		return nil // it came with its first machine
	}
	name, _, _ := strings.Cut(m.Key, "/")
	if !w.Knows(name) {
		key := fsm.MetaName + "/" + name
		held, err := c.Values(ctx, []string{key})
		if err != nil {
			return err
		}
		if len(held) != 1 || !holdsDefinition(key, held[0].Value) {
			return fmt.Errorf("%w: %s: its definition was not created by a client, but is configured: a backup cannot hold it", ErrContent, m.Key)
		}
		if err := w.Add(key, held[0].Value); err != nil {
			return err
		}
	}
	return w.Add(m.Key, m.Value)
}

// mergedKeys is the keys of several members, in order, each once.
type mergedKeys struct {
	cluster Cluster
	lists   []*keyList
}

// keyList is the rest of a page of one member's keys.
type keyList struct {
	member int
	keys   []string
	after  string
	last   bool // there is no other page
}

// next returns the next keys, at most so many; none at the end.
func (m *mergedKeys) next(ctx context.Context, most int) (keys []string, err error) {
	for len(keys) < most {
		least := ""
		for _, l := range m.lists {
			if err := l.fill(ctx, m.cluster); err != nil {
				return nil, err
			}
			if len(l.keys) > 0 && (least == "" || l.keys[0] < least) {
				least = l.keys[0]
			}
		}
		if least == "" {
			break
		}
		keys = append(keys, least)
		for _, l := range m.lists {
			if len(l.keys) > 0 && l.keys[0] == least {
				l.keys = l.keys[1:]
			}
		}
	}
	return keys, nil
}

// fill fetches pages until there is a key, or no more page.
func (l *keyList) fill(ctx context.Context, c Cluster) error {
	for len(l.keys) == 0 && !l.last {
		keys, next, err := c.Keys(ctx, l.member, l.after)
		if err != nil {
			return err
		}
		if !slices.IsSorted(keys) || len(keys) > 0 && keys[0] <= l.after || next != "" && next <= l.after {
			return fmt.Errorf("%w: a member lists machines out of order", ErrContent)
		}
		l.keys, l.after, l.last = keys, next, next == ""
	}
	return nil
}
