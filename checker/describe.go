package checker

import (
	"fmt"
	"strings"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// describeOperation describes op by its response: "read Init at version 2".
func describeOperation(op *history.Operation) string {
	switch op.Kind {
	case history.KindPropose, history.KindRead, history.KindWrite, history.KindCAS:
		return describeStep(op)
	}
	request := string(op.Kind)
	if op.Argument != "" {
		request += " " + op.Argument
	}
	switch op.Outcome {
	case history.Rejected:
		return fmt.Sprintf("had %s rejected (%s)", request, op.Reason)
	case history.Unknown:
		return "requested " + request
	}
	return describeDone(op)
}

// participle returns the words for operations that were carried out.
func participle(k history.Kind) string {
	switch k {
	case history.KindContains:
		return "looked for"
	case history.KindAcquire, history.KindRelease, history.KindRemove, history.KindEnqueue, history.KindDequeue, history.KindDelete:
		return string(k) + "d"
	case history.KindAdd, history.KindAppend:
		return string(k) + "ed"
	}
	return "completed " + string(k) // of a user's model
}

// describeDone describes a committed operation: "dequeued a", "added 1, giving 3".
func describeDone(op *history.Operation) string {
	done := participle(op.Kind)
	switch {
	case op.Argument == "" && op.State != "":
		done += " " + op.State
	case op.State == "":
		done += " " + op.Argument
	default:
		done += fmt.Sprintf(" %s, giving %s", op.Argument, op.State)
	}
	if op.Version != history.NoVersion {
		done += fmt.Sprintf(" at version %d", op.Version)
	}
	return strings.TrimSpace(done)
}

// describeStep describes an operation of a machine or register.
func describeStep(op *history.Operation) string {
	var b strings.Builder
	state := op.State
	switch {
	case op.Kind == history.KindRead && op.Outcome == history.Committed:
		b.WriteString("read")
	case op.Kind == history.KindRead:
		fmt.Fprintf(&b, "read nothing (%s)", op.Reason)
	case op.Outcome == history.Committed:
		b.WriteString("committed")
		if state == "" {
			state = op.Argument
		}
	case op.Outcome == history.Rejected:
		fmt.Fprintf(&b, "had %s rejected (%s)", op.Argument, op.Reason)
		if state != "" {
			b.WriteString(" in state")
		}
	default:
		fmt.Fprintf(&b, "requested %s", op.Argument)
	}
	if state != "" {
		b.WriteString(" " + state)
	}
	if op.Version != history.NoVersion && op.Outcome != history.Unknown {
		fmt.Fprintf(&b, " at version %d", op.Version)
	}
	return b.String()
}
