package board

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// recordOf is a record that can be told from others by its number of seeds.
func recordOf(seeds uint64) Record {
	r := of("s", "p", ran(0, seeds-1, "a/b@0"))
	r.Version = recordVersion
	return r
}

func seedsOf(records []Record) (list []uint64) {
	for _, r := range records {
		list = append(list, r.Seeds)
	}
	return list
}

// Appended records are read, the oldest first. The folder is made.
func TestRecordsAreAppended(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "failures")
	list, notes, err := readRecords(dir)
	require.NoError(t, err)
	require.Empty(t, list)
	require.Empty(t, notes)
	for i := range uint64(3) {
		require.NoError(t, AppendRecord(dir, recordOf(i+1)))
	}
	list, notes, err = readRecords(dir)
	require.NoError(t, err)
	require.Empty(t, notes)
	require.Equal(t, []Record{recordOf(1), recordOf(2), recordOf(3)}, list)
}

// A damaged line is told and passed over. A line that was cut off damages no later one.
func TestDamagedRecordsArePassedOver(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, RecordsFile)
	require.NoError(t, AppendRecord(dir, recordOf(1)))
	whole, err := os.ReadFile(file)
	require.NoError(t, err)
	other := strings.Replace(string(whole), `"version":1`, `"version":9`, 1)
	require.NoError(t, os.WriteFile(file, []byte(string(whole)+"no JSON\n\n"+other+`{"version":1}`+"\n"+string(whole[:50])), 0o666))
	require.NoError(t, AppendRecord(dir, recordOf(2)))
	list, notes, err := readRecords(dir)
	require.NoError(t, err)
	require.Equal(t, []uint64{1, 2}, seedsOf(list))
	require.Len(t, notes, 4)
	for i, want := range []string{"line 2: ", "line 4: not the record of a campaign: version 9, want 1; ", "line 5: not the record of a campaign: it has no system", "line 6: "} {
		require.Contains(t, notes[i], RecordsFile+", "+want)
	}
}

// Many damaged lines are counted.
func TestMuchDamageIsCounted(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, RecordsFile), []byte(strings.Repeat("{\n", 12)), 0o666))
	_, notes, err := readRecords(dir)
	require.NoError(t, err)
	require.Len(t, notes, maxDamageTold+1)
	require.Equal(t, "campaigns.jsonl: 7 lines more are damaged", notes[maxDamageTold])
}

// The file keeps its last 1,000 records, and is no longer than a hundred more.
func TestRecordsAreBounded(t *testing.T) {
	dir := t.TempDir()
	var b strings.Builder
	for i := range maxRecords + recordsSlack {
		fmt.Fprintf(&b, `{"version":1,"system":"s","first":"0","last":"0","seeds":%d}`+"\n", i+1)
	}
	file := filepath.Join(dir, RecordsFile)
	require.NoError(t, os.WriteFile(file, []byte(b.String()), 0o666))
	require.NoError(t, AppendRecord(dir, recordOf(5000)))
	list, _, err := readRecords(dir)
	require.NoError(t, err)
	require.Len(t, list, maxRecords)
	require.Equal(t, uint64(5000), list[maxRecords-1].Seeds)
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	require.LessOrEqual(t, strings.Count(string(data), "\n"), maxRecords+1)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1, "no temporary file is left")
}

// A record is not written through a pipe or into a folder.
func TestTheFileOfRecordsIsRegular(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, RecordsFile), 0o777))
	require.ErrorContains(t, AppendRecord(dir, recordOf(1)), "not a regular file")
}
