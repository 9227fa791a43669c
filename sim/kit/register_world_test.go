package kit_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/disk"
	"github.com/lockstep-dst/lockstep/sim/kit"
	"github.com/stretchr/testify/require"
)

// returned is the fact that a client's operation has ended.
type returned struct {
	Op, Wrote int // Wrote is 0 for a read
	Outcome   kit.Outcome
	Value     int // of a read that was accepted
}

// user is the client of the register: it writes its odd operations' numbers, and reads
// with the even ones.
type user struct {
	client *kit.Client
	op     int
}

func newUser() *user {
	u := &user{}
	u.client = kit.NewClient(kit.ClientConfig{
		Nodes: []sim.ID{1}, Attempt: 60 * ms, Deadline: 150 * ms, Backoff: 5 * ms, MaxBackoff: 5 * ms,
		Classify: func(_ sim.ID, body any) kit.Reply {
			if m, ok := body.(reply); ok && m.Op == u.op {
				return kit.Reply{Answer: kit.Done}
			}
			return kit.Reply{}
		},
	})
	return u
}

func (u *user) Step(now sim.Duration, ev *sim.Event, out *sim.Effects) {
	if ev.Kind == sim.Invoke && !u.client.Busy() {
		u.op++
		op := u.op
		u.client.Start(now, out, kit.Request{Repeat: op%2 == 0, Message: func(int) any {
			if op%2 == 0 {
				return read{op}
			}
			return write{op, op}
		}})
	}
	result, done := u.client.Step(now, ev, out)
	if !done {
		return
	}
	f := returned{Op: u.op, Wrote: u.op % 2 * u.op, Outcome: result.Outcome}
	if f.Outcome == kit.Accepted {
		f.Value = result.Body.(reply).Value
	}
	out.Observe(kit.Fact(f))
}

// registerOracle checks that a read returns the value of the last operation, or one of a
// write that may have come after it, and that both replicas hold the same values.
type registerOracle struct {
	last    int
	unknown []int // writes that may yet take effect
	values  map[int]int
	reads   int
}

func (o *registerOracle) check(_ sim.Duration, id sim.ID, fact any) error {
	switch f := fact.(type) {
	case holds:
		if v, known := o.values[f.Index]; known && v != f.Value {
			return fmt.Errorf("place %d holds %d, and held %d", f.Index, f.Value, v)
		}
		o.values[f.Index] = f.Value
	case returned:
		switch {
		case f.Wrote != 0 && f.Outcome == kit.Accepted:
			o.last = f.Wrote
		case f.Wrote != 0 && f.Outcome == kit.Unknown:
			o.unknown = append(o.unknown, f.Wrote)
		case f.Wrote == 0 && f.Outcome == kit.Accepted:
			o.reads++
			if f.Value != o.last && !slices.Contains(o.unknown, f.Value) {
				return fmt.Errorf("a read returned %d after %d, with %v unknown", f.Value, o.last, o.unknown)
			}
			o.last = f.Value
			o.unknown = slices.DeleteFunc(o.unknown, func(v int) bool { return v == f.Value })
		}
	}
	return nil
}

// runRegister runs the register under faults of a seed, and returns the hash of the run,
// the reads that succeeded, and the first violation.
func runRegister(t *testing.T, seed uint64, hasty bool) (hash uint64, reads int, violation error) {
	oracle := &registerOracle{values: map[int]int{}}
	profile := disk.Profile{Write: netmodel.Delay{Min: ms}, Sync: netmodel.Delay{Kind: netmodel.Uniform, Min: 5 * ms, Max: 25 * ms}, Keep: 500_000, Tear: 300_000}
	w, err := sim.New(sim.Config{
		Seed:      seed,
		Checks:    sim.CheckMessages,
		Processes: []sim.Spec{{ID: 1, Disk: profile}, {ID: 2, Disk: profile}, {ID: 101, SeesConnections: true}},
		Network: netmodel.Profile{
			Delay: netmodel.Delay{Kind: netmodel.Uniform, Min: ms, Max: 10 * ms}, Drop: 50_000, Duplicate: 100_000, Reorder: 100_000, Reset: 20_000,
		},
		NewsDelay: ms,
		New: func(id sim.ID, life int) sim.Process {
			if id == 101 {
				return newUser()
			}
			return &replica{id: id, hasty: hasty}
		},
		Observe: kit.Observer(oracle.check).First(&violation),
	})
	require.NoError(t, err)
	for _, id := range []sim.ID{1, 2, 101} {
		w.Start(id)
	}
	for i := range 100 {
		w.Invoke(sim.Duration(i)*20*ms, 101, kit.Message(token(i)))
	}
	random := kit.NewSource(seed, 0, 1)
	for range random.Uint64() % 16 {
		id := sim.ID(1 + random.Uint64()%2)
		at := sim.Duration(random.Uint64()%1500) * ms
		crash := w.LosePower
		if random.Uint64()%2 == 0 {
			crash = w.CrashProcess
		}
		w.Schedule(at, "crash", func() {
			if w.Up(id) {
				crash(id)
				w.Schedule(at+30*ms, "start", func() { w.Start(id) })
			}
		})
	}
	w.Run(3 * sec)
	return w.Hash(), oracle.reads, violation
}

// The register made of the parts of this package is right in the faults of every seed,
// and with a planted bug it is not. Equal seeds are equal runs.
func TestARegisterOfTheseParts(t *testing.T) {
	reads, caught := 0, 0
	for seed := range uint64(150) {
		hash, n, violation := runRegister(t, seed, false)
		require.NoError(t, violation, "seed %d", seed)
		again, _, _ := runRegister(t, seed, false)
		require.Equal(t, hash, again, "seed %d", seed)
		reads += n
		if _, _, violation = runRegister(t, seed, true); violation != nil {
			caught++
		}
	}
	t.Logf("%d reads, the bug was caught in %d seeds", reads, caught)
	require.Greater(t, reads, 1500)
	require.Greater(t, caught, 15)
}
