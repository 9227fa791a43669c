package node

import (
	"encoding/hex"
	"testing"

	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/sim/fieldtest"
	"github.com/stretchr/testify/require"
)

// records are log records as earlier builds wrote them, with their values. They must
// stay readable: only add to them.
var records = map[string]struct {
	text string // in hexadecimal
	want Value
}{
	"voids that do not keep what was asked": {
		"0b6c6966656379636c652f61" + "01070201" + "01070201" + // key, promised, accepted
			"01" + "02" + "03" + "04496e6974" + // version, tombstones, entries, the state before
			"0463312e31" + "00" + "0752756e6e696e67" +
			"0463322e31" + "01" +
			"0463332e31" + "02",
		Value{Version: 1, Serial: 3, State: "Running", StateBefore: "Init", Window: []Entry{
			{ID: "c1.1", To: "Running"},
			{ID: "c2.1", To: "Running", Kind: EntryTombstoneIllegal},
			{ID: "c3.1", To: "Running", Kind: EntryTombstoneMismatch},
		}},
	},
	"a void that does": {
		"0b6c6966656379636c652f61" + "01070201" + "01070201" +
			"01" + "01" + "02" + "04496e6974" +
			"0463312e31" + "00" + "0752756e6e696e67" +
			"0463322e31" + "03" + "04496e6974",
		Value{Version: 1, Serial: 2, State: "Running", StateBefore: "Init", Window: []Entry{
			{ID: "c1.1", To: "Running"},
			{ID: "c2.1", To: "Running", Requested: "Init", Kind: EntryTombstone},
		}},
	},
}

func TestRecordsStayReadable(t *testing.T) {
	lifecycle := fsm.Lifecycle()
	for name, r := range records {
		t.Run(name, func(t *testing.T) {
			text, err := hex.DecodeString(r.text)
			require.NoError(t, err)
			cfg := Defaults()
			cfg.ID, cfg.Members = 1, []ID{1}
			n, err := New(cfg)
			require.NoError(t, err)
			require.NoError(t, n.replay(text, 1))
			n.unfold(n.machines.get("lifecycle/a"))
			m := n.machines.get("lifecycle/a")
			require.Equal(t, &r.want, m.value)
			require.NoError(t, m.value.check(&lifecycle, 0))
			require.Equal(t, text, appendRecord(nil, m, true))
		})
	}
}

// Every field of a value is set in some record, so that it survives the log.
// (TestRecordsStayReadable encodes all records again.)
func TestRecordsHaveEveryField(t *testing.T) {
	var all []*Value
	for _, r := range records {
		all = append(all, &r.want)
	}
	require.Empty(t, fieldtest.Unset(fieldtest.Walker{}, all))
}
