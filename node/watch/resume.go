package watch

// Selection selects the machines of a watch, and where it begins.
type Selection struct {
	Prefix string // of the keys
	Single bool   // only the one machine with the key Prefix
	Resume bool   // begin after version From of each machine, not at the present
	From   uint64 //
}

// Resumer is the client's side of a watch that goes on at another node, or at the same
// one again: it passes no event twice. It keeps the last version of every machine.
type Resumer struct {
	started  bool              // a node has accepted the watch
	versions map[string]uint64 // by key, the version of the last event
	behind   map[string]bool   // machines reported as behind the requested version
}

// NewResumer returns a Resumer that has passed nothing.
func NewResumer() *Resumer {
	return &Resumer{versions: map[string]uint64{}, behind: map[string]bool{}}
}

// Next returns the selection to watch at the next node, given the first. With a prefix
// it selects all that the node has, and Pass drops earlier events.
func (r *Resumer) Next(first Selection) Selection {
	if !first.Single {
		first.Resume = first.Resume || r.started // a machine without events did not exist
		return first
	}
	if seen, ok := r.versions[first.Prefix]; ok {
		first.Resume, first.From = true, seen
	}
	return first
}

// Accepted notes that a node has accepted the watch.
func (r *Resumer) Accepted() { r.started = true }

// Pass reports whether an event is to be passed on: no earlier one covers it, and it is
// about a machine. It shortens a gap that is partly covered.
func (r *Resumer) Pass(e *Event) bool {
	switch {
	case e.State != nil:
		return r.advance(e.State.Key, e.State.Version)
	case e.Transition != nil:
		return r.advance(e.Transition.Key, e.Transition.Version)
	case e.Gap != nil:
		seen, ok := r.versions[e.Gap.Key]
		if !r.advance(e.Gap.Key, e.Gap.To) {
			return false
		}
		if ok {
			e.Gap.From = max(e.Gap.From, seen+1)
		}
		return true
	case e.Behind != nil:
		if _, ok := r.versions[e.Behind.Key]; ok || r.behind[e.Behind.Key] {
			return false
		}
		r.behind[e.Behind.Key] = true
		return true
	}
	return false
}

// advance notes that a machine has come to a version. It reports false if that is no
// news.
func (r *Resumer) advance(key string, version uint64) bool {
	if seen, ok := r.versions[key]; ok && version <= seen {
		return false
	}
	r.versions[key] = version
	return true
}
