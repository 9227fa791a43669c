package filestest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/node/files/internal/filestest"
	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/disk"
	"github.com/stretchr/testify/require"
)

// The simulated disk passes the suite with every kind of crash.
func TestSimulatedDisk(t *testing.T) {
	for _, p := range []struct {
		name       string
		keep, tear netmodel.PPM
		end        func(*sim.World, sim.ID)
	}{
		{"nothing unsynced survives", 0, 0, (*sim.World).LosePower},
		{"half of it survives", netmodel.Always / 2, 0, (*sim.World).LosePower},
		{"half of it survives, half of that torn", netmodel.Always / 2, netmodel.Always / 2, (*sim.World).LosePower},
		{"all of it survives, torn", netmodel.Always, netmodel.Always, (*sim.World).LosePower},
		{"all of it survives", netmodel.Always, 0, (*sim.World).LosePower},
		{"the process alone ends", 0, 0, (*sim.World).CrashProcess},
		{"the process alone ends, within a write", 0, netmodel.Always, (*sim.World).CrashProcess},
		{"the process ends, and then the power", netmodel.Always / 2, netmodel.Always / 2, func(w *sim.World, id sim.ID) {
			w.CrashProcess(id)
			w.LosePower(id)
		}},
	} {
		t.Run(p.name, func(t *testing.T) {
			profile := disk.Profile{
				Write: netmodel.Delay{Kind: netmodel.Uniform, Min: sim.Duration(10 * time.Microsecond), Max: sim.Duration(time.Millisecond)},
				Sync:  netmodel.Delay{Kind: netmodel.Uniform, Min: sim.Duration(time.Millisecond), Max: sim.Duration(10 * time.Millisecond)},
				Keep:  p.keep, Tear: p.tear,
			}
			worlds := map[string]uint64{} // for each test
			filestest.Run(t, func(t *testing.T) filestest.Disk {
				worlds[t.Name()]++
				return newSimDisk(t, keyed.String(t.Name())+worlds[t.Name()], profile, p.end)
			})
		})
	}
}

// simDisk is a world of one process that passes requests on to its disk.
type simDisk struct {
	t       *testing.T
	world   *sim.World
	end     func(*sim.World, sim.ID) // the crash: ends a life
	process *process                 // the process of this life
}

const self = 1

func newSimDisk(t *testing.T, seed uint64, profile disk.Profile, end func(*sim.World, sim.ID)) *simDisk {
	s := &simDisk{t: t, end: end}
	world, err := sim.New(sim.Config{
		Seed:      seed,
		Processes: []sim.Spec{{ID: self, Disk: profile}},
		New: func(sim.ID, int) sim.Process {
			s.process = &process{}
			return s.process
		},
	})
	require.NoError(t, err)
	s.world = world
	s.start()
	return s
}

func (s *simDisk) start() {
	s.world.Start(self)
	s.runUntil(func() bool { return s.process.disk != nil })
}

// runUntil runs the world until reached returns true.
func (s *simDisk) runUntil(reached func() bool) {
	for !reached() {
		require.True(s.t, s.world.Step(), "nothing is under way")
	}
}

func (s *simDisk) Submit(r wal.DiskRequest) {
	want := s.process.taken + 1
	s.world.Invoke(s.world.Now(), self, &request{r})
	s.runUntil(func() bool { return s.process.taken == want })
}

func (s *simDisk) Wait() (token uint64, err error) {
	s.runUntil(func() bool { return len(s.process.done) > 0 })
	first := s.process.done[0]
	s.process.done = s.process.done[1:]
	return first.token, first.err
}

func (s *simDisk) Crash() {
	s.end(s.world, self)
	s.start()
}

func (s *simDisk) Dir() wal.Dir { return s.process.disk }

// process is one life of the disk's owner.
type process struct {
	disk   disk.View
	taken  int // number of requests received
	done   []completion
	failed error // the first error
}

type completion struct {
	token uint64
	err   error
}

// Step implements sim.Process.
func (p *process) Step(_ sim.Duration, ev *sim.Event, out *sim.Effects) {
	switch ev.Kind {
	case sim.Boot:
		p.disk = ev.Disk
	case sim.Invoke:
		p.taken++
		out.Disk(toSimRequest(&ev.Message.(*request).DiskRequest))
	case sim.DiskDone:
		if p.failed == nil {
			p.failed = ev.Err
		}
		p.done = append(p.done, completion{ev.Token, p.failed})
	default:
		panic("unexpected " + ev.Kind.String())
	}
}

// toSimRequest converts r to a request of the simulator: a create becomes an empty
// write, an allocation a truncation beyond the end.
func toSimRequest(r *wal.DiskRequest) disk.Request {
	op := map[wal.Op]disk.Op{
		wal.Create: disk.Write, wal.Write: disk.Write, wal.Truncate: disk.Truncate,
		wal.Sync: disk.Sync, wal.SyncDir: disk.SyncDir,
		wal.Allocate: disk.Truncate, wal.Remove: disk.Remove, wal.Rename: disk.Rename,
	}[r.Op]
	return disk.Request{Op: op, File: r.File, To: r.To, Offset: r.Offset, Data: r.Data, Token: r.Token, Quiet: r.Quiet}
}

// request is a message with a disk request for the process.
type request struct{ wal.DiskRequest }

func (r *request) FateKey() uint64  { return 0 }
func (r *request) Digest() uint64   { return r.Token }
func (r *request) FateName() string { return fmt.Sprintf("%v %d 0", r.Op, r.Token) }
