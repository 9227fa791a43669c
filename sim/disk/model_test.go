package disk

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func remove(file string) Request     { return Request{Op: Remove, File: file} }
func rename(file, to string) Request { return Request{Op: Rename, File: file, To: to} }

// model returns a disk on which some requests are done.
func model(sector int, done ...Request) *Model {
	m := NewModel(sector)
	return m.with(done...).finish()
}

func (m *Model) with(requests ...Request) *Model {
	for _, r := range requests {
		m.Submit(r)
	}
	return m
}

func (m *Model) finish() *Model {
	for m.InFlight() > 0 {
		m.Complete()
	}
	return m
}

// text returns all readable content, as in "f=ab g=".
func (m *Model) text(t require.TestingT) string {
	names, err := m.List()
	require.NoError(t, err)
	var all []string
	for _, name := range names {
		data, err := m.Read(name)
		require.NoError(t, err)
		all = append(all, name+"="+strings.ReplaceAll(string(data), "\x00", "."))
	}
	return strings.Join(all, " ")
}

// texts returns the distinct states of a sequence, sorted.
func texts(t require.TestingT, states iter.Seq2[*Model, error]) []string {
	seen := map[string]bool{}
	for m, err := range states {
		require.NoError(t, err)
		seen[m.text(t)] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

const many = 1 << 20

func TestEveryStateOfASmallHistory(t *testing.T) {
	old := []Request{write("f", 0, "old"), sync("f"), syncDir}
	for _, c := range []struct {
		name          string
		done, flight  []Request
		kills, losses string
	}{
		{"nothing under way", nil, nil,
			"f=old", "f=old"},
		{"a write", nil, []Request{write("f", 0, "NEW")},
			"f=NEW|f=old", "f=NEW|f=old"},
		{"a write done stays in the page cache", []Request{write("f", 0, "NEW")}, nil,
			"f=NEW", "f=NEW|f=old"},
		{"a torn write keeps its first sectors", nil, []Request{write("f", 2, "ABCDEF")},
			"f=olAB|f=olABCDEF|f=old", "f=olAB|f=olABCDEF|f=old"},
		{"writes are not ordered by a loss of power", nil, []Request{write("f", 0, "A"), write("f", 1, "B")},
			"f=ABd|f=Ald|f=old", "f=ABd|f=Ald|f=oBd|f=old"},
		{"a sync under way promises nothing", nil, []Request{write("f", 0, "NEW"), sync("f")},
			"f=NEW|f=old", "f=NEW|f=old"},
		{"a truncation and a write behind it", nil, []Request{truncate("f", 1), write("f", 1, "X")},
			"f=oX|f=o|f=old", "f=o|f=oX|f=oXd|f=old"},
		{"a name without a SyncDir", []Request{write("g", 0, "x"), sync("g")}, nil,
			"f=old g=x", "f=old|f=old g=x"},
		{"a file whose name is durable and whose bytes are not", []Request{write("g", 0, "x"), syncDir}, nil,
			"f=old g=x", "f=old g=|f=old g=x"},
		{"a removal", nil, []Request{remove("f")},
			"|f=old", "|f=old"},
		{"a removal that is durable", []Request{remove("f"), syncDir}, nil,
			"", ""},
		{"a new file of an old name comes after the removal", nil, []Request{remove("f"), write("f", 0, "x"), sync("f")},
			"|f=old|f=x", "|f=old|f=x|f="},
		{"a rename in the place of another file is one thing", []Request{write("t", 0, "NEW"), sync("t"), syncDir}, []Request{rename("t", "f")},
			"f=NEW|f=old t=NEW", "f=NEW|f=old t=NEW"},
		{"a rename before the sync may leave an empty file", []Request{write("t", 0, "NEW"), syncDir, rename("t", "f"), syncDir}, nil,
			"f=NEW", "f=|f=NEW"},
		{"a rename needs the creation before it", []Request{write("t", 0, "NEW"), sync("t"), rename("t", "f")}, nil,
			"f=NEW", "f=NEW|f=old t=NEW|f=old"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := model(4, slices.Concat(old, c.done)...).with(c.flight...)
			before := m.Digest()
			sorted := func(list string) []string {
				all := strings.Split(list, "|")
				slices.Sort(all)
				return slices.Compact(all)
			}
			require.Equal(t, sorted(c.kills), texts(t, m.ProcessCrashes(many)), "kills")
			require.Equal(t, sorted(c.losses), texts(t, m.PowerLosses(many)), "losses of power")
			require.Equal(t, before, m.Digest(), "visiting changes nothing")
		})
	}
}

// A process crash leaves data as durable as it was: a power loss may follow.
func TestAKillThenALossOfPower(t *testing.T) {
	m := model(512, write("f", 0, "old"), sync("f"), syncDir, write("f", 0, "NEW"), write("g", 0, "x"))
	for killed, err := range m.ProcessCrashes(many) {
		require.NoError(t, err)
		require.Equal(t, "f=NEW g=x", killed.text(t))
		require.Equal(t, []string{"f=NEW", "f=NEW g=", "f=NEW g=x", "f=old", "f=old g=", "f=old g=x"}, texts(t, killed.PowerLosses(many)))
		killed.with(sync("f"), sync("g"), syncDir).finish() // by the process in its next life
		require.Equal(t, []string{"f=NEW g=x"}, texts(t, killed.PowerLosses(many)))
	}
}

// A failed sync drops its changes: they can be read, no later sync writes them,
// and a power loss removes them.
func TestAFailedSyncForgets(t *testing.T) {
	m := model(512, write("f", 0, "old"), sync("f"), syncDir).with(write("f", 0, "N"), sync("f"))
	m.Complete()
	_, err := m.FailSync()
	require.ErrorIs(t, err, ErrIO)
	m.with(sync("f")).finish()
	require.Equal(t, "f=Nld", m.text(t))
	require.Equal(t, []string{"f=Nld"}, texts(t, m.ProcessCrashes(many)))
	require.Equal(t, []string{"f=old"}, texts(t, m.PowerLosses(many)))
	m.with(write("f", 1, "E"), sync("f")).finish() // later changes are durable
	require.Equal(t, []string{"f=oEd"}, texts(t, m.PowerLosses(many)))
	m.with(write("f", 0, "N"), sync("f")).finish() // and so are repeated ones
	require.Equal(t, []string{"f=NEd"}, texts(t, m.PowerLosses(many)))
}

func TestTooManyStatesIsAnError(t *testing.T) {
	m := model(1, write("f", 0, ""), sync("f"), syncDir).with(write("f", 0, strings.Repeat("x", 100)))
	n := 0
	for state, err := range m.PowerLosses(50) {
		if err != nil {
			require.ErrorIs(t, err, ErrTooMany)
			require.EqualError(t, err, "too many disk states: more than 50, with 1 requests under way")
			require.Nil(t, state)
			break
		}
		n++
	}
	require.Equal(t, 50, n)
	require.Len(t, texts(t, m.PowerLosses(101)), 101)
}

// names is a directory by the documentation of Profile: any subset of the
// changes survives that has none without an earlier one of the same names.
func names(base map[string]string, moves []Request) map[string]bool {
	all := map[string]bool{}
	for subset := range 1 << len(moves) {
		now, lost, legal := maps.Clone(base), map[string]bool{}, true
		for i, r := range moves {
			if subset>>i&1 == 0 {
				lost[r.File], lost[r.To] = true, true
				continue
			}
			legal = legal && !lost[r.File] && (r.To == "" || !lost[r.To])
			switch r.Op {
			case Write:
				now[r.File] = string(r.Data)
			case Remove:
				delete(now, r.File)
			case Rename:
				now[r.To] = string(r.Data)
				delete(now, r.File)
			}
		}
		if legal {
			all[fmt.Sprint(now)] = true
		}
	}
	return all
}

func TestNamesSurviveInEveryLegalChoice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := model(512)
		base, now := map[string]string{}, map[string]string{}
		var moves []Request // since the last SyncDir; Data is the content of the file
		name := rapid.SampledFrom([]string{"f", "g", "h"})
		for i := range rapid.IntRange(1, 9).Draw(t, "requests") {
			f, to := name.Draw(t, "file"), name.Draw(t, "to")
			content, there := now[f]
			switch op := rapid.IntRange(0, 4).Draw(t, "op"); {
			case op == 0:
				m.with(syncDir).finish()
				base, moves = maps.Clone(now), nil
			case !there: // the content is durable at once, the name is not
				now[f] = fmt.Sprint(i)
				m.with(write(f, 0, now[f]), sync(f)).finish()
				moves = append(moves, write(f, 0, now[f]))
			case op < 3:
				m.with(remove(f)).finish()
				delete(now, f)
				moves = append(moves, remove(f))
			case f != to:
				m.with(rename(f, to)).finish()
				now[to] = content
				delete(now, f)
				moves = append(moves, Request{Op: Rename, File: f, To: to, Data: []byte(content)})
			}
		}
		got := map[string]bool{}
		for state, err := range m.PowerLosses(many) {
			require.NoError(t, err)
			found := map[string]string{}
			list, _ := state.List()
			for _, name := range list {
				data, _ := state.Read(name)
				found[name] = string(data)
			}
			got[fmt.Sprint(found)] = true
		}
		require.Equal(t, names(base, moves), got)
	})
}

// The random outcome of a world's disk is one of the states of a model.
func TestChanceLeavesOneOfAllStates(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		requests := rapid.SliceOfN(anyRequest(), 1, 6).Draw(t, "requests")
		done := rapid.IntRange(0, len(requests)).Draw(t, "done")
		d := &Device{key: keyed.Seed(rapid.Uint64().Draw(t, "seed")), profile: Profile{Keep: 700_000, Tear: 500_000}}
		m := NewModel(0).with(requests...)
		if rapid.Bool().Draw(t, "scatter") {
			d.profile.Scatter = netmodel.Always
			m.ScatterSectors()
		}
		ask(d, requests...)
		for range done {
			d.complete()
			m.Complete()
		}
		end, states := d.CrashProcess, m.ProcessCrashes(many)
		if rapid.Bool().Draw(t, "power") {
			end, states = d.LosePower, m.PowerLosses(many)
		}
		end()
		left := &Model{*d}
		require.Contains(t, texts(t, states), left.text(t))
	})
}

// A scattered write leaves every subset of its sectors, also where it begins and ends
// within one, and a later write may survive without an earlier one.
func TestAScatteredWriteLeavesAnySectors(t *testing.T) {
	m := model(2, write("f", 0, "abcdefg"), sync("f"), syncDir).with(write("f", 1, "BCDEF"))
	m.ScatterSectors()
	require.Equal(t, strings.Fields("f=aBCDEFg f=aBCDefg f=aBcdEFg f=aBcdefg f=abCDEFg f=abCDefg f=abcdEFg f=abcdefg"), texts(t, m.PowerLosses(many)))
}

// Chance comes by every subset of the sectors.
func TestChanceScattersSectors(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(400) {
		d := &Device{key: keyed.Seed(seed), profile: Profile{Keep: netmodel.Always, Scatter: netmodel.Always, Sector: 2}}
		ask(d, write("f", 0, "abcdef"), sync("f"), syncDir)
		for range 3 {
			d.complete()
		}
		ask(d, write("f", 0, "ABCDEF"))
		d.LosePower()
		seen[(&Model{*d}).text(t)] = true
	}
	require.Len(t, seen, 8)
}

func anyRequest() *rapid.Generator[Request] {
	file := rapid.SampledFrom([]string{"f", "g"})
	return rapid.Custom(func(t *rapid.T) Request {
		f := file.Draw(t, "file")
		switch rapid.IntRange(0, 6).Draw(t, "op") {
		case 0:
			return sync(f)
		case 1:
			return syncDir
		case 2:
			return remove(f)
		case 3:
			return rename("f", "g")
		case 4:
			return truncate(f, 500)
		}
		return write(f, rapid.SampledFrom([]int64{0, 511, 600}).Draw(t, "offset"), strings.Repeat("x", rapid.SampledFrom([]int{0, 3, 1100}).Draw(t, "size")))
	})
}

func TestDigestsTellDurableFromReadable(t *testing.T) {
	base := func() *Model { return model(512, write("f", 0, "old"), sync("f"), syncDir) }
	require.Equal(t, base().Digest(), base().Digest())
	require.Equal(t, model(512, write("f", 0, "o"), write("f", 1, "ld"), sync("f"), syncDir).Digest(), base().Digest())
	seen := map[uint64]bool{base().Digest(): true}
	for _, m := range []*Model{
		base().with(write("f", 0, "new")).finish(),
		base().with(write("f", 0, "new")),
		base().with(write("f", 0, "new"), sync("f")).finish(),
		base().with(remove("f")).finish(),
		base().with(remove("f"), syncDir).finish(),
		base().with(rename("f", "g")).finish(),
	} {
		require.False(t, seen[m.Digest()], m.text(t))
		seen[m.Digest()] = true
	}
}

var _ View = (*Model)(nil)

// A rename of a file to its own name, and the like, are mistakes of the caller.
func TestAModelTakesNoNonsense(t *testing.T) {
	require.PanicsWithValue(t, "disk: rename f to f: want another name", func() { model(0, rename("f", "f")) })
	require.PanicsWithValue(t, "disk: FailSync where no sync is next", func() { NewModel(0).with(syncDir).FailSync() })
}
