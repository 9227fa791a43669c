package bubble_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/bubble"
	"github.com/lockstep-dst/lockstep/sim/golden"
)

// A whole run as a trace: a question and its answer over a stream of which the first
// piece is lost.
func TestATraceOfAStream(t *testing.T) {
	var trace strings.Builder
	c := hosts{1: accept(echo), 101: dialled(func(c net.Conn) error {
		if _, err := io.WriteString(c, "hello"); err != nil {
			return err
		}
		_, err := io.ReadFull(c, make([]byte, 5))
		if err != nil {
			return err
		}
		time.Sleep(time.Second)
		if err := c.Close(); err != nil {
			return err
		}
		time.Sleep(time.Second)
		return nil
	})}.config(func(w *sim.World) {
		lost := sim.Address{Link: netmodel.Link{From: 101, To: 1}, Name: "data 101.1.1 0", Occurrence: 1}
		w.Network().Override(lost.Link, lost.FateKey(), lost.Occurrence, netmodel.Override{Fate: netmodel.Drop})
	})
	c.World.Trace = func(l sim.TraceLine) { fmt.Fprintln(&trace, l) }
	o := bubble.Run(t, c)
	require.NoError(t, o.Err)
	golden.Equal(t, "testdata/stream.txt", trace.String())
}

// The clock of the code is the clock of the world: sleeps, tickers and timeouts are
// events at their instants.
func TestTheClockIsOne(t *testing.T) {
	var facts []string
	c := hosts{101: func(ctx context.Context, h *bubble.Host) error {
		began := time.Now()
		ticker := time.NewTicker(3 * time.Second)
		for range 2 {
			<-ticker.C
			h.Observe(bubble.Note("tick " + time.Since(began).String()))
		}
		ticker.Stop()
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		<-ctx.Done()
		h.Observe(bubble.Note("timeout " + time.Since(began).String()))
		file, err := h.FS().Create("a")
		if err != nil {
			return err
		}
		err = file.Sync()
		h.Observe(bubble.Note("synced " + time.Since(began).String()))
		return err
	}}.config(nil)
	c.World.Observe = func(at sim.Duration, _ sim.ID, f sim.Observation) {
		facts = append(facts, fmt.Sprintf("%v %v", at, f))
	}
	require.NoError(t, bubble.Run(t, c).Err)
	require.Equal(t, []string{"3s tick 3s", "6s tick 6s", "1m6s timeout 1m6s", "1m6.011s synced 1m6.011s"}, facts)
}

// An event of the world and a timer of the code at one instant come in one order.
func TestOneInstantHasOneOrder(t *testing.T) {
	for range 50 {
		var facts []string
		c := hosts{101: func(ctx context.Context, h *bubble.Host) error {
			go func() {
				time.Sleep(time.Second)
				h.Observe(bubble.Note("timer"))
			}()
			if _, err := h.Invocation(ctx); err != nil {
				return err
			}
			h.Observe(bubble.Note("invoked"))
			time.Sleep(time.Second)
			return nil
		}}.config(func(w *sim.World) { w.Invoke(sec, 101, signal{}) })
		c.World.Observe = func(_ sim.Duration, _ sim.ID, f sim.Observation) { facts = append(facts, f.String()) }
		require.NoError(t, bubble.Run(t, c).Err)
		require.Equal(t, []string{"timer", "invoked"}, facts)
	}
}

// The goroutines of a life that has ended have no effect, and its calls fail.
func TestACrashCutsOff(t *testing.T) {
	var facts []string
	var lost error
	c := hosts{1: accept(echo), 101: func(ctx context.Context, h *bubble.Host) error {
		if h.Life() == 2 {
			time.Sleep(time.Minute)
			return nil
		}
		conn, err := h.DialContext(ctx, "tcp", "node1:7")
		if err != nil {
			return err
		}
		for {
			time.Sleep(time.Second)
			h.Observe(bubble.Note("alive"))
			if _, err := conn.Write([]byte("x")); err != nil {
				lost = err
				_, dialErr := h.DialContext(context.Background(), "tcp", "node1:7")
				_, openErr := h.FS().Create("a")
				_, listenErr := h.Listen("tcp", ":1")
				lost = errors.Join(err, dialErr, openErr, listenErr)
				return err
			}
		}
	}}.config(func(w *sim.World) {
		w.Schedule(2500*ms, "crash", func() { w.LosePower(101); w.Start(101) })
	})
	c.World.Observe = func(_ sim.Duration, id sim.ID, f sim.Observation) {
		if id == 101 {
			facts = append(facts, f.String())
		}
	}
	require.NoError(t, bubble.Run(t, c).Err)
	require.Equal(t, []string{"alive", "alive"}, facts)
	require.Equal(t, 4, strings.Count(lost.Error(), bubble.ErrCrashed.Error()), "%v", lost)
}

// A crash at the instant of a call, before the world has seen the call, ends it too.
func TestACrashAtTheInstantOfACall(t *testing.T) {
	calls := map[string]func(h *bubble.Host) error{
		"dial": func(h *bubble.Host) error {
			_, err := h.DialContext(context.Background(), "tcp", "node1:7")
			return err
		},
		"read":   func(h *bubble.Host) error { _, err := h.FS().ReadFile("a"); return err },
		"sync":   func(h *bubble.Host) error { return h.FS().SyncDir(".") },
		"invoke": func(h *bubble.Host) error { _, err := h.Invocation(context.Background()); return err },
	}
	ends := map[string]error{}
	var mu sync.Mutex
	hosts{1: accept(echo), 101: func(ctx context.Context, h *bubble.Host) error {
		if h.Life() == 2 {
			return nil
		}
		for name, call := range calls {
			go func() {
				time.Sleep(time.Second)
				err := call(h)
				mu.Lock()
				defer mu.Unlock()
				ends[name] = err
			}()
		}
		<-ctx.Done()
		return nil
	}}.run(t, func(w *sim.World) {
		w.Schedule(sec, "crash", func() { w.LosePower(101); w.Start(101) })
	})
	require.Len(t, ends, len(calls))
	for name, err := range ends {
		require.ErrorIs(t, err, bubble.ErrCrashed, name)
	}
}

// The ways in which a run fails by its code, and how the error tells.
func TestErrorsOfRuns(t *testing.T) {
	broken := errors.New("broken")
	cases := []struct {
		name string
		main bubble.Main
		want error
		text string
	}{
		{"the code fails", func(context.Context, *bubble.Host) error { return broken }, broken, "client1, life 1, at 0s: broken"},
		{"never ready", idle, bubble.ErrUnfinished, "client1, by 1m"},
		{"a goroutine that nothing ends", func(context.Context, *bubble.Host) error {
			go leaked(make(chan int))
			return nil
		}, bubble.ErrMisuse, "bubble_test.leaked"},
		{"a goroutine that sleeps too long", func(context.Context, *bubble.Host) error {
			go time.Sleep(100 * time.Hour)
			return nil
		}, bubble.ErrMisuse, "time.Sleep"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			config := hosts{101: c.main}.config(nil)
			config.Until = netmodel.Minute
			o := bubble.Run(t, config)
			require.ErrorIs(t, o.Err, c.want)
			require.ErrorContains(t, o.Err, c.text)
		})
	}
}

func leaked(c chan int) { <-c }

// A goroutine that goes on for a while after the crash of its host is waited for.
func TestGoroutinesHaveTimeToEnd(t *testing.T) {
	hosts{101: func(context.Context, *bubble.Host) error {
		go time.Sleep(10 * time.Second)
		return nil
	}}.run(t, nil)
}

// Goroutines that survive a crash for longer than Config.Grace are told while the run
// goes on.
func TestALeakAtACrashIsTold(t *testing.T) {
	var release []chan int
	c := hosts{101: func(ctx context.Context, h *bubble.Host) error {
		if h.Life() == 1 {
			release = append(release, make(chan int))
			go leaked(release[0])
			<-ctx.Done()
			return nil
		}
		for range 5 {
			time.Sleep(time.Minute)
			h.Observe(bubble.Note("alive"))
		}
		close(release[0])
		return nil
	}}.config(func(w *sim.World) { w.Schedule(sec, "crash", func() { w.CrashProcess(101); w.Start(101) }) })
	o := bubble.Run(t, c)
	require.ErrorIs(t, o.Err, bubble.ErrMisuse)
	require.ErrorContains(t, o.Err, "client1, life 1, was cut off at 1s")
	require.Equal(t, 5*netmodel.Minute+sec, o.End, "the run went on")
}

// A run that depends on anything but its seed is found, with the first line that
// differs.
func TestRunsThatDifferAreTold(t *testing.T) {
	_, err := bubble.Twice(t, hosts{101: func(_ context.Context, h *bubble.Host) error {
		h.Observe(bubble.Note("equal"))
		time.Sleep(time.Second)
		h.Observe(bubble.Note(fmt.Sprint("random ", rand.Uint64())))
		return nil
	}}.twice)
	require.ErrorIs(t, err, bubble.ErrDiffers)
	require.ErrorContains(t, err, "after 3 equal lines")
	require.ErrorContains(t, err, "1s           101       observation: random ")
}

// Bytes of a file are in no trace, and in the hash.
func TestFilesThatDifferAreTold(t *testing.T) {
	_, err := bubble.Twice(t, hosts{101: func(_ context.Context, h *bubble.Host) error {
		return h.FS().WriteFile("a", fmt.Appendf(nil, "%020d", rand.Uint64()), 0o600)
	}}.twice)
	require.ErrorIs(t, err, bubble.ErrDiffers)
	require.ErrorContains(t, err, "the bytes of a write to a file")
}

// The random numbers of a host are those of its seed and its life.
func TestRandFollowsTheSeed(t *testing.T) {
	h := hosts{101: func(_ context.Context, h *bubble.Host) error {
		h.Observe(bubble.Note(fmt.Sprint(h.Rand().Uint64())))
		return nil
	}}
	o, err := bubble.Twice(t, h.twice)
	require.NoError(t, errors.Join(err, o.Err))
	c := h.config(nil)
	c.World.Seed++
	require.NotEqual(t, o.Hash, bubble.Run(t, c).Hash)
}

// A paused host sends nothing until it resumes.
func TestAPausedHostIsSilent(t *testing.T) {
	sent := uint64(0)
	hosts{1: accept(echo), 101: dialled(func(c net.Conn) error {
		time.Sleep(time.Second)
		if _, err := io.WriteString(c, "x"); err != nil {
			return err
		}
		_, err := io.ReadFull(c, make([]byte, 1))
		return err
	})}.run(t, func(w *sim.World) {
		w.Schedule(500*ms, "pause", func() { w.Pause(101) })
		w.Schedule(5*sec, "resume", func() {
			sent = w.Stats().Sent
			w.Resume(101)
		})
	})
	require.EqualValues(t, 3, sent, "syn, accept, ack")
}

// Of two nodes one learns at once that the process of the other has crashed. The one
// with the lower id learns it when the host of the other is back, or does not answer.
func TestCrashesBetweenNodes(t *testing.T) {
	for _, c := range []struct {
		server, dialler sim.ID
		by              time.Duration
	}{{1, 2, 1100 * time.Millisecond}, {2, 1, 20 * time.Second}} {
		var err error
		var took time.Duration
		hosts{c.server: accept(echo), c.dialler: func(ctx context.Context, h *bubble.Host) error {
			began := time.Now()
			conn, dialErr := h.DialContext(ctx, "tcp", fmt.Sprintf("%s:7", bubble.Name(c.server)))
			if dialErr != nil {
				return dialErr
			}
			_, err = io.ReadAll(conn)
			took = time.Since(began)
			return nil
		}}.run(t, func(w *sim.World) {
			w.Schedule(sec, "crash", func() { w.CrashProcess(c.server); w.Start(c.server) })
		})
		require.ErrorIs(t, err, syscall.ECONNRESET)
		require.LessOrEqual(t, took, c.by)
	}
}

// Hosts live beside processes that are events and effects only. Their messages reach
// Host.Invocation.
func TestHostsLiveBesideOtherProcesses(t *testing.T) {
	c := hosts{101: func(ctx context.Context, h *bubble.Host) error {
		m, err := h.Invocation(ctx)
		return errors.Join(err, want("message", sim.Message(signal{}), m))
	}}.config(nil)
	c.World.Processes = append(c.World.Processes, sim.Spec{ID: 1})
	c.World.New = func(sim.ID, int) sim.Process { return greeter{} }
	c.Script = func(w *sim.World) { w.Start(101); w.Start(1) }
	require.NoError(t, bubble.Run(t, c).Err)
}

// greeter sends a message to process 101 when it boots.
type greeter struct{}

func (greeter) Step(_ sim.Duration, ev *sim.Event, out *sim.Effects) {
	if ev.Kind == sim.Boot {
		out.Send(101, signal{})
	}
}

func (h hosts) twice() bubble.Config { return h.config(nil) }

// A Config that cannot work is refused, with the name of its field.
func TestConfigsAreValidated(t *testing.T) {
	good := hosts{1: idle}.config(nil)
	require.NoError(t, good.Validate())
	for text, spoil := range map[string]func(*bubble.Config){
		"main":                  func(c *bubble.Config) { c.Main = nil },
		"until":                 func(c *bubble.Config) { c.Until = 0 },
		"grace":                 func(c *bubble.Config) { c.Grace = -1 },
		"patience":              func(c *bubble.Config) { c.Patience = -1 },
		"stream: window":        func(c *bubble.Config) { c.Stream.Window = 1 },
		"stream: segment":       func(c *bubble.Config) { c.Stream.Segment = -1 },
		"stream: resend":        func(c *bubble.Config) { c.Stream.ResendMin = netmodel.Minute },
		"stream: give up":       func(c *bubble.Config) { c.Stream.GiveUp = 1 },
		"stream: keep alive":    func(c *bubble.Config) { c.Stream.KeepAlive = -1 },
		"stream: pending":       func(c *bubble.Config) { c.Stream.MaxPending = -1 },
		"process 1 has no code": func(c *bubble.Config) { c.Main = func(sim.ID) bubble.Main { return nil } },
		"no drift":              func(c *bubble.Config) { c.World.Processes[0].Clock.Drift = 1 },
		"steps of one event":    func(c *bubble.Config) { c.World.Processes[0].Steps.Batch = 2 },
	} {
		bad := hosts{1: idle}.config(nil)
		spoil(&bad)
		require.ErrorContains(t, bad.Validate(), text)
	}
}

// A mutex that is held while its holder waits for the disk stops a run without
// Config.Locks: the program ends, and says what to do.
func TestAMutexThatIsHeldIsTold(t *testing.T) {
	h := hosts{101: func(_ context.Context, h *bubble.Host) error {
		var mu sync.Mutex
		var writers sync.WaitGroup
		for i := range 3 {
			writers.Go(func() {
				mu.Lock()
				defer mu.Unlock()
				_ = h.FS().WriteFile(fmt.Sprint(i), []byte("x"), 0o600)
			})
		}
		writers.Wait()
		return nil
	}}
	if os.Getenv("BUBBLE_TEST_MUTEX") != "" {
		c := h.config(nil)
		c.Patience = 10 * time.Millisecond
		bubble.Run(t, c)
		return
	}
	c := h.config(nil)
	c.Locks = true
	require.NoError(t, bubble.Run(t, c).Err)

	alone := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	alone.Env = append(os.Environ(), "BUBBLE_TEST_MUTEX=1")
	said, err := alone.CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(said), "a goroutine waits for a lock, of which the holder waits for the world: set Config.Locks")
}

// Goroutines that act at one instant are taken in one order, by stream and by file,
// whatever order the runtime runs them in.
func TestGoroutinesOfOneInstantHaveOneOrder(t *testing.T) {
	h := hosts{1: accept(echo), 2: accept(echo), 3: accept(echo), 101: func(ctx context.Context, h *bubble.Host) error {
		var all sync.WaitGroup
		errs := make([]error, 11)
		for i := range 3 {
			all.Go(func() {
				c, err := h.DialContext(ctx, "tcp", fmt.Sprintf("node%d:7", i+1))
				if err == nil {
					defer c.Close()
					if _, err = fmt.Fprintf(c, "to %d", i); err == nil {
						_, err = io.ReadFull(c, make([]byte, 4))
					}
				}
				errs[i] = err
			})
		}
		for i := range 8 {
			all.Go(func() { errs[3+i] = h.FS().WriteFile(fmt.Sprint("file", i), []byte{byte(i)}, 0o600) })
		}
		all.Wait()
		return errors.Join(errs...)
	}}
	for range 20 {
		o, err := bubble.Twice(t, h.twice)
		require.NoError(t, errors.Join(err, o.Err))
	}
}
