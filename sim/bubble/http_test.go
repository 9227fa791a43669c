package bubble_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/bubble"
	"github.com/lockstep-dst/lockstep/sim/disk"
)

// history is all that the clients of one run know.
type history struct {
	mu   sync.Mutex
	lost []string // acknowledged values that a later read did not find
	gets int
}

func (h *history) check() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.gets < 30 {
		return fmt.Errorf("only %d of 60 reads succeeded", h.gets)
	}
	if len(h.lost) > 0 {
		return fmt.Errorf("%w: %s", errLost, strings.Join(h.lost, ", "))
	}
	return nil
}

var errLost = errors.New("an acknowledged write is lost")

// client is the code of a client: it has a key of its own, sets it to 1, 2, ..., and
// reads it after each write. A write that ends with an error may take effect at any
// later time: its bytes may still be under way.
func client(h *history, writes int) bubble.Main {
	return func(ctx context.Context, host *bubble.Host) error {
		web := &http.Client{
			Transport: &http.Transport{DialContext: host.DialContext},
			Timeout:   3 * time.Second,
		}
		defer web.CloseIdleConnections()
		url := "http://node1/" + host.Name()
		acked, unknown := 0, map[int]bool{}
		for n := 1; n <= writes; n++ {
			if put(ctx, web, url, n) == nil {
				acked = n
			} else {
				unknown[n] = true
			}
			time.Sleep(200 * time.Millisecond)
			got, err := get(ctx, web, url)
			if err != nil {
				continue
			}
			h.mu.Lock()
			h.gets++
			if got < acked && !unknown[got] {
				h.lost = append(h.lost, fmt.Sprintf("%s: wrote %d, read %d", host.Name(), acked, got))
			}
			h.mu.Unlock()
		}
		return nil
	}
}

func put(ctx context.Context, web *http.Client, url string, n int) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, url, strings.NewReader(fmt.Sprint(n)))
	if err != nil {
		return err
	}
	_, err = do(web, r)
	return err
}

func get(ctx context.Context, web *http.Client, url string) (n int, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	body, err := do(web, r)
	if err != nil || body == "" {
		return 0, err
	}
	_, err = fmt.Sscan(body, &n)
	return n, err
}

func do(web *http.Client, r *http.Request) (string, error) {
	resp, err := web.Do(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = errors.New(resp.Status)
	}
	return string(body), err
}

// hostile is a world of a store and three clients: segments are lost, copied,
// overtake each other and reset connections, and the node loses power, crashes and is
// cut off.
func hostile(mutex, careless bool, h *history) bubble.Config {
	return bubble.Config{
		World: sim.Config{
			Processes: []sim.Spec{
				{ID: 1, Disk: disk.Profile{Write: netmodel.Delay{Min: ms / 10}, Sync: netmodel.Delay{Min: ms}, Keep: netmodel.Always / 2, Tear: netmodel.Always / 2}},
				{ID: 101}, {ID: 102}, {ID: 103},
			},
			Network: netmodel.Profile{
				Drop: 50_000, Duplicate: 20_000, Reorder: 50_000, Reset: 2_000,
				Delay: netmodel.Delay{Kind: netmodel.Exponential, Min: ms, Mean: 3 * ms, Max: 200 * ms},
			},
			NewsDelay: 5 * ms,
		},
		Main: func(id sim.ID) bubble.Main {
			if id == 1 {
				return serve(func() sync.Locker {
					if mutex {
						return new(sync.Mutex)
					}
					return make(channelLock, 1)
				}, careless)
			}
			return client(h, 20)
		},
		Script: func(w *sim.World) {
			for _, id := range []sim.ID{1, 101, 102, 103} {
				w.Start(id)
			}
			w.Schedule(2*sec, "power loss", func() { w.LosePower(1) })
			w.Schedule(3*sec, "start", func() { w.Start(1) })
			w.Schedule(4*sec, "crash", func() { w.CrashProcess(1); w.Start(1) })
			w.Schedule(5*sec, "cut", func() { w.Network().Cut(netmodel.Link{From: 1, To: 102}) })
			w.Schedule(8*sec, "heal", func() { w.Network().Uncut(netmodel.Link{From: 1, To: 102}) })
			w.Schedule(9*sec, "power loss", func() { w.LosePower(1); w.Start(1) })
		},
		Locks: mutex,
		Until: 5 * netmodel.Minute,
		Check: h.check,
	}
}

// All runs of a seed are equal: 40 seeds, each of which runs twice. The store loses
// nothing that it has acknowledged.
func TestRunsOfAnHTTPServerAreEqual(t *testing.T) {
	seeds := bubble.Seeds{First: 1, Count: 40, TwiceEvery: 1}
	if testing.Short() {
		seeds.Count = 4
	}
	bubble.Test(t, seeds, func(uint64) bubble.Config { return hostile(false, false, &history{}) })
}

// The same with a sync.Mutex that is held while the log is synced.
func TestRunsOfAServerWithAMutexAreEqual(t *testing.T) {
	seeds := bubble.Seeds{First: 1, Count: 3, TwiceEvery: 1}
	if testing.Short() {
		seeds.Count = 1
	}
	bubble.Test(t, seeds, func(uint64) bubble.Config { return hostile(true, false, &history{}) })
}

// A store that answers before its log is synced loses acknowledged writes at a power
// loss.
func TestACarelessStoreIsCaught(t *testing.T) {
	caught := 0
	for seed := range uint64(10) {
		c := hostile(false, true, &history{})
		c.World.Seed = seed
		if o := bubble.Run(t, c); errors.Is(o.Err, errLost) {
			caught++
		}
	}
	require.Greater(t, caught, 5, "of 10")
}
