package board

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/lockstep-dst/lockstep/node/input"
)

// RecordsFile is the name of the file of records, in the folder of failures.
const RecordsFile = "campaigns.jsonl"

const (
	maxRecords     = 1000      // that are kept
	recordsSlack   = 100       // more before the file is written anew
	maxRecordsFile = 256 << 20 // bytes
	maxDamageTold  = 5         // damaged lines that are told one by one
)

// errRecord is wrapped by errors about a line of the file of records.
var errRecord = errors.New("not the record of a campaign")

// AppendRecord appends a record to the file in a folder, which it makes, in one write.
// From 1,100 lines on the file is replaced, atomically, by its last 1,000.
//
// A line that another process appends in the moment of the replacement may be lost. That
// is rare, and the file of failures that it tells of is kept anyhow.
func AppendRecord(dir string, r Record) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	name := filepath.Join(dir, RecordsFile)
	old, err := input.ReadFile(name, maxRecordsFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	line = append(line, '\n')
	if len(old) > 0 && old[len(old)-1] != '\n' {
		line = append([]byte("\n"), line...) // the last write was cut off: its line is damaged, and this one is not
	}
	if lines := bytes.SplitAfter(old, []byte("\n")); len(lines) > maxRecords+recordsSlack {
		return replaceFile(name, append(bytes.Join(lines[len(lines)-maxRecords:], nil), line...))
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(line)
	return errors.Join(err, f.Close())
}

// replaceFile replaces a file as a whole.
func replaceFile(name string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // without effect after the rename
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

// readRecords returns the last records of a folder, the oldest first, and notes about the
// lines that are damaged. A folder without records has none.
func readRecords(dir string) (list []Record, notes []string, err error) {
	data, err := input.ReadFile(filepath.Join(dir, RecordsFile), maxRecordsFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	damaged := 0
	for i, line := range bytes.Split(data, []byte("\n")) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		r, err := parseRecord(line)
		if err == nil {
			list = append(list, r)
			continue
		}
		if damaged++; damaged <= maxDamageTold {
			notes = append(notes, fmt.Sprintf("%s, line %d: %v; it was passed over, and may be deleted", RecordsFile, i+1, err))
		}
	}
	if damaged > maxDamageTold {
		notes = append(notes, fmt.Sprintf("%s: %d lines more are damaged", RecordsFile, damaged-maxDamageTold))
	}
	return list[max(0, len(list)-maxRecords):], notes, nil
}

// StandingsOf returns the standings of a campaign of a fleet, as a Record names it. known is
// false if the folder has no record of it.
func StandingsOf(dir, campaign string) (list []Standing, known bool, err error) {
	records, err := recordsUntil(dir, campaign)
	if err != nil || len(records) == 0 {
		return nil, false, err
	}
	return Compare(records)[len(records)-1], true, nil
}

// recordsUntil returns the records of a folder up to that of a campaign, or none.
func recordsUntil(dir, campaign string) ([]Record, error) {
	records, _, err := readRecords(dir)
	for i := range slices.Backward(records) {
		if records[i].Campaign == campaign {
			return records[:i+1], err
		}
	}
	return nil, err
}

func parseRecord(line []byte) (r Record, err error) {
	if err := json.Unmarshal(line, &r); err != nil {
		return r, fmt.Errorf("%w: %w", errRecord, err)
	}
	switch {
	case r.Version != recordVersion:
		return r, fmt.Errorf("%w: version %d, want %d", errRecord, r.Version, recordVersion)
	case r.System == "" || r.Last < r.First:
		return r, fmt.Errorf("%w: it has no system, or no seeds", errRecord)
	}
	return r, nil
}
