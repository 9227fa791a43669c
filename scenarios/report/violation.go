package report

import (
	"maps"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/checker"
	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/lockstep-dst/lockstep/sim"
)

// finish adds all that is known only at the end of the run.
func (r *recorder) finish(p *scenarios.Plan, result *play.Result) {
	r.endSpans(p)
	for i := range result.History.Operations {
		r.run.Operations = append(r.run.Operations, r.operation(&result.History.Operations[i]))
	}
	if result.Violation != nil {
		r.run.Violation = r.describeViolation(result)
	}
}

// operation describes an operation of the history.
func (r *recorder) operation(h *history.Operation) Operation {
	o := newOperation(h, scenarios.ClientID(h.Client))
	if c := r.calls[h.ID]; c.begun {
		o.Lane, o.Request, o.CallEvent = c.lane, c.operation.String(), new(c.begin)
		if c.ended {
			o.ReturnEvent = new(c.end)
		}
	}
	return o
}

// describeViolation describes the violation of the run.
func (r *recorder) describeViolation(result *play.Result) *Violation {
	w := result.Violation
	sentence, _ := splitSentence(w.Sentence)
	v := &Violation{Property: w.Property, Class: w.Class, Sentence: sentence, At: Time(w.At), Object: w.Machine}
	v.Event = max(0, slices.IndexFunc(r.run.Events, func(e Event) bool { return e.At > v.At })-1)
	if n := len(r.run.Events); n > 0 && r.run.Events[n-1].At <= v.At {
		v.Event = n - 1
	}
	if v.Event < len(r.run.Events) {
		v.Lane = r.run.Events[v.Event].Lane
		if v.Property == "assertion" {
			r.run.Marks = append(r.run.Marks, Mark{Event: v.Event, At: v.At, Lane: v.Lane, Kind: "observation", Name: "panic", Text: "panic" + strings.TrimPrefix(sentence, "Panic")})
		}
	}
	if a := result.Account; a != nil {
		v.account(a)
		r.run.contradict(v)
	} else {
		r.repeated(v)
	}
	return v
}

// account adds the judge's account of a contradiction.
func (v *Violation) account(a *checker.Account) {
	v.Premise, v.Facts = a.Premise, a.Facts
	for _, row := range a.Rows {
		v.Rows = append(v.Rows, Row{row.ID, row.Text, row.Contradicts, row.After})
		if row.Contradicts {
			v.Operations = append(v.Operations, row.ID)
		}
	}
}

// contradict marks the operations of a history that contradict each other: the last of
// their responses is where the violation shows.
func (r *Run) contradict(v *Violation) {
	for i := range r.Operations {
		o := &r.Operations[i]
		if !slices.Contains(v.Operations, o.ID) {
			continue
		}
		o.Contradicts = true
		for _, e := range []*int{o.CallEvent, o.ReturnEvent} {
			if e != nil {
				v.Events = append(v.Events, *e)
			}
		}
		if o.Return != nil && *o.Return == v.At && o.ReturnEvent != nil {
			v.Event, v.Lane = *o.ReturnEvent, o.Lane
		}
	}
	slices.Sort(v.Events)
	v.Events = slices.Compact(v.Events)
}

// repeated marks the subjects of an oracle's sentence: the operations that it names, and the
// events up to the violation in which a process other than a client reports
//   - one of these operations, on the object if there is one;
//   - the object for the last time before the violation, if the process is that of the
//     violation or no operation is named, and is among the nodes that are named, if any are.
func (r *recorder) repeated(v *Violation) {
	words := wordsIn(v.Sentence)
	for i := range r.run.Operations {
		if o := &r.run.Operations[i]; slices.Contains(words, o.ID) {
			o.Contradicts = true
			v.Operations = append(v.Operations, o.ID)
		}
	}
	last, named := map[sim.ID]int{}, r.run.namedIn(v.Sentence)
	for _, m := range r.run.Marks {
		told := strings.Fields(m.Text)
		if m.Kind != "observation" || m.Event > v.Event || scenarios.IsClient(m.Lane) || v.Object != "" && !slices.Contains(told, v.Object) {
			continue
		}
		if slices.ContainsFunc(v.Operations, func(id string) bool { return slices.Contains(told, id) }) {
			v.Events = append(v.Events, m.Event)
		}
		if v.Object != "" && m.Event < v.Event && (m.Lane == v.Lane || len(v.Operations) == 0) && (len(named) == 0 || slices.Contains(named, m.Lane)) {
			last[m.Lane] = m.Event
		}
	}
	if len(r.run.Events) > 0 {
		v.Events = append(v.Events, v.Event)
	}
	v.Events = slices.AppendSeq(v.Events, maps.Values(last)) // sorted below
	slices.Sort(v.Events)
	v.Events = slices.Compact(v.Events)
}
