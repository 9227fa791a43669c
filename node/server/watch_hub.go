package server

import (
	"slices"
	"strings"
	"sync/atomic"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/watch"
)

// pageSize is the number of machines that the loop reads at a time, between two
// steps of the node.
const pageSize = 256

// changeBuffer bounds the changes that wait for one watcher.
const changeBuffer = 1024

// change is a change of a machine that the node has learnt, from one chosen value to
// a later one. had is nil if the node had learnt none before.
type change struct {
	key      string
	had, now *node.Value
}

// watcher receives the changes of one machine, or of all machines with a prefix.
// Only the loop touches its fields, except for receiving from changes.
type watcher struct {
	single  bool
	prefix  string      // single: the key
	changes chan change // closed when the watcher is cut off for being slow

	// The present states of many machines are sent in pages. Changes are sent only
	// of machines in the pages so far, up to cursor; of all machines once caughtUp
	// is set.
	cursor   string
	caughtUp bool
}

// wants reports whether a change of a machine is for w.
func (w *watcher) wants(key string) bool {
	if w.single {
		return key == w.prefix
	}
	return strings.HasPrefix(key, w.prefix) && (w.caughtUp || key <= w.cursor && w.cursor != "")
}

// watchHub is the set of watchers.
type watchHub struct {
	keys     map[string][]*watcher
	prefixes []*watcher

	watchers  atomic.Int64  // at present
	published atomic.Uint64 // changes handed to watchers
	cutOff    atomic.Uint64 // watchers cut off
}

func (h *watchHub) add(w *watcher) {
	if w.single {
		h.keys[w.prefix] = append(h.keys[w.prefix], w)
	} else {
		h.prefixes = append(h.prefixes, w)
	}
	h.watchers.Add(1)
}

// remove removes w, if it is in the set.
func (h *watchHub) remove(w *watcher) {
	list := h.prefixes
	if w.single {
		list = h.keys[w.prefix]
	}
	i := slices.Index(list, w)
	if i < 0 {
		return
	}
	list = slices.Delete(list, i, i+1)
	switch {
	case !w.single:
		h.prefixes = list
	case len(list) == 0:
		delete(h.keys, w.prefix)
	default:
		h.keys[w.prefix] = list
	}
	h.watchers.Add(-1)
}

// closeAll ends all watches.
func (h *watchHub) closeAll() {
	all := slices.Clone(h.prefixes)
	for _, list := range h.keys {
		all = append(all, list...)
	}
	for _, w := range all {
		h.remove(w)
		close(w.changes)
	}
}

// publish sends a change to its watchers. A watcher without room for it is cut off:
// it must not miss a change without knowing, and the loop must not wait for it.
func (h *watchHub) publish(c change) {
	var cut []*watcher
	for _, list := range [][]*watcher{h.keys[c.key], h.prefixes} {
		for _, w := range list {
			if !w.wants(c.key) {
				continue
			}
			select {
			case w.changes <- c:
				h.published.Add(1)
			default:
				cut = append(cut, w)
			}
		}
	}
	for _, w := range cut {
		h.remove(w)
		h.cutOff.Add(1)
		close(w.changes)
	}
}

// publishChosen publishes the values that a step has shown to be chosen. It also
// adds machines with an accepted value to the index: this node may be the only one
// that can list them.
func (l *loop) publishChosen(batch []node.Event, e *node.Effects) {
	for i := range e.Chosen {
		c := &e.Chosen[i]
		var had *node.Value
		switch e := l.index.get(c.Key); {
		case e == nil:
			l.index.insert(c.Key, c.Value)
		case !watch.IsNewer(e.value, c.Value):
			continue
		default:
			had, e.value = e.value, c.Value
		}
		l.hub.publish(change{c.Key, had, c.Value})
	}
	for i := range batch {
		l.addAccepted(batch[i].Message)
	}
	for i := range e.Sends {
		if i == 0 || e.Sends[i].Message != e.Sends[i-1].Message { // once for all peers
			l.addAccepted(e.Sends[i].Message)
		}
	}
	l.machineCount.Store(int64(l.index.size))
}

// addAccepted adds the machine of an accept proposal or a repair value to the index,
// if the node has accepted a value of it.
func (l *loop) addAccepted(m node.Message) {
	var key string
	switch m := m.(type) {
	case *node.Proposal:
		if m.Phase != node.Accept {
			return
		}
		key = m.Key
	case *node.RepairValue:
		key = m.Key
	default:
		return
	}
	if l.index.get(key) == nil && l.node.Inspect(key).Value != nil {
		l.index.insert(key, nil)
	}
}

// buildIndex builds, after boot, the index of the machines of which the node has a
// value.
func (l *loop) buildIndex() {
	var entries []indexItem
	for _, key := range l.node.Keys() {
		if st := l.node.Inspect(key); st.Value != nil || st.Learnt != nil {
			entries = append(entries, indexItem{key, st.Learnt})
		}
	}
	l.index = newIndex(entries)
	l.machineCount.Store(int64(l.index.size))
}

// subscribe adds a watcher, and returns the value that is known now of the single
// machine that it watches.
func (l *loop) subscribe(w *watcher) (now *node.Value, err error) {
	if !l.do(func(*node.Node) {
		if e := l.index.get(w.prefix); w.single && e != nil {
			now = e.value
		}
		l.hub.add(w)
	}) {
		return nil, l.stoppingError()
	}
	return now, nil
}

// unsubscribe removes a watcher.
func (l *loop) unsubscribe(w *watcher) { l.do(func(*node.Node) { l.hub.remove(w) }) }

// nextPage returns the next page of the known states of the machines that w watches;
// an empty one if all pages are sent. Later changes are sent as changes.
func (l *loop) nextPage(w *watcher) (page []indexItem, err error) {
	if !l.do(func(*node.Node) {
		var more bool
		page, more = l.index.page(w.prefix, w.cursor, pageSize)
		if w.caughtUp = !more; more {
			w.cursor = page[len(page)-1].key
		}
	}) {
		return nil, l.stoppingError()
	}
	return page, nil
}
