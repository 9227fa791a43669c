package server

import (
	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/watch"
)

// Events of a watch stream: aliases of the types of package watch.
type (
	Event   = watch.Event
	Machine = watch.Machine
	Step    = watch.Transition
	Gap     = watch.Gap
	Behind  = watch.Behind
	End     = watch.End
)

// Responses to operations: aliases of the types of package httpapi.
type (
	Local    = httpapi.Local
	Unlearnt = httpapi.Unlearnt
	Failure  = httpapi.Failure
)

// Transition is the body of a request for a transition: see package httpapi.
type Transition = httpapi.Transition
