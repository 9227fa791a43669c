package node

import (
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/wal"
)

// logReader returns a node that reads records, as one does that starts.
func logReader(t require.TestingT, open int) *Node {
	cfg := Defaults()
	cfg.ID, cfg.Members, cfg.Open = 1, []ID{1}, open
	n, err := New(cfg)
	require.NoError(t, err)
	return n
}

// extensions are records as builds have written them. They must stay readable:
// only add to them.
var extensions = []struct {
	name, text string // in hexadecimal, after the first record
	want       Value
}{
	{"a transition", "0b6c6966656379636c652f61" + "01080201" + "01070201" + // key, promised, accepted
		"02" + "01" + "8202" + // version, tombstones, 257 and one entry
		"01070201" + "00" + // the base's ballot, none dropped
		"0463342e31" + "00" + "0753746f70706564",
		Value{Version: 2, Serial: 3, State: "Stopped", StateBefore: "Init", Window: []Entry{
			{ID: "c1.1", To: "Running"},
			{ID: "c2.1", To: "Running", Requested: "Init", Kind: EntryTombstone},
			{ID: "c4.1", To: "Stopped"},
		}}},
	{"one of three, with a tombstone, and the first dropped", "0b6c6966656379636c652f61" + "01090201" + "01090201" +
		"03" + "02" + "8302" + "01070201" + "02" +
		"0463352e31" + "00" + "04496e6974" + "0463362e31" + "03" + "0753746f70706564",
		Value{Version: 3, Serial: 5, State: "Init", StateBefore: "Running", Window: []Entry{
			{ID: "c4.1", To: "Stopped"},
			{ID: "c5.1", To: "Init"},
			{ID: "c6.1", To: "Init", Requested: "Stopped", Kind: EntryTombstone},
		}}},
	{"the same value at a higher ballot", "0b6c6966656379636c652f61" + "010b0201" + "010b0201" + "03" + "02" + "8102" + "01090201" + "00",
		Value{Version: 3, Serial: 5, State: "Init", StateBefore: "Running", Window: []Entry{
			{ID: "c4.1", To: "Stopped"},
			{ID: "c5.1", To: "Init"},
			{ID: "c6.1", To: "Init", Requested: "Stopped", Kind: EntryTombstone},
		}}},
}

func TestExtensionsStayReadable(t *testing.T) {
	d := fsm.Lifecycle()
	n := logReader(t, 1)
	first, err := hex.DecodeString(records["a void that does"].text)
	require.NoError(t, err)
	require.NoError(t, n.replay(first, 1))
	before, at := records["a void that does"].want, n.machines.get("lifecycle/a").accepted
	for i, x := range extensions {
		text, err := hex.DecodeString(x.text)
		require.NoError(t, err, x.name)
		require.NoError(t, n.replay(text, wal.LSN(2+i)), x.name)
		m := n.machines.get("lifecycle/a")
		value, _, _ := m.held()
		require.True(t, x.want.Equal(value), "%s: %+v", x.name, value)
		require.NoError(t, value.check(&d, 0))
		dropped, gained, ok := x.want.goesOnFrom(&before)
		require.True(t, ok)
		w := &machine{key: m.key, promised: m.promised, accepted: m.accepted, open: &open{value: &x.want}}
		require.Equal(t, text, appendExtension(nil, w, at, dropped, gained), x.name)
		before, at = x.want, m.accepted
	}
}

// Whatever values a machine accepts one after the other, a log with extensions says the same as
// one of whole values: after each record, folded or open, and with the same length of live
// records.
func TestExtensionsSayWhatWholeValuesSay(t *testing.T) {
	d := fsm.Lifecycle()
	extended, long := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		n := logReader(t, rapid.IntRange(0, 1).Draw(t, "open"))
		m := &machine{key: "lifecycle/m", def: &d, open: &open{}}
		var known []*Value
		for i := range rapid.IntRange(1, 12).Draw(t, "values") {
			v := anyValue(t, &d, known)
			if v.check(&d, 0) != nil || v.Serial == 0 {
				continue
			}
			known = append(known, v)
			at, base := m.accepted, m.value
			m.accepted, m.value = Ballot{Epoch: 1, Round: m.promised.Round + 1}, v
			m.promised = Ballot{Epoch: 1, Round: m.accepted.Round + 1}
			whole := appendRecord(nil, m, true)
			record := whole
			if dropped, gained, ok := v.goesOnFrom(base); ok {
				record = appendExtension(nil, m, at, dropped, gained)
				extended++
				if len(record) > len(whole) {
					long++
				}
			}
			other := n.machines.get(m.key)
			if other != nil && rapid.Bool().Draw(t, "opened") { // as a long one is
				n.unfold(other)
			}
			require.NoError(t, n.replay(record, wal.LSN(i+1)))
			other = n.machines.get(m.key)
			require.NotNil(t, other)
			got, _, _ := other.held()
			require.True(t, v.Equal(got), "%+v, want %+v", got, v)
			require.Equal(t, []Ballot{m.promised, m.accepted}, []Ballot{other.promised, other.accepted})
			require.EqualValues(t, len(whole)+wal.Overhead, other.liveSize)
			require.EqualValues(t, other.liveSize, n.liveRecords.bytes)
			if rapid.Bool().Draw(t, "promise") {
				m.promised.Round <<= 3
				require.NoError(t, n.replay(appendRecord(nil, m, false), wal.LSN(i+1)))
				require.EqualValues(t, len(appendRecord(nil, m, true))+wal.Overhead, other.liveSize)
			}
		}
	})
	require.Positive(t, extended)
	require.Less(t, long, extended/4, "they are shorter, but for those of the shortest windows")
}

// An extension of another value than was read is an error, rather than a value that no node has
// accepted.
func TestExtensionsOfSomethingElseAreRefused(t *testing.T) {
	first, err := hex.DecodeString(records["a void that does"].text)
	require.NoError(t, err)
	const head, base = "0b6c6966656379636c652f61" + "01080201" + "01080201", "01070201"
	for what, text := range map[string]string{
		"another base":           head + "02" + "01" + "8202" + "01070301" + "00" + "0463342e31" + "00" + "0753746f70706564",
		"a later serial":         head + "03" + "01" + "8202" + base + "00" + "0463342e31" + "00" + "0753746f70706564",
		"an earlier one":         head + "01" + "01" + "8202" + base + "00" + "0463342e31" + "00" + "0753746f70706564",
		"a version too few":      head + "01" + "02" + "8202" + base + "00" + "0463342e31" + "00" + "0753746f70706564",
		"more dropped than were": head + "02" + "01" + "8202" + base + "03" + "0463342e31" + "00" + "0753746f70706564",
		"dropped, and none new":  head + "01" + "01" + "8102" + base + "01",
		"more than a window":     head + "02" + "01" + "8204" + base + "00",
		"an unknown kind":        head + "02" + "01" + "8202" + base + "00" + "0463342e31" + "09",
		"it ends too early":      head + "02" + "01" + "8202" + base + "00" + "0463342e31" + "00" + "0753746f7070",
		"it ends too late":       head + "02" + "01" + "8202" + base + "00" + "0463342e31" + "00" + "0753746f70706564" + "00",
	} {
		text, err := hex.DecodeString(text)
		require.NoError(t, err, what)
		n := logReader(t, 0)
		require.NoError(t, n.replay(first, 1))
		require.ErrorIs(t, n.replay(text, 2), ErrRecord, what)
		value, _, _ := n.machines.get("lifecycle/a").held()
		require.Nil(t, value, "%s: nor is it the value from before", what)
		require.ErrorIs(t, n.replay(text, 3), errBaseLost, what)
	}
}

// Definitions and notes have full records alone.
func TestExtensionsOfLocalKeysAreRefused(t *testing.T) {
	for _, key := range []string{"#definition/lamp", "#membership/cluster", "definition/lamp"} {
		m := &machine{key: key, promised: Ballot{Round: 1}, accepted: Ballot{Round: 1}, open: &open{value: &Value{State: "x", StateBefore: "x"}}}
		require.ErrorIs(t, logReader(t, 0).replay(appendExtension(nil, m, Ballot{}, 0, 0), 1), ErrRecord, key)
	}
}

// Of a machine that was copied forward, a trimmed log may begin with extensions from before:
// they say nothing any more.
func TestExtensionsBeforeTheirFullRecordArePassedOver(t *testing.T) {
	n := logReader(t, 0)
	first, err := hex.DecodeString(records["a void that does"].text)
	require.NoError(t, err)
	orphan, err := hex.DecodeString(extensions[1].text)
	require.NoError(t, err)
	require.NoError(t, n.replay(orphan, 1))
	m := n.machines.get("lifecycle/a")
	require.Zero(t, m.recordEnd, "it is an error if no other record follows")
	require.EqualValues(t, 9, m.accepted.Round)
	require.EqualValues(t, 9, m.promised.Round)
	require.NoError(t, n.replay(first, 2))
	next, err := hex.DecodeString(extensions[0].text)
	require.NoError(t, err)
	require.NoError(t, n.replay(next, 3))
	value, _, _ := m.held()
	require.True(t, extensions[0].want.Equal(value))
}

// While a log is read few machines are open: those with short values stay folded, and of those
// with long ones, which are opened to be extended, only some.
func TestMachinesAreFoldedWhileALogIsRead(t *testing.T) {
	d := fsm.Lifecycle()
	for entries, most := range map[int]int{1: 1, 30: 6} {
		n := logReader(t, 3)
		for i := range 2000 {
			v := initial(&d, 0)
			for j := range entries {
				v = v.withEntry(Entry{ID: OpID(fmt.Sprintf("%060d", j)), To: d.States[(j+1)%3]}, 64)
			}
			m := &machine{key: fmt.Sprint("lifecycle/m", i), promised: Ballot{Round: 1}, accepted: Ballot{Round: 1}, open: &open{value: v}}
			require.NoError(t, n.replay(appendRecord(nil, m, true), wal.LSN(2*i+1)))
			m.value = v.withEntry(Entry{ID: "next", To: d.States[(entries+1)%3]}, 64)
			require.NoError(t, n.replay(appendExtension(nil, m, m.accepted, 0, 1), wal.LSN(2*i+2)))
			require.LessOrEqual(t, len(n.folder.opened), most)
			got, _, _ := n.machines.get(m.key).held()
			require.True(t, m.value.Equal(got))
		}
	}
}
