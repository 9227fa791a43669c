package server

import "github.com/lockstep-dst/lockstep/node/watch"

// Events of a watch stream: aliases of the types of package watch.
type (
	Event   = watch.Event
	Machine = watch.Machine
	Step    = watch.Transition
	Gap     = watch.Gap
	Behind  = watch.Behind
	End     = watch.End
)
