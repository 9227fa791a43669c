package history

// Annotation is an event beside the operations of a history, for example a
// fault. It has no influence on the verdict.
type Annotation struct {
	Start, End int64 // in the time of operations; equal if it took no time or never ended
	Text       string
}
