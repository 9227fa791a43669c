package etcd

import "github.com/lockstep-dst/lockstep/checker/history"

// A request of unknown outcome is known to have taken effect once a response
// shows a value that no other request puts there. In every order its revision is
// then the one that the response tells, and it comes before the response's
// return. Without that knowledge each such request would be one more to try in
// each place.

// written is a value of a key.
type written struct {
	key   string
	value content
}

// sighting is the first evidence of a value: the earliest return of a response
// that shows it.
type sighting struct {
	revision, before int64
	conflicting      bool // responses tell several revisions
}

// resolve gives the requests of unknown outcome that responses show the outcome
// that they had.
func (r *Report) resolve() {
	writers, seen := r.writers(), r.sightings()
	for i := range r.ops {
		op := &r.ops[i]
		o := r.requests[op.ID]
		if op.Outcome != history.Unknown || o.Input.Txn == nil {
			continue
		}
		for _, w := range o.Input.Txn.puts() {
			s, found := seen[w]
			if !found || s.conflicting || writers[w] != 1 || s.before < op.Call {
				continue
			}
			op.Outcome, op.Reason, op.Return, op.Version = history.Committed, "", s.before, s.revision
			o.Output, o.resolved = &response{Revision: s.revision, PartialResponse: true}, true
			r.requests[op.ID] = o
			break
		}
	}
}

// made returns the revisions of transactions with responses that changed the
// store. No request without a response made one of these.
func (r *Report) made() map[int64]bool {
	revisions := map[int64]bool{}
	for i := range r.ops {
		op := &r.ops[i]
		o := r.requests[op.ID]
		if op.Outcome == history.Committed && o.Input.Txn != nil && (o.resolved || !o.Output.PartialResponse && o.changed()) {
			revisions[op.Version] = true
		}
	}
	return revisions
}

// changed reports whether the response to a transaction shows that it changed
// the store. A put on a lease does only if the lease was granted.
func (o *operation) changed() bool {
	steps := o.stepsDone()
	for i := range steps {
		if steps[i].Type == stepPut && steps[i].Put.LeaseID == 0 || i < len(o.Output.Txn.Results) && o.Output.Txn.Results[i].Deleted > 0 {
			return true
		}
	}
	return false
}

// stepsDone returns the steps of a transaction that its response is about.
func (o *operation) stepsDone() []step {
	if o.Output.Txn.Failure {
		return o.Input.Txn.OperationsOnFailure
	}
	return o.Input.Txn.OperationsOnSuccess
}

// writers counts, for each value of a key, the puts of it.
func (r *Report) writers() map[written]int {
	count := map[written]int{}
	for i := range r.ops {
		if q := r.requests[r.ops[i].ID].Input.Txn; q != nil {
			for _, w := range q.puts() {
				count[w]++
			}
		}
	}
	return count
}

// puts lists the values that a transaction may put.
func (q *txnRequest) puts() (all []written) {
	for _, steps := range [][]step{q.OperationsOnSuccess, q.OperationsOnFailure} {
		for i := range steps {
			if p := &steps[i]; p.Type == stepPut {
				all = append(all, written{p.Put.Key, p.Put.Value})
			}
		}
	}
	return all
}

// sightings returns the values that responses show.
func (r *Report) sightings() map[written]sighting {
	seen := map[written]sighting{}
	for i := range r.ops {
		op := &r.ops[i]
		if op.Outcome != history.Committed {
			continue
		}
		o := r.requests[op.ID]
		for _, kv := range o.keyValues() {
			w := written{kv.Key, kv.Value}
			s, found := seen[w]
			if !found {
				s = sighting{revision: kv.ModRevision, before: op.Return}
			}
			s.before, s.conflicting = min(s.before, op.Return), s.conflicting || s.revision != kv.ModRevision
			seen[w] = s
		}
	}
	return seen
}

// keyValues lists the keys with values that the response shows. A range of keys
// only shows blanks in place of values.
func (o *operation) keyValues() (all []keyValue) {
	switch {
	case o.Output.Range != nil && o.Input.Range != nil && !o.Input.Range.KeysOnly:
		return o.Output.Range.KVs
	case o.Output.Txn != nil && o.Input.Txn != nil:
		steps := o.stepsDone()
		for i := range min(len(steps), len(o.Output.Txn.Results)) {
			if !steps[i].Range.KeysOnly {
				all = append(all, o.Output.Txn.Results[i].KVs...)
			}
		}
	}
	return all
}
