package fleet

import "context"

// RunRange runs the range of a lease that another worker may have run.
func RunRange(w *Worker, ctx context.Context, c *Campaign, lease Lease, dir string) error {
	w.programs = map[string]*Program{c.Name: w.Program}
	return w.runRange(ctx, c, lease, dir)
}
