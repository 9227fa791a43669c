package filestest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/node/files/filestest"
	"github.com/lockstep-dst/lockstep/node/wal"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/stretchr/testify/require"
)

// The simulated disk is a disk like any other, however careless.
func TestSimulatedDisk(t *testing.T) {
	for _, p := range []struct {
		name       string
		keep, tear netmodel.PPM
		end        func(*sim.World, sim.ID)
	}{
		{"nothing unsynced survives", 0, 0, (*sim.World).Crash},
		{"half of it survives", netmodel.Always / 2, 0, (*sim.World).Crash},
		{"half of it survives, half of that torn", netmodel.Always / 2, netmodel.Always / 2, (*sim.World).Crash},
		{"all of it survives, torn", netmodel.Always, netmodel.Always, (*sim.World).Crash},
		{"all of it survives", netmodel.Always, 0, (*sim.World).Crash},
		{"the process alone ends", 0, 0, (*sim.World).Kill},
		{"the process alone ends, within a write", 0, netmodel.Always, (*sim.World).Kill},
		{"the process ends, and then the power", netmodel.Always / 2, netmodel.Always / 2, func(w *sim.World, id sim.ID) {
			w.Kill(id)
			w.Crash(id)
		}},
	} {
		t.Run(p.name, func(t *testing.T) {
			profile := sim.DiskProfile{
				Write: netmodel.Delay{Kind: netmodel.Uniform, Min: sim.Duration(10 * time.Microsecond), Max: sim.Duration(time.Millisecond)},
				Sync:  netmodel.Delay{Kind: netmodel.Uniform, Min: sim.Duration(time.Millisecond), Max: sim.Duration(10 * time.Millisecond)},
				Keep:  p.keep, Tear: p.tear,
			}
			worlds := map[string]uint64{} // of each test
			filestest.Run(t, func(t *testing.T) filestest.Disk {
				worlds[t.Name()]++
				return newSimulated(t, keyed.String(t.Name())+worlds[t.Name()], profile, p.end)
			})
		})
	}
}

// simulated is a world of one process that hands on requests to its disk.
type simulated struct {
	t       *testing.T
	world   *sim.World
	end     func(*sim.World, sim.ID) // what a crash is
	process *process                 // of this life
}

const self = 1

func newSimulated(t *testing.T, seed uint64, profile sim.DiskProfile, end func(*sim.World, sim.ID)) *simulated {
	s := &simulated{t: t, end: end}
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

func (s *simulated) start() {
	s.world.Start(self)
	s.until(func() bool { return s.process.disk != nil })
}

// until lets the world go on until something has come about.
func (s *simulated) until(reached func() bool) {
	for !reached() {
		require.True(s.t, s.world.Step(), "nothing is under way")
	}
}

func (s *simulated) Submit(r wal.Request) {
	want := s.process.taken + 1
	s.world.Request(s.world.Now(), self, &request{r})
	s.until(func() bool { return s.process.taken == want })
}

func (s *simulated) Wait() (token uint64, err error) {
	s.until(func() bool { return len(s.process.done) > 0 })
	first := s.process.done[0]
	s.process.done = s.process.done[1:]
	return first.token, first.err
}

func (s *simulated) Crash() {
	s.end(s.world, self)
	s.start()
}

func (s *simulated) Dir() wal.Dir { return s.process.disk }

// process is one life of the disk's owner.
type process struct {
	disk   sim.Disk
	taken  int // requests
	done   []completion
	failed error // the first
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
	case sim.Request:
		p.taken++
		out.Disk(onDisk(&ev.Message.(*request).Request))
	case sim.Done:
		if p.failed == nil {
			p.failed = ev.Err
		}
		p.done = append(p.done, completion{ev.Token, p.failed})
	default:
		panic("unexpected " + ev.Kind.String())
	}
}

// onDisk is r as the simulator asks for it: to create a file is to write
// nothing to it, and to allocate is to truncate beyond the end.
func onDisk(r *wal.Request) sim.DiskRequest {
	op := map[wal.Op]sim.DiskOp{
		wal.Create: sim.DiskWrite, wal.Write: sim.DiskWrite, wal.Truncate: sim.DiskTruncate,
		wal.Sync: sim.DiskSync, wal.SyncDir: sim.DiskSyncDir,
		wal.Allocate: sim.DiskTruncate, wal.Remove: sim.DiskRemove, wal.Rename: sim.DiskRename,
	}[r.Op]
	return sim.DiskRequest{Op: op, File: r.File, To: r.To, Offset: r.Offset, Data: r.Data, Token: r.Token, Quiet: r.Quiet}
}

// request is a request on its way to the process.
type request struct{ wal.Request }

func (r *request) Fate() uint64     { return 0 }
func (r *request) Digest() uint64   { return r.Token }
func (r *request) FateName() string { return fmt.Sprintf("%v %d 0", r.Op, r.Token) }
