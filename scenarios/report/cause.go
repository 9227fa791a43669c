package report

import (
	"cmp"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// mostCauses bounds the changes of values that are told as causes. The page shows the nearest
// to the sentence first.
const mostCauses = 40

// explain adds to the violation of a run the demand of its property, its causes, and the
// first wrong step.
func (r *Run) explain(e scenarios.Expectation) {
	v := r.Violation
	if v == nil {
		return
	}
	v.Expected, v.Values = e.Sentence, e.State
	if first := r.firstWrong(e); first < v.Event {
		v.Wrong = new(first)
	}
	about := r.subjects()
	v.Causes = r.changesOf(about, e, r.lastCause())
	for _, id := range r.owners(about) {
		v.Causes = append(v.Causes, r.needsOf(id, e)...)
	}
	if v.Property == "availability" || v.Property == "promises" {
		v.Causes = append(v.Causes, r.lastLossOf(r.namedIn(v.Sentence))...)
	}
	slices.SortStableFunc(v.Causes, func(a, b Cause) int {
		return cmp.Or(cmp.Compare(placeOf(a.Event), placeOf(b.Event)), cmp.Compare(a.Lane, b.Lane))
	})
}

// placeOf is the place of an event in order; a cause without one comes last.
func placeOf(event *int) int {
	if event == nil {
		return math.MaxInt
	}
	return *event
}

var namedNode = regexp.MustCompile(`(?i)\bnode (\d+)`)

// subjects are the nodes that the violation is about: the nodes that its sentence names, in that
// order; all, if it names none.
func (r *Run) subjects() []sim.ID {
	if named := r.namedIn(r.Violation.Sentence); len(named) > 0 {
		return named
	}
	return r.nodes()
}

// namedIn lists the nodes that a sentence names.
func (r *Run) namedIn(sentence string) (list []sim.ID) {
	for _, m := range namedNode.FindAllStringSubmatch(sentence, -1) {
		n, _ := strconv.Atoi(m[1])
		if id := sim.ID(n); r.isNode(id) && !slices.Contains(list, id) {
			list = append(list, id)
		}
	}
	return list
}

// owners are the nodes at which the property broke: of several subjects the one that was at
// work, or the first; all of them, if they do not agree at the end.
func (r *Run) owners(about []sim.ID) []sim.ID {
	switch v := r.Violation; {
	case v.Property == "convergence":
		return about
	case slices.Contains(about, v.Lane):
		return []sim.ID{v.Lane}
	case len(about) > 0 && len(about) < len(r.nodes()):
		return about[:1]
	}
	return nil
}

func (r *Run) nodes() (list []sim.ID) {
	for _, l := range r.Lanes {
		if l.Kind == "node" {
			list = append(list, l.ID)
		}
	}
	return list
}

func (r *Run) isNode(id sim.ID) bool { return slices.Contains(r.nodes(), id) }

// value is a value of the state of a node.
type value struct {
	lane sim.ID
	path string
}

// valueChange is a change of it.
type valueChange struct {
	event    int
	old, now string
	had, has bool
}

// historyOf lists the changes, up to the violation, of the values that a property is about.
func (r *Run) historyOf(e scenarios.Expectation) map[value][]valueChange {
	changes := map[value][]valueChange{}
	if r.States == nil {
		return changes
	}
	change := func(c *Change, path, now string, has bool) {
		if !r.concerns(path, e.State) {
			return
		}
		key := value{c.Lane, path}
		x := valueChange{event: c.Event, now: now, has: has}
		if before := changes[key]; len(before) > 0 {
			last := before[len(before)-1]
			x.old, x.had = last.now, last.has
		}
		changes[key] = append(changes[key], x)
	}
	for i := range r.States.Changes {
		c := &r.States.Changes[i]
		if c.Event > r.Violation.Event {
			break
		}
		for path, now := range c.Set {
			change(c, path, now, true)
		}
		for _, path := range c.Unset {
			change(c, path, "", false)
		}
	}
	return changes
}

// concerns reports whether a violation is about the value of a path: one of these names, of
// the object if there is one. Without names it is all that a state has of the object.
func (r *Run) concerns(path string, names []string) bool {
	path, found := r.ofObject(path)
	if !found || r.Violation.Object != "" && len(names) == 0 {
		return found
	}
	return slices.ContainsFunc(names, func(name string) bool {
		rest, found := strings.CutPrefix(path, name)
		return found && !strings.Contains(rest, "/") && (rest == "" || rest[0] == ' ')
	})
}

// ofObject is the part of a path behind the object of the violation; all of it, if there is
// no object.
func (r *Run) ofObject(path string) (rest string, found bool) {
	object := r.Violation.Object
	if object == "" {
		return path, true
	}
	_, rest, found = strings.Cut("/"+path+"/", "/"+object+"/")
	return strings.TrimSuffix(rest, "/"), found
}

// lastCause is the last event whose changes can have led to the violation. What a node did for
// others after it had lost an operation did not.
func (r *Run) lastCause() int {
	if v := r.Violation; v.Property == "liveness" && v.Wrong != nil {
		return *v.Wrong
	}
	return r.Violation.Event
}

// changesOf lists the last changes of these values up to an event: two of each for the nodes at which the
// property broke, and one for the others.
func (r *Run) changesOf(about []sim.ID, e scenarios.Expectation, until int) (list []Cause) {
	owners := r.owners(about)
	for key, changes := range r.historyOf(e) { // sorted below
		if !slices.Contains(about, key.lane) {
			continue
		}
		changes = slices.DeleteFunc(changes, func(c valueChange) bool { return c.event > until })
		most := 1
		if len(owners) == 1 && owners[0] == key.lane {
			most = 2
		}
		if len(changes) > 1 && !changes[0].had {
			changes = changes[1:] // that it came to be tells nothing
		}
		for _, c := range changes[max(0, len(changes)-most):] {
			if c.event == 0 || r.States.From != nil && c.event <= *r.States.From {
				continue // it was there at the beginning
			}
			name, _ := r.ofObject(key.path)
			list = append(list, Cause{Event: new(c.event), Lane: key.lane, Text: cmp.Or(name, key.path) + ": " + c.String()})
		}
	}
	slices.SortFunc(list, func(a, b Cause) int {
		return cmp.Or(cmp.Compare(*a.Event, *b.Event), cmp.Compare(a.Lane, b.Lane), cmp.Compare(a.Text, b.Text))
	})
	return list[max(0, len(list)-mostCauses):]
}

func (c valueChange) String() string {
	switch {
	case !c.has:
		return c.old + " is gone"
	case !c.had:
		return c.now
	}
	return c.old + " → " + c.now
}
