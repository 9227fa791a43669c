package bubble

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/sim"
)

// The content of a file is kept in memory until its last user closes it, under its
// latest name.
func TestContentIsKeptWhileAFileIsOpen(t *testing.T) {
	main := func(_ context.Context, h *Host) error {
		f := h.FS()
		first, err := f.Create("a")
		if err != nil {
			return err
		}
		second, err := f.openFile("a", readOnly)
		if err != nil {
			return err
		}
		if err := f.Rename("a", "b"); err != nil {
			return err
		}
		for open, file := range []*File{first, second} {
			if len(f.open) != 1 || f.open["b"] == nil || f.open["b"].users != 2-open {
				return fmt.Errorf("%d closed, and open is %v", open, f.open)
			}
			if err := file.Close(); err != nil {
				return err
			}
		}
		if len(f.open) > 0 {
			return fmt.Errorf("still open: %v", f.open)
		}
		return nil
	}
	o := Run(t, Config{
		World: sim.Config{Processes: []sim.Spec{{ID: 101}}},
		Main:  func(sim.ID) Main { return main },
		Until: netmodel.Minute,
	})
	require.NoError(t, o.Err)
}
