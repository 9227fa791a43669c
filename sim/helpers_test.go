package sim

import (
	"fmt"
	"testing"

	"github.com/lockstep-dst/lockstep/sim/disk"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/stretchr/testify/require"
)

const (
	ms  = netmodel.Millisecond
	sec = netmodel.Second
)

// note is a message: its subject, and a number that is not part of its fate key.
type note struct {
	kind, operation string
	n               int
}

func (m note) FateKey() uint64  { return FateKey(m.kind, "toy", m.operation) }
func (m note) Digest() uint64   { return keyed.Mix(m.FateKey(), uint64(m.n)) }
func (m note) FateName() string { return m.kind + " toy " + m.operation }
func (m note) String() string   { return fmt.Sprintf("%s %s %d", m.kind, m.operation, m.n) }

// textObservation is an observation.
type textObservation string

func (f textObservation) Digest() uint64 { return keyed.String(string(f)) }
func (f textObservation) String() string { return string(f) }

// stepFunc is a process without a state of its own.
type stepFunc func(ev *Event, out *Effects)

func (s stepFunc) Step(_ Duration, ev *Event, out *Effects) { s(ev, out) }

// idle is a process that does nothing.
var idle = stepFunc(func(*Event, *Effects) {})

// worldOf returns a world of processes 1 to n with the same code, all up.
func worldOf(t testing.TB, n int, code stepFunc, edits ...func(*Config)) *World {
	cfg := Config{Seed: 1, New: func(ID, int) Process { return code }}
	cfg.Network.Delay.Min = ms
	for id := 1; id <= n; id++ {
		cfg.Processes = append(cfg.Processes, Spec{ID: ID(id)})
	}
	for _, edit := range edits {
		edit(&cfg)
	}
	w, err := New(cfg)
	require.NoError(t, err)
	for id := 1; id <= n; id++ {
		w.Start(ID(id))
	}
	return w
}

// collectTimedObservations collects the observations of a world, as in "1ms 2
// hello".
func collectTimedObservations(into *[]string) func(*Config) {
	return func(c *Config) {
		c.Observe = func(at Duration, id ID, f Observation) {
			*into = append(*into, fmt.Sprintf("%v %d %v", at, id, f))
		}
	}
}

// words collects the trace.
func words(into *[]string) func(*Config) {
	return func(c *Config) {
		c.Trace = func(l TraceLine) { *into = append(*into, l.String()) }
	}
}

// write and the following functions are short forms of disk requests.
func write(file string, offset int64, data string) disk.Request {
	return disk.Request{Op: disk.Write, File: file, Offset: offset, Data: []byte(data)}
}

func truncate(file string, size int64) disk.Request {
	return disk.Request{Op: disk.Truncate, File: file, Offset: size}
}

func remove(file string) disk.Request { return disk.Request{Op: disk.Remove, File: file} }

func rename(file, to string) disk.Request {
	return disk.Request{Op: disk.Rename, File: file, To: to}
}

func sync(file string) disk.Request { return disk.Request{Op: disk.Sync, File: file} }

var syncDir = disk.Request{Op: disk.SyncDir}
