package etcd

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/checker/model"
)

// store is the state of etcd. Steps do not change it: they return another.
type store struct {
	revision int64
	keys     []held  // by key
	leases   []int64 // granted, sorted
}

// held is a key with its value.
type held struct {
	keyValue
	lease int64 // 0: none
}

// Model returns the model that judges the History of r.
func (r *Report) Model() *model.Model {
	made := r.made()
	return &model.Model{
		Grammar: history.Grammar{Name: Name, About: "a store of etcd", Single: true, Versions: true, Kinds: []history.KindForm{
			{Kind: typeRange, About: "reads keys", Argument: history.Field{Shape: history.Text, About: "the keys"}, Result: anyText, ReadOnly: true},
			{Kind: typeTxn, About: "does operations if conditions hold, or else others", Argument: history.Field{Shape: history.Text, About: "the transaction"}, Result: anyText},
			{Kind: typeLeaseGrant, About: "grants a lease", Argument: history.Field{Shape: history.Text, About: "the lease"}},
			{Kind: typeLeaseRevoke, About: "revokes a lease, and deletes its keys", Argument: history.Field{Shape: history.Text, About: "the lease"}},
			{Kind: typeDefragment, About: "changes nothing", ReadOnly: true},
			{Kind: typeCompact, About: "changes nothing but old revisions", ReadOnly: true},
		}},
		Init: func(string) any { return store{revision: 1} },
		Step: func(state any, op *history.Operation) (any, bool) {
			o := r.requests[op.ID]
			before, answered := state.(store), op.Outcome == history.Committed
			next, fits := before.step(&o, answered)
			if _, known := made[next.revision]; known && o.unanswered() && next.revision > before.revision {
				return state, false
			}
			return next, fits
		},
		Equal:     func(a, b any) bool { return a.(store).equal(b.(store)) },
		Describe:  func(state any) string { return state.(store).String() },
		Partition: model.Whole,
		Anonymous: true,
	}
}

var anyText = history.Field{Shape: history.Text, About: "the response"}

// step returns the store after a request, and whether its response fits, if it
// has one.
func (s store) step(o *operation, answered bool) (store, bool) {
	switch o.Input.Type {
	case typeRange:
		return s, !answered || s.rangeFits(o)
	case typeTxn:
		return s.txn(o, answered)
	case typeLeaseGrant:
		s.leases = withLease(s.leases, o.Input.LeaseGrant.LeaseID)
	case typeLeaseRevoke:
		s = s.revoke(o.Input.LeaseRevoke.LeaseID)
	}
	return s, !answered || o.Output.Revision == unordered || o.Output.Revision == s.revision
}

// rangeFits reports whether the response to a range fits. Keys of older
// revisions are not kept.
func (s store) rangeFits(o *operation) bool {
	if o.Output.Revision != s.revision || o.Input.Range.Revision > s.revision {
		return false
	}
	old := o.Input.Range.Revision != 0 && o.Input.Range.Revision < s.revision
	return old || o.Output.PartialResponse || s.fits(o.Input.Range.keyRange, o.Output.Range)
}

// fits reports whether a result is that of a range.
func (s store) fits(k keyRange, told *result) bool {
	found := s.find(k)
	count := int64(len(found))
	if k.CountOnly {
		found = nil
	}
	if k.End != "" && k.Limit != 0 && int64(len(found)) > k.Limit {
		found = found[:k.Limit]
	}
	return count == told.Count && slices.EqualFunc(found, told.KVs, func(h held, told keyValue) bool {
		blank := k.KeysOnly && told.Value == content{}
		return h.Key == told.Key && (blank || h.Value == told.Value) && h.ModRevision == told.ModRevision && (told.Version == 0 || told.Version == h.Version)
	})
}

// find returns the keys of a range.
func (s store) find(k keyRange) []held {
	first, found := s.index(k.Start)
	switch {
	case k.End != "":
		last, _ := s.index(k.End)
		return s.keys[first:max(first, last)]
	case found:
		return s.keys[first : first+1]
	}
	return nil
}

// index returns the index of a key, or where it would be.
func (s store) index(key string) (int, bool) {
	return slices.BinarySearchFunc(s.keys, key, func(h held, key string) int { return strings.Compare(h.Key, key) })
}

// txn returns the store after a transaction, and whether its response fits.
func (s store) txn(o *operation, answered bool) (store, bool) {
	q, told := o.Input.Txn, o.Output.Txn
	failure := slices.ContainsFunc(q.Conditions, func(c condition) bool { return !s.holds(c) })
	steps := q.OperationsOnSuccess
	if failure {
		steps = q.OperationsOnFailure
	}
	judged := answered && !o.Output.PartialResponse
	if judged && (told.Failure != failure || len(told.Results) != len(steps)) {
		return s, false
	}
	next := s
	for i := range steps {
		var deleted int64
		switch p := &steps[i]; p.Type {
		case stepRange:
			if judged && !next.fits(p.Range, &told.Results[i]) {
				return s, false
			}
		case stepPut:
			next = next.put(p, s.revision+1)
		case stepDelete:
			if at, found := next.index(p.Delete.Key); found {
				next.keys, deleted = slices.Concat(next.keys[:at], next.keys[at+1:]), 1
				next.revision = s.revision + 1
			}
		}
		if judged && told.Results[i].Deleted != deleted {
			return s, false
		}
	}
	return next, !answered || o.Output.Revision == next.revision
}

// holds reports whether a condition holds.
func (s store) holds(c condition) bool {
	var kv keyValue
	if at, found := s.index(c.Key); found {
		kv = s.keys[at].keyValue
	}
	if c.ExpectedVersion > 0 {
		return kv.Version == c.ExpectedVersion
	}
	return kv.ModRevision == c.ExpectedRevision
}

// put returns the store with the value of a put. A lease that was not granted
// makes it do nothing.
func (s store) put(p *step, revision int64) store {
	if p.Put.LeaseID != 0 && !slices.Contains(s.leases, p.Put.LeaseID) {
		return s
	}
	h := held{keyValue{Key: p.Put.Key, Value: p.Put.Value, ModRevision: revision, Version: 1}, p.Put.LeaseID}
	at, found := s.index(p.Put.Key)
	after := at
	if found {
		h.Version = s.keys[at].Version + 1
		after++
	}
	s.keys = slices.Concat(s.keys[:at], []held{h}, s.keys[after:])
	s.revision = revision
	return s
}

// revoke returns the store without a lease and its keys.
func (s store) revoke(lease int64) store {
	if lease == 0 { // of a grant without a response
		return s
	}
	kept := slices.DeleteFunc(slices.Clone(s.keys), func(h held) bool { return h.lease == lease })
	if len(kept) < len(s.keys) {
		s.revision++
	}
	s.keys = kept
	s.leases = slices.DeleteFunc(slices.Clone(s.leases), func(granted int64) bool { return granted == lease })
	return s
}

// withLease returns leases with one more.
func withLease(leases []int64, lease int64) []int64 {
	at, found := slices.BinarySearch(leases, lease)
	if found {
		return leases
	}
	return slices.Insert(slices.Clone(leases), at, lease)
}

func (s store) equal(other store) bool {
	return s.revision == other.revision && slices.Equal(s.keys, other.keys) && slices.Equal(s.leases, other.leases)
}

func (s store) String() string {
	var words []string
	for _, h := range s.keys {
		words = append(words, fmt.Sprintf("%s = %s", h.Key, h.Value))
	}
	return fmt.Sprintf("{%s} at revision %d", strings.Join(words, ", "), cmp.Or(s.revision, 1))
}
