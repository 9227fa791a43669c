package history

import "fmt"

// Annotation is an event beside the operations of a history, for example a
// fault. It has no influence on the verdict.
type Annotation struct {
	Start int64  `json:"from"` // in the time of operations
	End   int64  `json:"to"`   // equal to Start if it took no time or never ended
	Text  string `json:"text"`
}

// annotationJSON is an Annotation as it is read. An absent end is nil.
type annotationJSON struct {
	From *int64 `json:"from"`
	To   *int64 `json:"to"`
	Text string `json:"text"`
}

// annotationsOf checks the annotations of a header.
func annotationsOf(list []annotationJSON) (all []Annotation, err error) {
	for i, a := range list {
		fail := func(format string, args ...any) error {
			return fieldErrorf(fmt.Sprintf("annotations[%d]", i), format, args...)
		}
		switch {
		case a.Text == "":
			return nil, fail("text: missing: say what happened")
		case a.From == nil:
			return nil, fail("from: missing: say when it began, in the time of the operations")
		case *a.From < 0 || *a.From > MaxTime:
			return nil, fail("from: %d: want 0 to %d", *a.From, int64(MaxTime))
		case a.To != nil && (*a.To < *a.From || *a.To > MaxTime):
			return nil, fail("to: %d: want %d, its begin, to %d; leave it out if it took no time", *a.To, *a.From, int64(MaxTime))
		}
		to := *a.From
		if a.To != nil {
			to = *a.To
		}
		all = append(all, Annotation{Start: *a.From, End: to, Text: a.Text})
	}
	return all, nil
}
