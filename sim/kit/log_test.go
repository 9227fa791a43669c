package kit_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/disk"
	"github.com/lockstep-dst/lockstep/sim/kit"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// life is one life of a log on a disk without a world.
type life struct {
	t         require.TestingT
	disk      *disk.Model
	log       *kit.Log
	ready     bool
	found     []string // when it was ready
	submitted func()   // called after each disk request
	err       error
}

// begin opens the log. Its requests are in flight.
func begin(t require.TestingT, d *disk.Model, submitted func()) *life {
	l := &life{t: t, disk: d, submitted: submitted}
	var out sim.Effects
	l.log, l.err = kit.OpenLog("log", d, &out, func(_ sim.Duration, _ *sim.Effects, records [][]byte) {
		l.ready = true
		for _, r := range records {
			l.found = append(l.found, string(r))
		}
	})
	l.submit(&out)
	return l
}

func (l *life) submit(out *sim.Effects) {
	for _, r := range out.DiskRequests() {
		l.disk.Submit(r)
		l.submitted()
	}
}

// do calls f, and submits the requests.
func (l *life) do(f func(out *sim.Effects)) {
	var out sim.Effects
	f(&out)
	l.submit(&out)
}

// complete completes the oldest request, and tells the log if a world would.
func (l *life) complete() {
	flight := l.disk.InFlight()
	token, err := l.disk.Complete()
	l.tell(token, err, flight)
}

// tell steps the log with a completion. Of the log's requests only the last in flight is
// not quiet: it submits them in groups that end with it.
func (l *life) tell(token uint64, err error, flight int) {
	if err == nil && flight > 1 {
		return
	}
	l.do(func(out *sim.Effects) {
		mine, failed := l.log.Step(0, &sim.Event{Kind: sim.DiskDone, Token: token, Err: err}, out)
		require.True(l.t, mine)
		l.err = failed
	})
}

// finish completes all requests, and those that follow.
func (l *life) finish() *life {
	for l.disk.InFlight() > 0 {
		l.complete()
	}
	return l
}

func open(t require.TestingT, d *disk.Model) *life {
	l := begin(t, d, func() {})
	require.NoError(t, l.err)
	return l.finish()
}

func (l *life) append(records ...string) *life {
	for _, r := range records {
		l.do(func(out *sim.Effects) { l.log.Append(out, []byte(r), nil) })
	}
	return l
}

func TestALogKeepsItsRecords(t *testing.T) {
	d := disk.NewModel(0)
	first := open(t, d)
	require.Empty(t, first.found)
	require.EqualValues(t, 1, first.log.Boots())
	first.append("a", "", "c").finish()
	second := open(t, d)
	require.Equal(t, []string{"a", "", "c"}, second.found)
	require.EqualValues(t, 2, second.log.Boots())
	second.do(func(out *sim.Effects) { second.log.Rewrite(out, [][]byte{[]byte("abc")}, nil) })
	second.append("d").finish()
	require.Equal(t, []string{"abc", "d"}, open(t, d).found)
	names, err := d.List()
	require.NoError(t, err)
	require.Equal(t, []string{"log"}, names)
}

// Continuations run in order, when their records are durable, and may append.
func TestContinuations(t *testing.T) {
	l := open(t, disk.NewModel(0))
	var order []string
	l.do(func(out *sim.Effects) {
		note := func(s string) kit.Then {
			return func(sim.Duration, *sim.Effects) {
				order = append(order, fmt.Sprintf("%s with %d in flight", s, l.disk.InFlight()))
			}
		}
		l.log.Append(out, []byte("a"), func(now sim.Duration, out *sim.Effects) {
			note("a")(now, out)
			l.log.Append(out, []byte("d"), note("d"))
		})
		l.log.Append(out, []byte("b"), note("b"))
		l.log.Rewrite(out, [][]byte{[]byte("ab")}, note("ab"))
		l.log.Append(out, []byte("c"), note("c"))
	})
	size := l.log.Size()
	l.finish()
	require.Equal(t, []string{"a with 0 in flight", "b with 0 in flight", "ab with 0 in flight", "c with 0 in flight", "d with 0 in flight"}, order)
	file, err := l.disk.Read("log")
	require.NoError(t, err)
	require.EqualValues(t, len(file), l.log.Size())
	require.EqualValues(t, len(file), size+13, "all but the record that came later")
	require.Equal(t, []string{"ab", "c", "d"}, open(t, l.disk).found)
}

// A record may be changed by its owner as soon as it is appended.
func TestALogKeepsCopies(t *testing.T) {
	l := open(t, disk.NewModel(0))
	record := []byte("a")
	l.do(func(out *sim.Effects) {
		l.log.Append(out, record, nil)
		l.log.Append(out, record, nil)
		l.log.Rewrite(out, [][]byte{record}, nil)
		record[0] = 'X'
	})
	require.Equal(t, []string{"a"}, open(t, l.finish().disk).found)
}

func TestMisuseOfALog(t *testing.T) {
	l := begin(t, disk.NewModel(0), func() {})
	require.PanicsWithValue(t, "kit: log log: Append before it is ready: what it holds is not known yet: wait until OpenLog calls ready", func() { l.append("a") })
	require.PanicsWithValue(t, "kit: log log: Rewrite before it is ready: what it holds is not known yet: wait until OpenLog calls ready", func() { l.log.Rewrite(&sim.Effects{}, nil, nil) })
	require.False(t, l.log.Ready())
	require.True(t, l.finish().log.Ready())
	require.PanicsWithValue(t, "kit: log log: a record of 16777217 bytes: want at most 16777216: divide it", func() { l.append(strings.Repeat("x", kit.MaxRecord+1)) })
	for _, ev := range []*sim.Event{{Kind: sim.DiskDone, Token: 1}, {Kind: sim.Timer}} {
		mine, err := l.log.Step(0, ev, &sim.Effects{})
		require.False(t, mine, "another's event")
		require.NoError(t, err)
	}
}

// Whichever request fails, the log ends: no continuation runs, and nothing is written.
func TestAFailedRequestEndsTheLog(t *testing.T) {
	l := open(t, disk.NewModel(0))
	l.do(func(out *sim.Effects) {
		l.log.Append(out, []byte("a"), func(sim.Duration, *sim.Effects) { t.Error("is not durable") })
	})
	l.complete()
	token, err := l.disk.FailSync()
	l.tell(token, err, 1)
	require.EqualError(t, l.err, "log log: input/output error")
	require.ErrorIs(t, l.err, disk.ErrIO)
	require.False(t, l.log.Ready())
	l.append("b")
	require.Zero(t, l.disk.InFlight())
	l.tell(token, nil, 1)
	require.ErrorIs(t, l.err, disk.ErrIO, "now and later")
}

// Damage in what was durable is found, wherever it is, if a later batch is there. In the
// last batch it cannot be told from a torn tail, and a file without its end neither.
func TestDamageIsFound(t *testing.T) {
	d := disk.NewModel(0)
	open(t, d).append("base").finish()
	l := open(t, d).append("one").finish().append("two", "three").finish() // "two" is a batch, and "three"
	file, err := l.disk.Read("log")
	require.NoError(t, err)
	base := 36 + 12 + len("base")
	last := len(file) - 12 - len("three")
	for at := range file {
		damaged := disk.NewModel(0)
		changed := append([]byte{}, file...)
		changed[at] ^= 0x40
		damaged.Submit(disk.Request{Op: disk.Write, File: "log", Data: changed})
		damaged.Complete()
		got := begin(t, damaged, func() {})
		if at < last {
			require.ErrorIs(t, got.err, kit.ErrDamaged, "byte %d", at)
			require.Zero(t, damaged.InFlight())
			require.False(t, got.log.Ready())
			continue
		}
		require.NoError(t, got.err)
		require.Equal(t, []string{"base", "one", "two"}, got.finish().found)
	}
	for size := range file {
		short := disk.NewModel(0)
		short.Submit(disk.Request{Op: disk.Write, File: "log", Data: file[:size]})
		short.Complete()
		got := begin(t, short, func() {})
		require.Equal(t, size < base, got.err != nil, "%d bytes: %v", size, got.err)
	}
}

// A valid record in a place that is not its own, of this file or of an earlier one of
// the same name, is damage: a disk may write to the wrong place.
func TestAMisdirectedRecordIsDamage(t *testing.T) {
	d := disk.NewModel(0)
	files := make([]string, 2)
	for i := range files {
		open(t, d).append(fmt.Sprintf("r%da", i)).finish().append(fmt.Sprintf("r%db", i)).finish().append("end").finish()
		file, err := d.Read("log")
		require.NoError(t, err)
		files[i] = string(file)
		again := open(t, d)
		again.do(func(out *sim.Effects) { again.log.Rewrite(out, nil, nil) })
		again.finish()
	}
	a, b, end := files[1][36:51], files[1][51:66], files[1][66:]
	for _, c := range []struct{ name, records string }{
		{"in order", a + b + end},
		{"of an earlier file", a + files[0][51:66] + end},
		{"of another place", a + a + end},
	} {
		d := disk.NewModel(0)
		d.Submit(disk.Request{Op: disk.Write, File: "log", Data: []byte(files[1][:36] + c.records)})
		d.Complete()
		l := begin(t, d, func() {})
		if c.name == "in order" {
			require.NoError(t, l.err)
			continue
		}
		require.ErrorIs(t, l.err, kit.ErrDamaged, c.name)
	}
}

func TestDamageInWords(t *testing.T) {
	l := open(t, disk.NewModel(0)).append("a").finish()
	l = open(t, l.disk).append("b").finish().append("c").finish()
	for _, c := range []struct {
		at   int64
		want string
	}{
		{3, "log log: the log has lost durable records: its header is not valid"},
		{40, "log log: the log has lost durable records: no valid record at byte 36, and all up to 49 were durable"},
		{50, "log log: the log has lost durable records: no valid record at byte 49, and there is one at 62, of a later batch"},
	} {
		d := l.disk.Clone()
		d.Submit(disk.Request{Op: disk.Write, File: "log", Offset: c.at, Data: []byte{99}})
		d.Complete()
		require.EqualError(t, begin(t, d, func() {}).err, c.want)
	}
}

// explorer visits every state that the disk of a log can be in within a few short lives:
// after each request it takes a process crash and a power loss, each with every state that
// it may leave, and it fails each sync.
type explorer struct {
	*testing.T
	lives   []string // what each life does: a appends a record, A one that the next is not to wait for, w rewrites all as one
	seen    map[uint64]bool
	visited int
}

// truth is what the lives so far have learnt.
type truth struct {
	durable string // the records that are durable, each a letter
	written string // all that may be found: durable is the beginning of it
	boots   uint64 // of the last life that was ready
}

func (x *explorer) explore(d *disk.Model, b truth, number int) {
	if x.alreadySeen("life", d, b, number) {
		return
	}
	x.visited++
	crash := func() { x.crashes(d, b, number) }
	l := begin(x, d, crash)
	require.NoError(x, l.err)
	step := func() {
		for d.InFlight() > 0 {
			if d.NextIsSync() {
				failed := d.Clone()
				_, err := failed.FailSync()
				require.ErrorIs(x, err, disk.ErrIO)
				x.crashes(failed, b, number)
			}
			flight := d.InFlight()
			token, err := d.Complete()
			require.NoError(x, err)
			crash() // before the log hears of it
			l.tell(token, err, flight)
			require.NoError(x, l.err)
			crash()
		}
	}
	step()
	require.True(x, l.ready)
	require.Greater(x, l.log.Boots(), b.boots)
	found := strings.Join(l.found, "")
	require.True(x, strings.HasPrefix(found, b.durable), "found %q: %q was durable", found, b.durable)
	require.True(x, strings.HasPrefix(b.written, found), "found %q: %q was written", found, b.written)
	b = truth{found, found, l.log.Boots()}
	for i, what := range x.lives[number] {
		l.do(func(out *sim.Effects) {
			if what == 'w' {
				l.log.Rewrite(out, [][]byte{[]byte(b.written)}, func(sim.Duration, *sim.Effects) { b.durable = b.written })
				return
			}
			b.written += string(rune('a' + 5*number + i))
			now := b.written
			l.log.Append(out, []byte(now[len(now)-1:]), func(sim.Duration, *sim.Effects) { b.durable = now })
		})
		if what != 'A' {
			step()
			require.Equal(x, b.written, b.durable)
		}
	}
	step()
}

func (x *explorer) alreadySeen(what string, d *disk.Model, b truth, number int) bool {
	h := keyed.Mix(d.Digest(), keyed.String(fmt.Sprint(what, b, number)))
	if x.seen[h] {
		return true
	}
	x.seen[h] = true
	return false
}

func (x *explorer) crashes(d *disk.Model, b truth, number int) {
	if number+1 == len(x.lives) || x.alreadySeen("crash", d, b, number) {
		return
	}
	for _, states := range []func(int) func(func(*disk.Model, error) bool){
		func(n int) func(func(*disk.Model, error) bool) { return d.ProcessCrashes(n) },
		func(n int) func(func(*disk.Model, error) bool) { return d.PowerLosses(n) },
	} {
		for state, err := range states(1 << 12) {
			require.NoError(x, err)
			x.explore(state, b, number+1)
		}
	}
}

// From every state that crashes and failed syncs may leave on the disk, the log opens,
// has all records that were durable and none that was not written, in their order, and
// a boot number that was never used.
func TestNothingDurableIsLostInAnyDiskState(t *testing.T) {
	for _, c := range []struct {
		sector  int
		scatter bool
		lives   []string
	}{
		{8, false, []string{"aa", "a", "a", ""}},
		{8, false, []string{"Aa", "w", ""}},
		{16, true, []string{"Aa", "a", ""}},
		{16, true, []string{"AAa", "", ""}},
		{8, true, []string{"AAa", ""}}, // the second record of a batch may be there without the first
		{512, true, []string{"AAa", "awa", "A", ""}},
		{512, false, []string{"AwA", "Aw", "a", ""}},
	} {
		t.Run(fmt.Sprintf("sectors of %d bytes, scattered %v, %q", c.sector, c.scatter, c.lives), func(t *testing.T) {
			x := &explorer{T: t, lives: c.lives, seen: map[uint64]bool{}}
			d := disk.NewModel(c.sector)
			if c.scatter {
				d.ScatterSectors()
			}
			x.explore(d, truth{}, 0)
			t.Logf("%d lives", x.visited)
			require.Greater(t, x.visited, 50)
		})
	}
}

// keeper is a process that appends each invocation to its log, and observes what is
// durable.
type keeper struct {
	log   *kit.Log
	count int
}

// kept is the fact that so many records are durable; found, that a life began with them.
type (
	kept  struct{ Count int }
	found struct {
		Records []string
		Boots   uint64
	}
	failed struct{ Err error }
)

func (k *keeper) Step(now sim.Duration, ev *sim.Event, out *sim.Effects) {
	var err error
	switch ev.Kind {
	case sim.Boot:
		k.log, err = kit.OpenLog("log", ev.Disk, out, func(_ sim.Duration, out *sim.Effects, records [][]byte) {
			k.count = len(records)
			f := found{Boots: k.log.Boots()}
			for _, r := range records {
				f.Records = append(f.Records, string(r))
			}
			out.Observe(kit.Fact(f))
		})
	case sim.Invoke:
		if k.log.Ready() {
			k.count++
			n := k.count
			k.log.Append(out, fmt.Append(nil, "record ", n), func(_ sim.Duration, out *sim.Effects) { out.Observe(kit.Fact(kept{n})) })
		}
	default:
		_, err = k.log.Step(now, ev, out)
	}
	if err != nil {
		out.Observe(kit.Fact(failed{err}))
	}
}

// In a world with slow, failing and damaged disks, and crashes of both kinds, a log is
// found with all that was durable, or tells of the damage.
func TestALogUnderFaults(t *testing.T) {
	damage, failures, refusals, lives := 0, 0, 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		durable, boots, damaged, ended := 0, uint64(0), false, false
		observe := func(_ sim.Duration, _ sim.ID, f any) error {
			switch f := f.(type) {
			case kept:
				durable = max(durable, f.Count)
			case found:
				lives++
				if len(f.Records) < durable {
					return fmt.Errorf("found %d records, of %d that were durable", len(f.Records), durable)
				}
				for i, r := range f.Records {
					if r != fmt.Sprint("record ", i+1) {
						return fmt.Errorf("%q in the place of record %d", r, i+1)
					}
				}
				if f.Boots <= boots {
					return fmt.Errorf("boot %d after boot %d", f.Boots, boots)
				}
				boots = f.Boots
			case failed:
				ended = true
				failures++
				if errors.Is(f.Err, kit.ErrDamaged) {
					refusals++
					if !damaged {
						return f.Err
					}
				}
			}
			return nil
		}
		var violation error
		profile := disk.Profile{Write: netmodel.Delay{Min: ms}, Sync: netmodel.Delay{Min: 2 * ms}, Keep: 500_000, Tear: 500_000, Scatter: 300_000, Sector: 16}
		w, err := sim.New(sim.Config{
			Seed:      rapid.Uint64().Draw(rt, "seed"),
			Checks:    sim.CheckMessages,
			Processes: []sim.Spec{{ID: 1, Disk: profile}},
			New:       func(sim.ID, int) sim.Process { return &keeper{} },
			Observe:   kit.Observer(observe).First(&violation),
		})
		require.NoError(rt, err)
		w.Start(1)
		for i := range 300 {
			w.Invoke(sim.Duration(i)*3*ms, 1, kit.Message(token(i)))
		}
		for range rapid.IntRange(1, 12).Draw(rt, "faults") {
			at := sim.Duration(rapid.IntRange(0, 900).Draw(rt, "ms")) * ms
			switch fault := rapid.IntRange(0, 3).Draw(rt, "fault"); fault {
			case 0:
				w.Schedule(at, "power loss", func() { w.LosePower(1) })
			case 1:
				w.Schedule(at, "crash", func() {
					if w.Up(1) {
						w.CrashProcess(1)
					}
				})
			default:
				f := rapid.SampledFrom(disk.Faults()).Draw(rt, "disk fault")
				w.Schedule(at, "disk fault "+f.String(), func() {
					w.InjectDiskFault(1, f, at+10*ms)
					if w.DiskDamaged(1) && !damaged {
						damaged = true
						damage++
					}
				})
			}
		}
		for at := 50 * ms; at < sec; at += 50 * ms {
			w.Schedule(at, "start", func() {
				if ended && w.Up(1) {
					w.CrashProcess(1)
				}
				if !w.Up(1) {
					ended = false
					w.Start(1)
				}
			})
		}
		w.Run(2 * sec)
		require.NoError(rt, violation)
	})
	t.Logf("%d lives, %d damaged disks, %d failures, %d of them for damage", lives, damage, failures, refusals)
	require.Greater(t, failures, refusals)
	require.Positive(t, refusals)
}

func ExampleIncarnation() {
	var i *kit.Incarnation
	step := processFunc(func(now sim.Duration, ev *sim.Event, out *sim.Effects) {
		var err error
		if ev.Kind == sim.Boot {
			i, err = kit.OpenIncarnation("boots", ev.Disk, out, func(now sim.Duration, _ *sim.Effects, number uint64) {
				fmt.Println(now, "incarnation", number)
			})
		} else {
			_, err = i.Step(now, ev, out)
		}
		if err != nil {
			fmt.Println("stops:", err)
		}
	})
	run(step, func(w *sim.World) {
		w.Schedule(10*ms, "power loss", func() { w.LosePower(1) })
		w.Schedule(20*ms, "start", func() { w.Start(1) })
	})
	// Output:
	// 0s incarnation 1
	// 20ms incarnation 2
}

func TestIncarnationsAreNeverUsedAgain(t *testing.T) {
	d := disk.NewModel(0)
	for want := uint64(1); want < 4; want++ {
		var out sim.Effects
		var got uint64
		i, err := kit.OpenIncarnation("boots", d, &out, func(_ sim.Duration, _ *sim.Effects, n uint64) { got = n })
		require.NoError(t, err)
		for len(out.DiskRequests()) > 0 {
			require.Zero(t, got, "before it is durable")
			var token uint64
			for _, r := range out.DiskRequests() {
				d.Submit(r)
				token = r.Token
				_, err := d.Complete()
				require.NoError(t, err)
			}
			out = sim.Effects{}
			mine, err := i.Step(0, &sim.Event{Kind: sim.DiskDone, Token: token}, &out)
			require.True(t, mine)
			require.NoError(t, err)
		}
		require.Equal(t, want, got)
	}
}
