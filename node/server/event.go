package server

import "github.com/lockstep-dst/lockstep/node/watch"

// What watches tell of.
type (
	Event   = watch.Event
	Machine = watch.Machine
	Step    = watch.Transition
	Gap     = watch.Gap
	Behind  = watch.Behind
	End     = watch.End
)
