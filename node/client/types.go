package client

import (
	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/session"
	"github.com/lockstep-dst/lockstep/node/watch"
)

// Types of other packages that a Client takes and returns, so that its users import
// this package alone.
type (
	Operation = session.Operation // see Client.Do

	Page       = httpapi.Page // see Client.List
	Listed     = httpapi.Listed
	Status     = httpapi.Status // see Client.Status
	PeerStatus = httpapi.PeerStatus

	Event      = watch.Event // see Client.Watch
	Machine    = watch.Machine
	Transition = watch.Transition
	Gap        = watch.Gap
	Behind     = watch.Behind
	End        = watch.End
)
