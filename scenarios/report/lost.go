package report

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// lastAtNodes is the last event about an operation at a node that the sentence of the violation
// names, or at any node if it names none, and about the attempt that it names: there the operation
// was lost. It is the violation's own event if no node ever had to do with the operation.
func (r *Run) lastAtNodes(operation string) int {
	until := r.Violation.Event
	if attempt := attemptIn(r.Violation.Sentence); attempt > 0 {
		until = min(until, r.laterAttempt(operation, attempt))
	}
	last, about := -1, r.subjects()
	tell := func(event int, text string) {
		if event > last && event <= until && slices.Contains(about, r.Events[event].Lane) && names(text, operation) {
			last = event
		}
	}
	for i := range r.Events {
		tell(i, r.Events[i].Text)
	}
	for i := range r.Messages {
		tell(r.Messages[i].Sent, r.Messages[i].Text)
	}
	for i := range r.Marks {
		tell(r.Marks[i].Event, r.Marks[i].Text)
	}
	if last < 0 {
		return r.Violation.Event
	}
	return last
}

// laterAttempt is the event in which a later attempt of an operation was sent first.
func (r *Run) laterAttempt(operation string, attempt int) int {
	for i := range r.Messages {
		if m := &r.Messages[i]; names(m.Text, operation) && attemptIn(m.Text) > attempt {
			return m.Sent
		}
	}
	return r.Violation.Event
}

var attemptLike = regexp.MustCompile(`\battempt (\d+)\b`)

// attemptIn is the number of the attempt that a text names; 0 if it names none.
func attemptIn(text string) int {
	if m := attemptLike.FindStringSubmatch(text); m != nil {
		n, _ := strconv.Atoi(m[1])
		return n
	}
	return 0
}

// names reports whether a text has a word.
func names(text, word string) bool { return slices.Contains(wordsIn(text), word) }

// wordsIn splits a text at spaces and marks of punctuation.
func wordsIn(text string) []string {
	return strings.FieldsFunc(text, func(c rune) bool { return strings.ContainsRune(" \n,;:()", c) })
}
