package service

import (
	"maps"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/node"
)

// watcher receives the changes of one machine, or of all machines with a prefix.
type watcher struct {
	ticket Ticket
	query  Query

	begun   bool     // the client was told that it begins
	begin   []Known  // of a single machine: the value to begin with
	changes []Change // not taken yet
	pulled  bool     // the client awaits an update
	queued  bool     // it is in the hub's ready
	end     EndReason
	cause   error

	// The present states of many machines are sent in pages. Changes are kept only of
	// machines in the pages so far, up to cursor; of all machines once caughtUp is
	// set.
	cursor   string
	caughtUp bool
}

// wants reports whether a change of a machine is for w.
func (w *watcher) wants(key string) bool {
	if w.query.Single {
		return key == w.query.Prefix
	}
	return strings.HasPrefix(key, w.query.Prefix) && (w.caughtUp || key <= w.cursor && w.cursor != "")
}

// hasUpdate reports whether a Pull can be answered.
func (w *watcher) hasUpdate() bool {
	return len(w.begin) > 0 || len(w.changes) > 0 || !w.caughtUp
}

// watchHub is the set of watchers.
type watchHub struct {
	byTicket map[Ticket]*watcher // all, also those that have ended in this step
	keys     map[string][]*watcher
	prefixes []*watcher
	ready    []*watcher // with an end, or a pull that may be answered in this step

	published uint64 // changes given to watchers
	cutOff    uint64 // watchers cut off
	refused   uint64 // watchers that were too many
}

func newWatchHub() watchHub {
	return watchHub{byTicket: map[Ticket]*watcher{}, keys: map[string][]*watcher{}}
}

// add has w receive changes.
func (h *watchHub) add(w *watcher) {
	if w.query.Single {
		h.keys[w.query.Prefix] = append(h.keys[w.query.Prefix], w)
	} else {
		h.prefixes = append(h.prefixes, w)
	}
}

// detach has w receive no more changes.
func (h *watchHub) detach(w *watcher) {
	list := h.prefixes
	if w.query.Single {
		list = h.keys[w.query.Prefix]
	}
	i := slices.Index(list, w)
	if i < 0 {
		return
	}
	list = slices.Delete(list, i, i+1)
	switch {
	case !w.query.Single:
		h.prefixes = list
	case len(list) == 0:
		delete(h.keys, w.query.Prefix)
	default:
		h.keys[w.query.Prefix] = list
	}
}

// remove forgets w.
func (h *watchHub) remove(w *watcher) {
	h.detach(w)
	delete(h.byTicket, w.ticket)
	w.pulled = false
}

// finish ends w for a reason. Its client learns of it at the end of the step, also if it
// has not pulled: a watch that has ended keeps no place.
func (h *watchHub) finish(w *watcher, why EndReason, cause error) {
	if w.end != NotEnded {
		return
	}
	h.detach(w)
	w.end, w.cause = why, cause
	h.queue(w)
}

// endWatches ends all watches. Those that have not begun are refused, with reply or with
// err as in refuseWatch: their clients await whether they begin.
func (s *Service) endWatches(why EndReason, reply *node.Reply, err error) {
	h := &s.hub
	for _, t := range slices.Sorted(maps.Keys(h.byTicket)) {
		if w := h.byTicket[t]; w.begun {
			h.finish(w, why, s.cause)
		} else {
			s.dropWatch(w, reply, err)
		}
	}
}

// pull notes that the client of a watch awaits an update.
func (h *watchHub) pull(t Ticket) {
	if w := h.byTicket[t]; w != nil {
		w.pulled = true
		h.queue(w)
	}
}

// queue has w considered at the end of the step.
func (h *watchHub) queue(w *watcher) {
	if !w.queued {
		w.queued = true
		h.ready = append(h.ready, w)
	}
}

// publish gives a change to its watchers. A watcher that has most changes waiting is
// cut off: it must not miss a change without knowing.
func (h *watchHub) publish(c Change, most int) {
	var slow []*watcher
	for _, list := range [][]*watcher{h.keys[c.Key], h.prefixes} {
		for _, w := range list {
			switch {
			case !w.wants(c.Key):
			case len(w.changes) >= most:
				slow = append(slow, w)
			default:
				w.changes = append(w.changes, c)
				h.published++
				h.queue(w)
			}
		}
	}
	for _, w := range slow {
		h.cutOff++
		h.finish(w, TooSlow, nil)
	}
}

// answerPulls sends the watches with news what they await, and those that have ended all
// that is left.
func (s *Service) answerPulls() {
	h := &s.hub
	if len(h.ready) == 0 {
		return
	}
	for _, w := range h.ready {
		w.queued = false
		if w.end != NotEnded || w.pulled && w.hasUpdate() {
			s.out.Updates = append(s.out.Updates, s.update(w))
		}
	}
	clear(h.ready)
	h.ready = h.ready[:0]
}

// update takes all that waits for w, and the next page of its beginning.
func (s *Service) update(w *watcher) Update {
	u := Update{Ticket: w.ticket, Begin: w.begin, Changes: w.changes, End: w.end, Cause: w.cause}
	w.pulled, w.begin, w.changes = false, nil, nil
	switch {
	case w.end != NotEnded:
		s.hub.remove(w)
	case !w.caughtUp:
		page, more := s.index.page(w.query.Prefix, w.cursor, s.cfg.Page)
		for _, key := range page {
			u.Begin = append(u.Begin, Known{key, s.latest(key)})
		}
		if w.caughtUp = !more; more {
			w.cursor = page[len(page)-1]
		}
	}
	return u
}

// watch admits a watch. Before the watch of a single machine begins, the service
// reads the machine: the node may have missed commits. If no majority responds, the
// watch begins with the value that the node knows.
func (s *Service) watch(t Ticket, q *Query) {
	switch {
	case s.draining:
		s.refuseWatch(t, nil, ErrStopping)
		return
	case s.abstains:
		s.refuseWatch(t, (&node.Request{}).NotCarriedOut(node.Abstains), nil)
		return
	case len(s.hub.byTicket) >= s.cfg.Watchers:
		s.hub.refused++
		s.refuseWatch(t, nil, busyWatchers(len(s.hub.byTicket)))
		return
	}
	w := &watcher{ticket: t, query: *q, caughtUp: q.Single}
	s.hub.byTicket[t] = w
	if !q.Single {
		s.beginWatch(w, nil)
		return
	}
	s.call(&request{
		req:     s.read(q.Prefix),
		onReply: func(r *node.Reply) { s.onReadBeforeWatch(w, r) },
		onError: func(err error) { s.dropWatch(w, nil, err) },
	})
}

// onReadBeforeWatch begins the watch of a single machine, or refuses it.
func (s *Service) onReadBeforeWatch(w *watcher, r *node.Reply) {
	switch {
	case s.hub.byTicket[w.ticket] != w: // abandoned, or ended meanwhile
	case r.Reason == node.UnknownDefinition || r.Reason == node.Abstains:
		s.dropWatch(w, r, nil)
	case r.Outcome != node.Committed:
		s.beginWatch(w, nil)
	case w.query.Resume && w.query.From > r.Version:
		s.dropWatch(w, (&node.Request{Key: w.query.Prefix}).NotCarriedOut(node.BadRequest), errResumeAhead(w, r.Version))
	case r.Version == 0: // the machine has had no transition
		s.beginWatch(w, &node.Value{State: r.State, StateBefore: r.State})
	default:
		s.beginWatch(w, nil)
	}
}

// beginWatch tells the client that the watch begins. initial is the value of a single
// machine that certainly has had no transition, else nil.
func (s *Service) beginWatch(w *watcher, initial *node.Value) {
	if w.query.Single {
		value := initial
		if v := s.latest(w.query.Prefix); v != nil && s.index.has(w.query.Prefix) {
			value = v
		}
		if value != nil {
			w.begin = []Known{{w.query.Prefix, value}}
		}
	}
	w.begun = true
	s.hub.add(w)
	s.out.Updates = append(s.out.Updates, Update{Ticket: w.ticket})
}

// refuseWatch rejects a watch that was not admitted.
func (s *Service) refuseWatch(t Ticket, reply *node.Reply, err error) {
	if reply == nil {
		reply = Unserved(nil, err)
	}
	s.out.Updates = append(s.out.Updates, Update{Ticket: t, Refused: reply, Err: err})
}

// dropWatch rejects a watch that was admitted and has not begun.
func (s *Service) dropWatch(w *watcher, reply *node.Reply, err error) {
	if s.hub.byTicket[w.ticket] == w {
		s.hub.remove(w)
		s.refuseWatch(w.ticket, reply, err)
	}
}
