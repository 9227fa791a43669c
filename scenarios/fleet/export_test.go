package fleet

import "context"

// RunRange runs the range of a lease that another worker may have run.
func RunRange(w *Worker, ctx context.Context, c *Campaign, lease Lease, dir string) error {
	w.programs = map[string]*Program{c.Name: w.Program}
	return w.runRange(ctx, c, lease, dir)
}

// LastEvent returns the number of the event that is there after output has come in one piece.
func LastEvent(output string) int {
	s := seriesEvents{to: make(chan seriesEvent, 1)}
	_, _ = s.Write([]byte(output)) // it has no error
	return (<-s.to).Number
}

// Functions of texts.
var (
	Shorten = shorten
	Begin   = begin
)
