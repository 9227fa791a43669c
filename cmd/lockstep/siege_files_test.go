package main

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/lockstep-dst/lockstep/cmd/lockstep/internal/settings"
	"github.com/lockstep-dst/lockstep/node/access"
	"github.com/lockstep-dst/lockstep/node/backup"
	"github.com/lockstep-dst/lockstep/node/definition"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/node/wal"
)

// fileReaders are the readers of files that may have been changed. None of them may panic.
type fileReaders struct{ all []fileReader }

type fileReader struct {
	name  string
	seeds [][]byte
	read  func(b *besieger, data []byte) error
}

// read gives one mutated file to a reader.
func (f *fileReaders) read(b *besieger) int64 {
	if f.all == nil {
		f.load(b)
	}
	r := f.all[b.random.IntN(len(f.all))]
	data := b.mutate(r.seeds)
	b.took()
	if r.read(b, data) == nil {
		b.report.Read[r.name+": taken"]++
	} else {
		b.report.Read[r.name+": refused"]++
	}
	return 1
}

func (f *fileReaders) load(b *besieger) {
	f.all = []fileReader{
		{"tokens", texts("# nodes\nwriter web sha256:5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8\nadmin ops sha256:5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d9\n"),
			func(_ *besieger, data []byte) error { _, err := access.ParseTokens(string(data)); return err }},
		{"settings", texts("id: 1\npeers: {1: 127.0.0.1:7001, 2: 127.0.0.1:7002}\nhttp: 127.0.0.1:8001\nquotas: machines=10\n", "- a\n- &x [1, 2]\n- *x\n"),
			func(_ *besieger, data []byte) error { _, err := settings.Parse("node.yaml", data); return err }},
		{"definitions", texts("name: lamp\nstates: [off, on]\ninitial: off\ntransitions:\n  - {from: off, to: on}\n", requests[11][2]),
			func(b *besieger, data []byte) error {
				_, err := definition.Read([]string{"d.yaml", "d.json"}[b.random.IntN(2)], data)
				return err
			}},
		{"backups", [][]byte{b.plan.Backup}, func(_ *besieger, data []byte) error { _, _, err := backup.Check(bytes.NewReader(data)); return err }},
	}
	for _, version := range []string{"version-2", "version-3"} {
		f.addLog("../../node/wal/testdata/" + version)
	}
	f.addLog(b.plan.Log)
}

func texts(all ...string) (seeds [][]byte) {
	for _, text := range all {
		seeds = append(seeds, []byte(text))
	}
	return seeds
}

// addLog adds the readers of a log: one of its files is mutated, and it is inspected and
// recovered.
func (f *fileReaders) addLog(path string) {
	sound := logFiles{}
	names, err := filepath.Glob(filepath.Join(path, "*"))
	if err != nil || len(names) == 0 {
		panic(path)
	}
	var seeds [][]byte
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			panic(err)
		}
		if filepath.Base(name) != "LOCK" {
			sound[filepath.Base(name)] = data
		}
		seeds = append(seeds, data)
	}
	x, err := member.InspectLog(sound)
	if err != nil {
		panic(err)
	}
	f.all = append(f.all, fileReader{"logs", seeds, func(b *besieger, data []byte) error {
		changed := maps.Clone(sound)
		name := slices.Sorted(maps.Keys(sound))[b.random.IntN(len(sound))]
		changed[name] = data
		if _, err := member.InspectLog(changed); err != nil {
			return err
		}
		_, _, err := wal.Recover(changed, x.Identity, wal.Options{Segment: 4096}, func([]byte, wal.LSN) error { return nil })
		return err
	}})
}

// logFiles are the files of a log, by name.
type logFiles map[string][]byte

// List implements wal.Dir.
func (l logFiles) List() ([]string, error) { return slices.Sorted(maps.Keys(l)), nil }

// Read implements wal.Dir.
func (l logFiles) Read(name string) ([]byte, error) { return l[name], nil }
