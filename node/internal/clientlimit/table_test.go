package clientlimit_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lockstep-dst/lockstep/node/internal/clientlimit"
)

// twin is the table as plain lists. The rate of a client is a bucket that fills with
// time, a second at most, from which each request takes its interval.
type twin struct {
	limits  clientlimit.Limits
	room    int
	users   []*user // the ones idle for longest first, as far as they are idle
	refused uint64
}

type user struct {
	name     string
	bucket   time.Duration
	filledAt time.Duration
	requests []int // bytes of each
	watches  int
}

func (u *user) busy() bool { return len(u.requests)+u.watches > 0 }

func (u *user) bytes() (sum int) {
	for _, n := range u.requests {
		sum += n
	}
	return sum
}

func (w *twin) at(name string) int {
	return slices.IndexFunc(w.users, func(u *user) bool { return u.name == name })
}

func (w *twin) idle() (n int) {
	for _, u := range w.users {
		if !u.busy() {
			n++
		}
	}
	return n
}

// forget drops the user that has been idle for longest.
func (w *twin) forget() {
	i := slices.IndexFunc(w.users, func(u *user) bool { return !u.busy() })
	w.users = slices.Delete(w.users, i, i+1)
}

func (w *twin) user(name string) *user {
	if i := w.at(name); i >= 0 {
		return w.users[i]
	}
	if w.idle() == w.room {
		w.forget()
	}
	u := &user{name: name, bucket: time.Second}
	w.users = append(w.users, u)
	return u
}

func (w *twin) request(now time.Duration, name string, bytes int) clientlimit.Verdict {
	u := w.user(name)
	u.bucket = min(time.Second, u.bucket+now-u.filledAt)
	u.filledAt = now
	interval := time.Second / time.Duration(w.limits.Rate)
	v := clientlimit.Admitted
	switch {
	case len(u.requests) == w.limits.Requests:
		v = clientlimit.TooManyRequests
	case u.bytes()+bytes > w.limits.Bytes:
		v = clientlimit.TooManyBytes
	case u.bucket < interval:
		v = clientlimit.TooFast
	}
	if v != clientlimit.Admitted {
		w.refused++
		return v
	}
	u.bucket -= interval
	u.requests = append(u.requests, bytes)
	return v
}

func (w *twin) watch(name string) clientlimit.Verdict {
	u := w.user(name)
	if u.watches == w.limits.Watches {
		w.refused++
		return clientlimit.TooManyWatches
	}
	u.watches++
	return clientlimit.Admitted
}

// rest moves a user that has become idle behind the others.
func (w *twin) rest(u *user) {
	if u.busy() {
		return
	}
	i := w.at(u.name)
	w.users = append(slices.Delete(w.users, i, i+1), u)
	if w.idle() > w.room {
		w.forget()
	}
}

// A table does as its twin, with any requests of any clients.
func TestTableIsItsTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limits := clientlimit.Limits{
			Rate: rapid.IntRange(1, 5).Draw(t, "rate"), Requests: rapid.IntRange(1, 4).Draw(t, "requests"),
			Watches: rapid.IntRange(1, 3).Draw(t, "watches"), Bytes: rapid.IntRange(1, 20).Draw(t, "bytes"),
		}
		room := rapid.IntRange(1, 3).Draw(t, "room")
		table, w, now := clientlimit.New(limits, room), &twin{limits: limits, room: room}, time.Duration(0)
		anyName := rapid.SampledFrom([]string{"a", "b", "c", "d", "e"})
		anyBusy := func(t *rapid.T, is func(*user) bool) *user {
			var all []*user
			for _, u := range w.users {
				if is(u) {
					all = append(all, u)
				}
			}
			if len(all) == 0 {
				t.Skip("there is none")
			}
			return rapid.SampledFrom(all).Draw(t, "user")
		}
		t.Repeat(map[string]func(*rapid.T){
			"request": func(t *rapid.T) {
				now += time.Duration(rapid.Int64Range(0, int64(700*time.Millisecond)).Draw(t, "later"))
				name, bytes := anyName.Draw(t, "name"), rapid.IntRange(0, 10).Draw(t, "bytes")
				require.Equal(t, w.request(now, name, bytes), table.Request(now, name, bytes))
			},
			"done": func(t *rapid.T) {
				u := anyBusy(t, func(u *user) bool { return len(u.requests) > 0 })
				i := rapid.IntRange(0, len(u.requests)-1).Draw(t, "which")
				table.Done(u.name, u.requests[i])
				u.requests = slices.Delete(u.requests, i, i+1)
				w.rest(u)
			},
			"watch": func(t *rapid.T) {
				name := anyName.Draw(t, "name")
				require.Equal(t, w.watch(name), table.Watch(name))
			},
			"watch done": func(t *rapid.T) {
				u := anyBusy(t, func(u *user) bool { return u.watches > 0 })
				table.WatchDone(u.name)
				u.watches--
				w.rest(u)
			},
			"": func(t *rapid.T) {
				require.Equal(t, len(w.users), table.Len())
				require.Equal(t, w.refused, table.Refused())
			},
		})
	})
}

// A client may use its rate at once, and then has one request an interval. Another one
// does not feel it.
func TestRate(t *testing.T) {
	table := clientlimit.New(clientlimit.Limits{Rate: 10, Requests: 100, Watches: 1, Bytes: 1}, 10)
	admitted := func(now time.Duration, name string) (n int) {
		for table.Request(now, name, 0) == clientlimit.Admitted {
			n++
		}
		return n
	}
	require.Equal(t, 10, admitted(time.Minute, "a"))
	require.Equal(t, 0, admitted(time.Minute+99*time.Millisecond, "a"))
	require.Equal(t, 1, admitted(time.Minute+100*time.Millisecond, "a"))
	require.Equal(t, 10, admitted(time.Minute+100*time.Millisecond, "b"))
	require.Equal(t, 10, admitted(time.Hour, "a"), "what was not used does not add up")
	require.EqualValues(t, 5, table.Refused())
}

// Clients that are idle are forgotten, however many there are; busy ones are not.
func TestClientsAreForgotten(t *testing.T) {
	table := clientlimit.New(clientlimit.Limits{Rate: 1, Requests: 1, Watches: 1, Bytes: 1}, 4)
	require.Equal(t, clientlimit.Admitted, table.Watch("busy"))
	for i := range 1000 {
		name := string(rune('a'+i%26)) + string(rune('a'+i/26))
		require.Equal(t, clientlimit.Admitted, table.Request(0, name, 1))
		table.Done(name, 1)
		require.LessOrEqual(t, table.Len(), 5)
	}
	require.Equal(t, clientlimit.TooManyWatches, table.Watch("busy"))
}

func TestLimitsAreChecked(t *testing.T) {
	good := clientlimit.Limits{Rate: 1, Requests: 1, Watches: 1, Bytes: 1}
	require.NoError(t, good.Validate())
	for text, change := range map[string]func(*clientlimit.Limits){
		"requests a second: 0":       func(l *clientlimit.Limits) { l.Rate = 0 },
		"requests a second: 1000001": func(l *clientlimit.Limits) { l.Rate = clientlimit.MaxRate + 1 },
		"unfinished requests: 0":     func(l *clientlimit.Limits) { l.Requests = 0 },
		"watches: -1":                func(l *clientlimit.Limits) { l.Watches = -1 },
		"bytes: 0":                   func(l *clientlimit.Limits) { l.Bytes = 0 },
	} {
		bad := good
		change(&bad)
		require.ErrorIs(t, bad.Validate(), clientlimit.ErrLimits)
		require.ErrorContains(t, bad.Validate(), text)
	}
}
