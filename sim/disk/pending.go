package disk

import "github.com/lockstep-dst/lockstep/netmodel"

// Pending is a request that is not done.
type Pending struct {
	Op    Op
	File  string // empty for SyncDir
	Token uint64
	In    netmodel.Duration // true time until it is done
}

// Pending returns the requests that are not done, in order.
func (d *Device) Pending(now netmodel.Duration) []Pending {
	var list []Pending
	for i := range d.inFlight {
		r := &d.inFlight[i]
		if r.done <= now && r.quiet {
			continue
		}
		p := Pending{Op: r.op, Token: r.token, In: r.done - now}
		if r.file != nil {
			p.File = r.file.name
		}
		list = append(list, p)
	}
	return list
}
