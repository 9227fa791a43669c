package report

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
)

// needsOf tells which of the needs of a property a node had, and which were missing.
func (r *Run) needsOf(id sim.ID, e scenarios.Expectation) (list []Cause) {
	var kinds []string
	for _, need := range e.Needs {
		if need == scenarios.Synced {
			list = append(list, r.lastSync(id)...)
		} else {
			kinds = append(kinds, need)
		}
	}
	if len(kinds) == 0 {
		return list
	}
	var silent []string // nodes from which nothing arrived
	for _, from := range r.nodes() {
		if from == id {
			continue
		}
		if c, arrived := r.lastOf(kinds, from, id); arrived {
			list = append(list, c)
		} else if c.Text != "" {
			list = append(list, c)
		} else {
			silent = append(silent, fmt.Sprint(from))
		}
	}
	if len(silent) > 0 {
		text := fmt.Sprintf("no %s%s was sent to it by node %s", strings.Join(kinds, " or "), r.aboutObject(), strings.Join(silent, ", nor by node "))
		list = append(list, Cause{Lane: id, Text: text, Missing: true})
	}
	return list
}

func (r *Run) aboutObject() (text string) {
	if o := r.Violation.Object; o != "" {
		text = " about " + o
	}
	if named := r.ballots(); len(named) > 0 {
		text += " at " + strings.Join(named, " or ")
	}
	return text
}

// lastOf finds the last message of some kinds from one node to another, of the violation's
// object and ballot: the last that arrived, or else the last that was sent in vain. The text
// is empty if none was sent.
func (r *Run) lastOf(kinds []string, from, to sim.ID) (last Cause, arrived bool) {
	for i := range r.Messages {
		m := &r.Messages[i]
		if m.Sent > r.Violation.Event || m.From != from || m.To != to || !slices.Contains(kinds, m.Kind) || !r.isAbout(m) {
			continue
		}
		for _, a := range m.Arrivals {
			if a.Event != nil && a.Lost == "" && *a.Event <= r.Violation.Event {
				last, arrived = Cause{Event: a.Event, Lane: to, Text: fmt.Sprintf("from node %d: %s", from, m.Text)}, true
			}
		}
		if !arrived {
			last = Cause{Event: new(m.Sent), Lane: to, Text: fmt.Sprintf("has not received from node %d, %s: %s", from, fateWords(m), m.Text), Missing: true}
		}
	}
	return last, arrived
}

// fateWords tells why a message had not arrived.
func fateWords(m *Message) string {
	if m.Cause != "" {
		return "lost: " + m.Cause
	}
	return "which was still under way"
}

var ballotLike = regexp.MustCompile(`\b\d+\.\d+\.\d+\b`)

// isAbout reports whether a message is about the object of the violation, if it has one, and
// about a ballot that its sentence names, if the message names any.
func (r *Run) isAbout(m *Message) bool {
	if o := r.Violation.Object; o != "" && !slices.Contains(strings.Fields(m.Address), o) {
		return false
	}
	named := r.ballots()
	theirs := ballotLike.FindAllString(m.Text, -1)
	return len(named) == 0 || len(theirs) == 0 || slices.ContainsFunc(theirs, func(b string) bool { return slices.Contains(named, b) })
}

// ballots are those that messages have to be about to meet a need: the ones that the sentence
// on a value that is not durable names.
func (r *Run) ballots() []string {
	if r.Violation.Property != "durability" {
		return nil
	}
	return ballotLike.FindAllString(r.Violation.Sentence, -1)
}

// lastSync tells the knowledge of a node of its syncs when it broke the property: which has ended
// last, and which it should have waited for.
func (r *Run) lastSync(id sim.ID) []Cause {
	born, ended, since := 0, -1, "in its life" // ended: the last sync of this life that ended
	done := map[int]bool{}
	for i := range r.Events[:min(r.Violation.Event+1, len(r.Events))] {
		e := &r.Events[i]
		switch {
		case e.Lane != id:
		case e.Kind == "boot":
			born, ended, since = i, -1, "in its life"
		case e.Request != nil && r.Marks[*e.Request].Kind == "sync":
			done[*e.Request] = true
			ended, since = *e.Request, fmt.Sprintf("since event %d", e.N)
		}
	}
	for i := ended + 1; i < len(r.Marks) && r.Marks[i].Event <= r.Violation.Event; i++ {
		m := &r.Marks[i]
		if m.Lane == id && m.Kind == "sync" && m.Event >= born && !done[i] {
			text := fmt.Sprintf("no sync of its disk ended %s: it has asked for one, “%s”, and not heard of its end", since, m.Text)
			return []Cause{{Event: new(m.Event), Lane: id, Text: text, Missing: true}}
		}
	}
	return []Cause{{Lane: id, Text: fmt.Sprintf("no sync of its disk ended %s, and it had asked for none", since), Missing: true}}
}
