package board

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What fails comes first, as it was last seen, and what is gone comes last. Each has what
// the campaigns before said, and its folders.
func TestView(t *testing.T) {
	day := func(n int, r Record) Record {
		r = of("s", "p", r)
		r.Ended = time.Date(2030, 1, n, 0, 0, 0, 0, time.UTC)
		return r
	}
	records := []Record{day(1, ran(0, 9, "a@1", "b@2")), day(2, ran(0, 9, "b@2", "c@3")), day(3, ran(5, 9, "d@5"))}
	now := day(0, ran(0, 9, "b@2", "a@1"))
	kept := []Kept{
		{Folder: "old", System: "s", Signature: "b", Changed: records[0].Ended},
		{Folder: "new", System: "s", Signature: "b", Changed: records[1].Ended},
		{Folder: "strange"}, {Folder: "of another system", System: "t", Signature: "b"},
	}
	v := newView(records, []Record{now}, kept)
	type row struct {
		signature string
		word      Word
		before    int
		running   bool
	}
	var rows []row
	for _, f := range v.Failures {
		rows = append(rows, row{f.Signature, f.Word, len(f.Before), f.Running})
	}
	require.Equal(t, []row{{"b", Ongoing, 2, true}, {"a", Regressed, 2, true}, {"c", Gone, 1, true}, {"d", Gone, 1, true}}, rows)
	require.Equal(t, []Word{Gone, New}, []Word{v.Failures[1].Before[0].Word, v.Failures[1].Before[1].Word})
	require.Equal(t, []string{"new", "old"}, []string{v.Failures[0].Kept[0].Folder, v.Failures[0].Kept[1].Folder})
	require.Len(t, v.Others, 2)
	require.Len(t, v.Campaigns, 4)
	require.True(t, v.Campaigns[0].Running)
	require.False(t, v.Campaigns[1].Running)
	require.Equal(t, records[2].Ended, v.Campaigns[1].Ended)

	v = newView(records, nil, nil)
	require.Equal(t, "d", v.Failures[0].Signature, "the last that was seen comes first")
	require.Equal(t, Gone, v.Failures[3].Word)
	require.Equal(t, records[1].Ended, v.Failures[3].Since)
}

// The samples of a hunt for mutants: the soonest found comes first, and the last result of
// each counts.
func TestReadMutants(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "results.jsonl", `{"tree":"x","finding":{"mutant":"slow","class":"c","verdict":"killed","kills":5,"starts":5,"seeds":900}}
{"tree":"x","finding":{"mutant":"never","class":"c","verdict":"survived","starts":5,"seeds":2000}}
{"tree":"x","finding":{"mutant":"quick","class":"c","verdict":"survived","starts":5,"seeds":2000}}
{"tree":"x","finding":{"mutant":"quick","class":"c","verdict":"killed","kills":5,"starts":5,"seeds":3,"core_seconds":0.5}}
`)
	list, err := ReadMutants(dir + "/results.jsonl")
	require.NoError(t, err)
	var names []string
	for _, m := range list {
		names = append(names, m.Mutant)
	}
	require.Equal(t, []string{"quick", "slow", "never"}, names)
	require.Equal(t, Mutant{Mutant: "quick", Class: "c", Verdict: "killed", Kills: 5, Starts: 5, Seeds: 3, Seconds: 0.5}, list[0])

	write(t, dir, "other", "{}\n")
	_, err = ReadMutants(dir + "/other")
	require.ErrorIs(t, err, errMutants)
	require.ErrorContains(t, err, "line 1")
}
