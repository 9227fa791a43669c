package scenarios

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/netmodel"
)

// String describes the override.
func (f MessageOverride) String() string {
	v := f.Override
	switch {
	case v.Break && v.Fate == netmodel.Drop:
		return fmt.Sprintf("%v is lost, and its connection breaks after %v", f.Message, v.Delay)
	case v.Break && !v.Duplicate:
		return fmt.Sprintf("%v arrives after %v, and its connection breaks", f.Message, v.Delay)
	case v.Fate == netmodel.Drop:
		return fmt.Sprintf("%v is lost", f.Message)
	case v.Duplicate:
		return fmt.Sprintf("%v arrives after %v and after %v", f.Message, v.Delay, v.Copy)
	}
	return fmt.Sprintf("%v arrives after %v", f.Message, v.Delay)
}
