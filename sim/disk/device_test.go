package disk

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const (
	ms  = netmodel.Millisecond
	sec = netmodel.Second
)

// write and the following functions are short forms of disk requests.
func write(file string, offset int64, data string) Request {
	return Request{Op: Write, File: file, Offset: offset, Data: []byte(data)}
}

func truncate(file string, size int64) Request {
	return Request{Op: Truncate, File: file, Offset: size}
}

func sync(file string) Request { return Request{Op: Sync, File: file} }

var syncDir = Request{Op: SyncDir}

// ask submits requests to d, and finish completes all that are in flight.
func ask(d *Device, requests ...Request) {
	for i := range requests {
		d.Submit(0, &requests[i])
	}
}

func finish(d *Device) {
	for len(d.inFlight) > 0 {
		d.complete()
	}
}

func holds(t require.TestingT, d *Device, file, want string) {
	got, err := d.Read(file)
	require.NoError(t, err)
	require.Equal(t, want, string(got))
}

func lacks(t require.TestingT, d *Device, file string) {
	_, err := d.Read(file)
	require.ErrorIs(t, err, ErrNoFile)
}

// emptyDisk returns a disk on which the empty file f exists durably.
func emptyDisk(p Profile) *Device {
	d := &Device{profile: p}
	ask(d, write("f", 0, ""), syncDir)
	finish(d)
	return d
}

func TestSyncedOutlivesAndUnsyncedIsLost(t *testing.T) {
	d := emptyDisk(Profile{})
	ask(d, write("f", 0, "kept"), sync("f"), write("f", 4, "lost"))
	finish(d)
	holds(t, d, "f", "keptlost")
	d.LosePower()
	holds(t, d, "f", "kept")
}

func TestASyncUnderWayPromisesNothing(t *testing.T) {
	d := emptyDisk(Profile{})
	ask(d, write("f", 0, "lost"), sync("f"))
	d.complete()
	d.LosePower()
	holds(t, d, "f", "")
}

func TestWhatWasUnderWayAtACrashNeverEnds(t *testing.T) {
	d := emptyDisk(Profile{})
	ask(d, Request{Op: SyncDir, Token: 1})
	d.LosePower()
	ask(d, Request{Op: SyncDir, Token: 2})
	require.Equal(t, uint64(2), d.complete().token)
	require.Empty(t, d.inFlight)
}

func TestASyncCoversWhatWasAskedBeforeIt(t *testing.T) {
	d := emptyDisk(Profile{})
	ask(d, write("f", 0, "one"), sync("f"), write("f", 3, "two"), sync("f"), write("f", 6, "three"))
	d.complete()
	d.complete()
	d.complete()
	d.LosePower()
	holds(t, d, "f", "one")
}

func TestASyncIsOfOneFile(t *testing.T) {
	d := emptyDisk(Profile{})
	ask(d, write("g", 0, "lost"), syncDir, write("f", 0, "kept"), sync("f"))
	finish(d)
	d.LosePower()
	holds(t, d, "f", "kept")
	holds(t, d, "g", "")
}

func TestAFileWithoutADirectoryEntryVanishes(t *testing.T) {
	var d Device
	ask(&d, write("f", 0, "synced"), sync("f"))
	finish(&d)
	d.LosePower()
	lacks(t, &d, "f")
}

func TestASyncDirCoversFilesThatWereThere(t *testing.T) {
	var d Device
	ask(&d, write("f", 0, ""), syncDir, write("g", 0, "x"), sync("g"))
	finish(&d)
	d.LosePower()
	names, err := d.List()
	require.NoError(t, err)
	require.Equal(t, []string{"f"}, names)
}

func TestAFileThatVanishedIsMadeAnew(t *testing.T) {
	var d Device
	ask(&d, write("f", 0, "old"), syncDir)
	d.LosePower()
	ask(&d, write("f", 1, "new"))
	holds(t, &d, "f", "\x00new")
	d.LosePower()
	lacks(t, &d, "f")
}

func TestTruncateCutsAndGrows(t *testing.T) {
	d := emptyDisk(Profile{})
	ask(d, write("f", 0, "abcdef"), truncate("f", 2), truncate("f", 4), write("f", 5, "z"), sync("f"))
	finish(d)
	d.LosePower()
	holds(t, d, "f", "ab\x00\x00\x00z")
}

func TestAnEmptyWriteChangesNoBytes(t *testing.T) {
	d := emptyDisk(Profile{Keep: netmodel.Always})
	ask(d, write("f", 100, ""))
	finish(d)
	d.LosePower()
	holds(t, d, "f", "")
}

func TestNoFileIsAnErrorOfTheRequest(t *testing.T) {
	var d Device
	ask(&d, sync("f"), truncate("f", 0))
	require.ErrorIs(t, d.complete().err, ErrNoFile)
	require.ErrorIs(t, d.complete().err, ErrNoFile)
	lacks(t, &d, "f")
}

func TestReadsAreCopies(t *testing.T) {
	d := emptyDisk(Profile{})
	ask(d, write("f", 0, "mine"), sync("f"))
	finish(d)
	got, err := d.Read("f")
	require.NoError(t, err)
	got[0] = 'x'
	holds(t, d, "f", "mine")
}

// A buffer may be used again once its write is done, though no sync covers it
// yet; before that it may not.
func TestDataIsTheDisksUntilTheWriteIsDone(t *testing.T) {
	d := emptyDisk(Profile{})
	r := write("f", 0, "mine")
	ask(d, r)
	d.complete()
	r.Data[0] = 'x'
	ask(d, sync("f"))
	d.complete()
	d.LosePower()
	holds(t, d, "f", "mine")

	ask(d, r)
	r.Data[0] = 'y'
	require.PanicsWithValue(t, "disk: the data of a write to f changed before the write was done", func() { d.complete() })
}

func TestRequestsTakeTheirTimeInOrder(t *testing.T) {
	d := Device{key: keyed.Seed(1), profile: Profile{
		Write: netmodel.Delay{Kind: netmodel.Uniform, Min: ms, Max: 2 * ms},
		Sync:  netmodel.Delay{Kind: netmodel.Uniform, Min: 5 * ms, Max: 9 * ms},
	}}
	last, seen := netmodel.Duration(0), map[netmodel.Duration]bool{}
	for range 20 {
		for _, r := range []Request{write("f", 0, "x"), sync("f"), syncDir} {
			done := d.Submit(10*ms, &r)
			least, most := 5*ms, 9*ms
			if r.Op == Write {
				least, most = ms, 2*ms
			}
			require.GreaterOrEqual(t, done-max(last, 10*ms), least)
			require.LessOrEqual(t, done-max(last, 10*ms), most)
			seen[done-last] = true
			last = done
		}
	}
	require.Len(t, seen, 60, "every request has a latency of its own")

	d.LosePower()
	r := write("f", 0, "x")
	require.LessOrEqual(t, d.Submit(20*ms, &r), 22*ms, "what was under way is over")
}

// Few places and sizes, around the edges of sectors.
func anyChange() *rapid.Generator[Request] {
	return rapid.Custom(func(t *rapid.T) Request {
		file := rapid.SampledFrom([]string{"f", "g"}).Draw(t, "file")
		offset := rapid.SampledFrom([]int64{0, 1, 511, 512, 513, 1000, 1024}).Draw(t, "offset")
		if rapid.IntRange(0, 3).Draw(t, "kind") == 0 {
			return truncate(file, offset)
		}
		size := rapid.SampledFrom([]int{0, 1, 24, 512, 1100}).Draw(t, "size")
		fill := rapid.ByteRange('a', 'z').Draw(t, "fill")
		return write(file, offset, string(bytes.Repeat([]byte{fill}, size)))
	})
}

func anyProfile() *rapid.Generator[Profile] {
	chance := rapid.SampledFrom([]netmodel.PPM{0, 300_000, 700_000, netmodel.Always})
	return rapid.Custom(func(t *rapid.T) Profile {
		return Profile{Keep: chance.Draw(t, "keep"), Tear: chance.Draw(t, "tear")}
	})
}

// modelDisk is a disk by the documentation of Profile: each file is its
// durable content and the list of requests since. A sync finds the requests that
// it covers by looking back.
type modelDisk struct {
	files  map[string]*modelFile
	flight []func() // make the changes of each request durable at its completion
}

type modelFile struct {
	linked  bool
	durable string
	changes []*modelChange
}

type modelChange struct {
	Request
	synced bool
}

func (w *modelDisk) ask(r Request) {
	f := w.files[r.File]
	if f == nil && r.Op == Write {
		f = &modelFile{}
		w.files[r.File] = f
	}
	done := func() {}
	switch {
	case r.Op == SyncDir:
		var there []*modelFile
		for _, f := range w.files {
			there = append(there, f)
		}
		done = func() {
			for _, f := range there {
				f.linked = true
			}
		}
	case f == nil:
	case r.Op == Sync:
		before := slices.Clone(f.changes)
		done = func() {
			for _, c := range before {
				c.synced = true
			}
		}
	default:
		f.changes = append(f.changes, &modelChange{r, false})
	}
	w.flight = append(w.flight, done)
}

func (w *modelDisk) complete() {
	w.flight[0]()
	w.flight = w.flight[1:]
}

// after returns data after the first n bytes of a request.
func after(data string, r Request, n int) string {
	grown := func(size int64) string {
		return data + string(make([]byte, max(0, int(size)-len(data))))
	}
	if r.Op == Truncate {
		return grown(r.Offset)[:r.Offset]
	}
	if n == 0 {
		return data
	}
	end := int(r.Offset) + n
	wide := grown(int64(end))
	return wide[:r.Offset] + string(r.Data[:n]) + wide[end:]
}

// images returns all contents that a power loss may leave of f.
func (f *modelFile) images(p Profile) map[string]bool {
	images := map[string]bool{f.durable: true}
	for _, c := range f.changes {
		next := map[string]bool{}
		for data := range images {
			if !c.synced && p.Keep < netmodel.Always {
				next[data] = true
			}
			if c.synced || p.Keep > 0 && (p.Tear < netmodel.Always || c.Op == Truncate) {
				next[after(data, c.Request, len(c.Data))] = true
			}
			for n := range c.Data {
				if !c.synced && p.Keep > 0 && p.Tear > 0 && (n == 0 || (int(c.Offset)+n)%sectorSize == 0) {
					next[after(data, c.Request, n)] = true
				}
			}
			if !c.synced && c.Op == Write && len(c.Data) == 0 {
				next[data] = true
			}
		}
		images = next
	}
	return images
}

// For all requests and all orders of completion, a power loss leaves a state that
// Profile allows and no other, and the next power loss the same.
func TestACrashLeavesWhatTheDiskPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := &Device{key: keyed.Seed(rapid.Uint64().Draw(t, "seed")), profile: anyProfile().Draw(t, "profile")}
		w := &modelDisk{files: map[string]*modelFile{}}
		both := func(r Request) {
			d.Submit(0, &r)
			w.ask(r)
		}
		t.Repeat(map[string]func(*rapid.T){
			"change":  func(t *rapid.T) { both(anyChange().Draw(t, "change")) },
			"sync":    func(t *rapid.T) { both(sync(rapid.SampledFrom([]string{"f", "g"}).Draw(t, "file"))) },
			"syncdir": func(t *rapid.T) { both(syncDir) },
			"complete": func(t *rapid.T) {
				if len(w.flight) == 0 {
					t.Skip("nothing under way")
				}
				for range rapid.IntRange(1, len(w.flight)).Draw(t, "requests") {
					d.complete()
					w.complete()
				}
			},
			"crash": func(t *rapid.T) {
				d.LosePower()
				w.crash(t, d)
			},
			"": func(t *rapid.T) {
				for name, f := range w.files {
					want := f.durable
					for _, c := range f.changes {
						want = after(want, c.Request, len(c.Data))
					}
					holds(t, d, name, want)
				}
			},
		})
	})
}

// crash checks the state that a power loss left of d, and adopts it.
func (w *modelDisk) crash(t *rapid.T, d *Device) {
	w.flight = nil
	for name, f := range w.files {
		got, err := d.Read(name)
		if err != nil {
			require.False(t, f.linked || d.profile.Keep == netmodel.Always, "%s is gone", name)
			delete(w.files, name)
			continue
		}
		require.True(t, f.linked || d.profile.Keep > 0, "%s should be gone", name)
		require.True(t, f.images(d.profile)[string(got)], "%s: %d bytes that no crash leaves", name, len(got))
		w.files[name] = &modelFile{linked: true, durable: string(got)}
	}
	names, _ := d.List()
	require.Len(t, names, len(w.files))
}

// Over many power losses a write is lost, kept and torn about as often as the
// profile demands.
func TestKeepAndTearAreRates(t *testing.T) {
	d := emptyDisk(Profile{Keep: 500_000, Tear: 500_000})
	d.key = keyed.Seed(1)
	counts := map[string]int{}
	for i := range 4000 {
		ask(d, truncate("f", 0), sync("f"), write("f", 0, string(make([]byte, 2*sectorSize))))
		d.complete()
		d.complete()
		if i%2 == 0 {
			d.complete() // done or in flight: the same for a power loss
		}
		d.LosePower()
		got, _ := d.Read("f")
		counts[fmt.Sprint(len(got))]++
	}
	require.Len(t, counts, 3)
	require.InDelta(t, 2000+500, counts["0"], 150, "lost, or torn in front of the first sector")
	require.InDelta(t, 500, counts["512"], 100)
	require.InDelta(t, 1000, counts["1024"], 130)
}

func TestRequestsThatMakeNoSense(t *testing.T) {
	for _, c := range []struct {
		r    Request
		want string
	}{
		{Request{}, "disk operation 0 is unknown"},
		{Request{Op: 9}, "disk operation 9 is unknown"},
		{write("", 0, "x"), "write  0+1: the file has no name"},
		{write("f", -1, "x"), "write f -1+1: not within 0 to"},
		{write("f", maxFile, "x"), "write f 1073741824+1: not within"},
		{truncate("f", maxFile+1), "truncate f 1073741825: not within"},
	} {
		require.ErrorContains(t, c.r.Validate(), c.want)
	}
	require.NoError(t, (&Request{Op: SyncDir}).Validate())
}

func TestProfileValidateNamesTheField(t *testing.T) {
	require.NoError(t, Profile{Keep: netmodel.Always, Tear: netmodel.Always}.Validate())
	wrong := netmodel.Delay{Min: -1}
	require.ErrorContains(t, Profile{Write: wrong}.Validate(), "write: min: ")
	require.ErrorContains(t, Profile{Sync: wrong}.Validate(), "sync: min: ")
	require.ErrorContains(t, Profile{Keep: 1_000_001}.Validate(), "keep_ppm: 1000001")
	require.ErrorContains(t, Profile{Tear: 1_000_001}.Validate(), "tear_ppm: 1000001")
}

// A disk that runs for long keeps one image of a file, and the last changes.
func TestMemoryDoesNotGrowWithRequests(t *testing.T) {
	d := emptyDisk(Profile{Sync: netmodel.Delay{Kind: netmodel.Uniform, Max: ms}})
	size := func() string {
		f := d.dir.visible[0].file
		return fmt.Sprint(len(d.inFlight), cap(d.inFlight), len(d.requestCounts), len(f.image))
	}
	writeBatches := func(n int) {
		for range n {
			ask(d, write("f", 0, "x"), sync("f"))
			finish(d)
			require.LessOrEqual(t, len(d.dir.visible[0].file.changes), foldAt+2)
		}
	}
	writeBatches(foldAt + 1) // some changes were folded into the image
	before := size()
	writeBatches(4 * foldAt)
	require.Equal(t, before, size())
}
