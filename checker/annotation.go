package checker

// Annotation is what else happened while a history was made, as a fault. It
// has no say in the verdict.
type Annotation struct {
	Start, End int64 // as of operations; equal if it took no time or never ended
	Text       string
}
