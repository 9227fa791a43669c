package jepsen

import (
	"strings"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// nemesisEvent is an annotation that has had only its first event.
type nemesisEvent struct {
	at int // index in annotations
	f  string
}

// undone names the action that ends the effect of another one. A name with start
// ends with the same name with stop.
var undone = map[string]string{"kill": "start", "pause": "resume", "partition": "heal", "bump": "reset", "strobe": "reset"}

// endOf returns the name of the action that ends the effect of one; empty: none does.
func endOf(f string) string {
	if rest, found := strings.CutPrefix(f, "start"); found {
		return "stop" + rest
	}
	verb, rest, found := strings.Cut(f, "-")
	if end := undone[verb]; end != "" && found {
		return end + "-" + rest
	}
	return undone[verb]
}

// annotate records an action of the nemesis. An action has two events with the
// same function and type: the first begins it, the second ends it. The effect of
// some lasts until another action has ended, as that of start-partition until stop-partition.
func (b *builder) annotate(e *event) {
	process, name := e.process.String(), strings.TrimPrefix(e.f, ":")
	text := strings.TrimPrefix(process, ":") + ": " + name
	if !e.value.isNil() {
		text += " " + e.value.String()
	}
	if e.err != "" {
		text += " " + e.err
	}
	if at, lasts := b.effects[process+" "+name]; lasts {
		b.annotations[at].End = b.time
	}
	if n, begun := b.nemesis[process]; begun && n.f == e.f {
		a := &b.annotations[n.at]
		a.End, a.Text = b.time, text
		delete(b.nemesis, process)
		delete(b.effects, process+" "+name)
		return
	}
	b.nemesis[process] = nemesisEvent{len(b.annotations), e.f}
	if end := endOf(name); end != "" {
		b.effects[process+" "+end] = len(b.annotations)
	}
	b.annotations = append(b.annotations, history.Annotation{Start: b.time, End: b.time, Text: text})
}
