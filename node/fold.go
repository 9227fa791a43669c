package node

import (
	"encoding/binary"
	"time"

	"github.com/lockstep-dst/lockstep/node/internal/invariant"
)

// Nearly all machines of a node are at rest, and their values, with an entry of the dedup
// window for each of the last operations, would take most of its memory. So only the machines that
// were used last are open, those at work, and definitions. The others are folded: their values are
// a string, encoded as in a record of the log. A machine is opened when it is found, and folded at
// the end of a step when others have been used since. Nothing that a node does depends on it: see
// TestFoldingChangesNothing.

// open is the part of a machine's state that is folded at rest.
type open struct {
	slot int  // of the machine in folder.opened; -1: it is never folded
	used bool // since the folder came by

	value    *Value // accepted, durable once the log is durable up to durableAt
	chosen   *Value // the latest learnt; nil: none
	chosenAt Ballot

	// As a proposer, of the value chosen at chosenAt.
	holders     memberSet // members that are known to have accepted it
	toldWithout memberSet // members that were sent its commit without the value, and have not asked for it

	cachedPromise    Ballot        // promised by a quorum that accepted chosen; zero: none
	highestRound     uint64        // the highest round number used or seen
	otherActiveUntil time.Duration // until then the node of chosenAt counts as at work
	*work                          // nil at rest
}

// DefaultOpen is how many machines are open, if no more are at work: with full dedup
// windows they take some 16 MB.
const DefaultOpen = 8192

// maxSpare bounds the open values that are kept for reuse.
const maxSpare = 64

// folder keeps the number of open machines within a limit. It goes round them as a clock
// (Corbató, A Paging Experiment with the Multics System, 1968).
type folder struct {
	limit   int
	opened  []*machine // all that are open and may be folded, in no order that matters
	hand    int        // the place to look at next
	fresh   int        // machines that were opened since foldSpare
	spare   []*open
	scratch []byte
}

// attach gives m an open without values.
func (f *folder) attach(m *machine) {
	if last := len(f.spare) - 1; last >= 0 {
		m.open, f.spare = f.spare[last], f.spare[:last]
	} else {
		m.open = &open{}
	}
	if m.slot = -1; m.folds() {
		m.slot, m.used = len(f.opened), true
		f.opened = append(f.opened, m)
		f.fresh++
	}
}

// folds reports whether m may be folded. Definitions, notes and the register of the configuration
// are few, and are read without being looked for.
func (m *machine) folds() bool { return classOf(m.key) == classMachine && !isLocalKey(m.key) }

// remove takes m from the machines that are open.
func (f *folder) remove(m *machine) {
	if m.slot < 0 {
		return
	}
	last := len(f.opened) - 1
	invariant.Check(m.work == nil && f.opened[m.slot] == m, "node: a machine is folded or dropped at rest, and was open")
	f.opened[last].slot = m.slot
	f.opened[m.slot] = f.opened[last]
	f.opened[last] = nil
	f.opened = f.opened[:last]
}

// fold makes an open machine at rest a folded one.
func (f *folder) fold(m *machine) {
	f.scratch = m.appendFolded(f.scratch[:0])
	f.close(m)
	m.folded = string(f.scratch)
}

// close takes m's open state from it.
func (f *folder) close(m *machine) {
	f.remove(m)
	if len(f.spare) < maxSpare {
		f.spare = append(f.spare, m.open)
	}
	*m.open = open{}
	m.open = nil
}

// unfold opens m, and notes that it is used.
func (n *Node) unfold(m *machine) {
	if m.open == nil {
		n.folder.unfold(m)
		n.mark(MarkUnfolded)
	}
	m.used = true
}

// unfold opens m if it is folded.
func (f *folder) unfold(m *machine) {
	if m.open == nil {
		f.attach(m)
		m.readFolded(m.open)
		m.folded = ""
	}
}

// leastLooks is how many machines foldSpare looks at, at least. It does not look at all of them:
// thousands may be at work. A machine needs two looks until it is folded.
const leastLooks = 256

// recordHead is how many bytes foldRecord puts before the value.
const recordHead = 2

// foldRecord makes m, a machine of a log that is read, a folded one with the value in the rest of
// a record, or without one. It reports false, and does nothing, if the rest is no value, or m is of
// a kind that stays open.
func (f *folder) foldRecord(m *machine, r *recordReader) bool {
	after, has := *r, byte(foldedPromisedAlone)
	if !m.accepted.IsZero() {
		after.skipValue()
		has = 0
	}
	if !m.folds() || after.bad || len(after.rest) > 0 {
		return false
	}
	f.scratch = append(append(f.scratch[:0], has, 0), r.rest...) // recordHead: nothing is learnt, and no round used
	if m.open != nil {
		f.close(m)
	}
	m.folded = string(f.scratch)
	return true
}

// longText is the length from which the values of a log that is read are opened to be extended: a
// text is copied each time.
const longText = 1 << 10

// extend extends the value of m, a machine of a log that is read, by the rest of a record, and
// returns how many bytes more it has in a full record. A short one is extended as it is folded.
func (f *folder) extend(m *machine, h *extensionHead, r *recordReader) (growth int) {
	if before := len(m.folded); m.open == nil && before < longText {
		f.scratch = h.extendText(append(f.scratch[:0], m.folded[:recordHead]...), m.folded[recordHead:], r)
		m.folded = string(f.scratch)
		return len(m.folded) - before
	}
	f.unfold(m)
	m.used = true
	base := m.value
	if m.value = h.extend(base, r); r.bad {
		return 0
	}
	return m.value.growth(base, int(h.dropped), int(h.gained))
}

// hasLoggedValue reports whether m, a machine of a log that is read, has a value.
func (m *machine) hasLoggedValue() bool {
	if m.open != nil {
		return m.value != nil
	}
	return m.folded[0] == 0
}

// foldNothing has m, a machine of a log that is read, be without a value.
func (f *folder) foldNothing(m *machine) {
	if m.open != nil {
		f.close(m)
	}
	m.folded = string([]byte{foldedPromisedAlone, 0})
}

// foldSpare folds machines at rest while more than the limit are open. Of those that were used
// since it last came by, none is folded before it comes again.
func (f *folder) foldSpare() {
	looks := min(2*len(f.opened), max(leastLooks, 4*f.fresh))
	for f.fresh = 0; len(f.opened) > f.limit && looks > 0; looks-- {
		if f.hand >= len(f.opened) {
			f.hand = 0
		}
		m := f.opened[f.hand]
		switch {
		case m.used:
			m.used = false
			f.hand++
		case m.work != nil || m.value == nil && m.chosen == nil && m.promised.IsZero():
			f.hand++
		default:
			f.fold(m) // the last one takes its place
		}
	}
}

// The parts of a folded machine beside its value, as bits of the first byte.
const (
	foldedLearnt        = 1 << iota // a value is known to be chosen: its version and state come first
	foldedAt                        // it was chosen at another ballot than the accepted one: that is next
	foldedOther                     // it is another one than the accepted value, and comes last
	foldedPromise                   // a cached promise
	foldedPromisedAlone             // no value is accepted
	foldedProposer                  // holders and toldWithout
	foldedOtherWork                 // otherActiveUntil
)

// appendFolded appends m's open state to b.
func (m *machine) appendFolded(b []byte) []byte {
	var has uint64
	if m.chosen != nil {
		has |= foldedLearnt
		if m.chosenAt != m.accepted {
			has |= foldedAt
		}
		if !m.chosen.Equal(m.value) {
			has |= foldedOther
		}
	}
	if m.value == nil {
		has |= foldedPromisedAlone
	}
	if !m.cachedPromise.IsZero() {
		has |= foldedPromise
	}
	if m.holders|m.toldWithout != 0 {
		has |= foldedProposer
	}
	if m.otherActiveUntil != 0 {
		has |= foldedOtherWork
	}
	b = binary.AppendUvarint(b, has)
	if has&foldedLearnt != 0 {
		b = appendString(binary.AppendUvarint(b, m.chosen.Version), m.chosen.State)
	}
	if has&foldedAt != 0 {
		b = appendBallot(b, m.chosenAt)
	}
	b = binary.AppendUvarint(b, m.highestRound)
	if has&foldedPromise != 0 {
		b = appendBallot(b, m.cachedPromise)
	}
	if has&foldedProposer != 0 {
		b = binary.AppendUvarint(b, uint64(m.holders))
		b = binary.AppendUvarint(b, uint64(m.toldWithout))
	}
	if has&foldedOtherWork != 0 {
		b = binary.AppendUvarint(b, uint64(m.otherActiveUntil))
	}
	if m.value != nil {
		b = appendValue(b, m.value)
	}
	if has&foldedOther != 0 {
		b = appendValue(b, m.chosen)
	}
	return b
}

// readFolded sets o to the state that m was folded with. Its strings are parts of m.folded.
func (m *machine) readFolded(o *open) {
	r := recordReader{m.folded, false}
	has := m.readFoldedHead(&r, o)
	if has&foldedPromisedAlone == 0 {
		o.value = r.value(m.def)
	}
	switch {
	case has&foldedOther != 0:
		o.chosen = r.value(m.def)
	case has&foldedLearnt != 0:
		o.chosen = o.value
	}
	invariant.Check(!r.bad && len(r.rest) == 0, "node: a folded machine can be read")
}

// readFoldedHead reads all that comes before the accepted value.
func (m *machine) readFoldedHead(r *recordReader, o *open) (has uint64) {
	has = r.number()
	if has&foldedLearnt != 0 {
		r.number()
		r.string()
		o.chosenAt = m.accepted
	}
	if has&foldedAt != 0 {
		o.chosenAt = r.ballot()
	}
	o.highestRound = r.number()
	if has&foldedPromise != 0 {
		o.cachedPromise = r.ballot()
	}
	if has&foldedProposer != 0 {
		o.holders, o.toldWithout = memberSet(r.number()), memberSet(r.number())
	}
	if has&foldedOtherWork != 0 {
		o.otherActiveUntil = time.Duration(r.number())
	}
	return has
}

// foldedValue is the accepted value of a folded machine, as in a record; empty: none is.
func (m *machine) foldedValue() string {
	r := recordReader{m.folded, false}
	if m.readFoldedHead(&r, &open{})&foldedPromisedAlone != 0 {
		return ""
	}
	value := r.rest
	r.skipValue()
	return value[:len(value)-len(r.rest)]
}

// held returns the accepted value of m and the one that is known to be chosen, with its ballot. It
// leaves m as it is.
func (m *machine) held() (value, chosen *Value, chosenAt Ballot) {
	o := m.open
	if o == nil {
		o = &open{}
		m.readFolded(o)
	}
	return o.value, o.chosen, o.chosenAt
}

// chosenBallot returns the ballot of the latest value learnt, also while m is folded. Then it is
// nearly always that of the accepted value.
func (m *machine) chosenBallot() Ballot {
	switch {
	case m.open != nil:
		return m.chosenAt
	case m.folded[0]&foldedLearnt == 0:
		return Ballot{}
	case m.folded[0]&foldedAt == 0:
		return m.accepted
	}
	_, _, at := m.held()
	return at
}

// learnt returns the state and the version of m's value that is known to be chosen; ok is
// false if there is none.
func (m *machine) learnt() (state string, version uint64, ok bool) {
	switch {
	case m.open == nil:
		r := recordReader{m.folded, false}
		if r.number()&foldedLearnt == 0 {
			return "", 0, false
		}
		version = r.number()
		return m.def.Intern(r.string()), version, true
	case m.chosen == nil:
		return "", 0, false
	}
	return m.chosen.State, m.chosen.Version, true
}
