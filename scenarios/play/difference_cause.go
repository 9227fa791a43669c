package play

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/sim"
)

// Sources of nondeterminism, as far as a difference can show them.
const (
	drawn   = "it is drawn from a source that is no function of the seed (crypto/rand, the functions of math/rand), or from the host's time"
	ordered = "it is the order of a map, or of goroutines"
	hidden  = "the process has other state than in the other run, though it has had the same events: " +
		"something drawn before without an effect, a package variable, a pool, or memory that runs share"
)

// causeOf says what the first difference of two runs can come from.
func (r *recordedRun) causeOf(other *recordedRun) string {
	i := r.sameSteps(other)
	if i == len(r.steps) || i == len(other.steps) {
		return "one run ends after steps that are the same: a panic, or the oracle, depends on something else"
	}
	a, b := &r.steps[i], &other.steps[i]
	if !a.sameEvents(b) {
		return fmt.Sprintf("after steps that are the same, process %d has another event (%s, and %s): "+
			"a message changed after it was sent, or code outside the processes, in New or in the oracle, differs", a.process, a.events, b.events)
	}
	return effectCause(a.effects, b.effects)
}

// effectCause says what other effects of the same event can come from.
func effectCause(one, other []sim.Effect) string {
	if sorted(one) == sorted(other) {
		return "the same effects in another order: " + ordered
	}
	n := sameEffects(one, other)
	if n == len(one) || n == len(other) {
		return "an effect that the other run does not have: " + hidden
	}
	a, b := one[n], other[n]
	switch {
	case a.Kind != b.Kind:
		return fmt.Sprintf("a %v in one run, and a %v in the other: %s", a.Kind, b.Kind, hidden)
	case a.About != b.About:
		return fmt.Sprintf("another %v: %s; or %s", a.Kind, drawn, ordered)
	case a.Kind == sim.TimerEffect:
		return "the same timer for another time: " + drawn
	case a.Text == b.Text:
		return fmt.Sprintf("a %v with the same text and another digest: an address, or the order of a map, is in its Digest, or its text leaves something out", a.Kind)
	case a.Kind == sim.DiskEffect:
		return "the same file with other bytes, or at another place: " + drawn + "; or " + ordered
	}
	return fmt.Sprintf("a %v with other content: %s; or %s", a.Kind, drawn, ordered)
}

// sorted is a text of all effects in a list, whatever their order.
func sorted(list []sim.Effect) string {
	texts := make([]string, len(list))
	for i, e := range list {
		texts[i] = fmt.Sprintf("%v %x %s", e.Kind, e.Digest, e.Text)
	}
	slices.Sort(texts)
	return strings.Join(texts, "\n")
}
