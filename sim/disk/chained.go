package disk

import "slices"

// Requests take effect when they are submitted, as far as the process can see. For a
// chained request that is too early: it must take back its changes if it turns out
// that it was never begun. Changes are taken back from the last on, so a chained
// request counts as chained only if all behind it are, too.

// failChained has the chained requests in flight, from an index on, fail with err, and
// takes back their changes: a request before them has failed.
func (d *Device) failChained(from int, err error) {
	for i := d.firstChained(from); i < len(d.inFlight); i++ {
		d.inFlight[i].err = err
	}
	d.takeBack(from)
}

// failBehindFailure has the chained requests behind one in flight that fails fail, too:
// they are never begun, even if the process does not live to hear of the failure.
func (d *Device) failBehindFailure() {
	failed := slices.IndexFunc(d.inFlight, func(r request) bool { return r.err != nil })
	if failed >= 0 {
		d.failChained(failed+1, d.inFlight[failed].err)
	}
}

// takeBackUnbegun takes back the changes of the chained requests behind a sync that is
// under way.
func (d *Device) takeBackUnbegun() {
	sync := slices.IndexFunc(d.inFlight, func(r request) bool { return r.op == Sync || r.op == SyncDir })
	if sync >= 0 {
		d.takeBack(sync + 1)
	}
}

// takeBack takes back the changes of the chained requests in flight from an index on.
func (d *Device) takeBack(from int) {
	first := d.firstChained(from)
	for i := len(d.inFlight) - 1; i >= first; i-- {
		d.undo(&d.inFlight[i], false, d.key, d.crashOutcomes())
		d.inFlight[i].file = nil
	}
}

// firstChained returns the lowest index, not below from, of a request in flight behind
// which all are chained, as it is.
func (d *Device) firstChained(from int) int {
	i := len(d.inFlight)
	for i > from && d.inFlight[i-1].chained {
		i--
	}
	return i
}
