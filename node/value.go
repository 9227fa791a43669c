package node

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/node/fsm"
)

// OpID names a client's operation, the same in every attempt. It is unique in
// the cluster; see session.
type OpID string

// MaxOpID is the longest OpID, in bytes.
const MaxOpID = 64

// Entry is one transition that a machine has made.
type Entry struct {
	ID   OpID
	From string
	To   string
}

// Value is what a register holds. It is immutable.
type Value struct {
	Version uint64  // transitions made, without gaps
	State   string  //
	Recent  []Entry // the last ones, oldest first; the last led to Version
}

// MaxRing bounds Config.Ring, and so what an acceptor takes for a value.
const MaxRing = 256

// initial is the value of a machine that nothing has touched.
func initial(d *fsm.Definition) *Value { return &Value{State: d.Initial} }

// find looks for an operation among the recent entries, and gives the version
// that it led to.
func (v *Value) find(id OpID) (Entry, uint64, bool) {
	for i := len(v.Recent) - 1; i >= 0; i-- {
		if v.Recent[i].ID == id {
			return v.Recent[i], v.versionOf(i), true
		}
	}
	return Entry{}, 0, false
}

// versionOf is the version that v.Recent[i] led to.
func (v *Value) versionOf(i int) uint64 {
	return v.Version - uint64(len(v.Recent)-1-i)
}

// Equal reports whether two values are the same.
func (v *Value) Equal(w *Value) bool {
	if v == w {
		return true
	}
	if v == nil || w == nil || v.Version != w.Version || v.State != w.State || len(v.Recent) != len(w.Recent) {
		return false
	}
	for i := range v.Recent {
		if v.Recent[i] != w.Recent[i] {
			return false
		}
	}
	return true
}

// check reports what is wrong with v as a value of a machine defined by d. It
// judges only what v itself shows.
func (v *Value) check(d *fsm.Definition) error {
	n := len(v.Recent)
	switch {
	case n > MaxRing || uint64(n) > v.Version || n == 0 && v.Version > 0:
		return fmt.Errorf("%d recent entries at version %d", n, v.Version)
	case n == 0 && v.State != d.Initial:
		return fmt.Errorf("untouched in state %q", v.State)
	case n > 0 && v.Recent[n-1].To != v.State:
		return fmt.Errorf("last entry leads to %q, state is %q", v.Recent[n-1].To, v.State)
	case n > 0 && uint64(n) == v.Version && v.Recent[0].From != d.Initial:
		return fmt.Errorf("first entry begins in %q", v.Recent[0].From)
	}
	for i, e := range v.Recent {
		if e.ID == "" || len(e.ID) > MaxOpID {
			return fmt.Errorf("entry %d has an id of %d bytes", i, len(e.ID))
		}
		if !d.Legal(e.From, e.To) {
			return fmt.Errorf("entry %s: %s→%s is illegal", e.ID, e.From, e.To)
		}
		if i > 0 && v.Recent[i-1].To != e.From {
			return fmt.Errorf("entry %s begins in %s, the one before leads to %s", e.ID, e.From, v.Recent[i-1].To)
		}
	}
	return nil
}

func (v *Value) String() string {
	if v == nil {
		return "nothing"
	}
	return fmt.Sprintf("%s v%d", v.State, v.Version)
}
