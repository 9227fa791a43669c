package server

import "github.com/lockstep-dst/lockstep/node/watch"

// The events of a watch stream.
type (
	Event   = watch.Event
	Machine = watch.Machine
	Step    = watch.Transition
	Gap     = watch.Gap
	Behind  = watch.Behind
	End     = watch.End
)
