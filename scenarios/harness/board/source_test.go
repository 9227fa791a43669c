package board

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// others is a source with campaigns and workers that a test changes.
type others struct {
	mu       sync.Mutex
	running  []*Live
	machines []Worker
}

func (o *others) Running() []*Live {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.running
}

func (o *others) Workers() []Worker {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.machines
}

func (o *others) set(running []*Live, machines []Worker) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.running, o.machines = running, machines
}

// Campaigns in progress elsewhere are on the page like that of this process, each compared
// with those that have ended, and with their workers.
func TestCampaignsOfASource(t *testing.T) {
	dir := t.TempDir()
	ended := of("s", "p", ran(0, 9, "a@1"))
	ended.Version = recordVersion
	require.NoError(t, AppendRecord(dir, ended))
	night, day := NewLiveOf("night", 100), NewLiveOf("day", 50)
	night.Update(of("s", "p", ran(0, 9, "a@1", "b@2")), time.Minute, true)
	day.Update(of("s", "p", ran(0, 9)), 0, false)
	waiting := NewLiveOf("waiting", 7) // nothing of it is done
	source := &others{running: []*Live{night, day, waiting}, machines: []Worker{{Name: hostile, Now: "range night/3", Seeds: 40}}}

	var v View
	require.NoError(t, json.NewDecoder(get(NewServer(Config{Dir: dir, Source: source}).Handler(), "/v1/campaigns").Body).Decode(&v))
	require.Len(t, v.Live, 2)
	require.Equal(t, "night", v.Live[0].Name)
	require.Equal(t, source.machines, v.Workers)
	require.Len(t, v.Campaigns, 3)
	standings := map[bool][]Word{}
	for _, c := range v.Campaigns {
		for _, s := range c.Standings {
			standings[c.Running] = append(standings[c.Running], s.Word)
		}
	}
	require.Equal(t, map[bool][]Word{true: {Gone, Ongoing, New}, false: {New}}, standings, "day, night; the one that has ended")
}

// Open pages are told of new figures and of workers, and to read again when a campaign ends.
func TestASourceIsFollowed(t *testing.T) {
	night := NewLiveOf("night", 100)
	night.Update(*recordAt(1, 10), time.Second, true)
	source := &others{running: []*Live{night}}
	ctx, end := context.WithCancel(t.Context())
	defer end()
	address := start(t, ctx, Config{Dir: t.TempDir(), Source: source, Every: 10 * time.Millisecond})
	answer, err := http.Get(address + "v1/campaigns/events")
	require.NoError(t, err)
	defer answer.Body.Close()
	events := eventsOf(answer.Body)

	require.Equal(t, "night", next(t, events, "series").Name)
	source.set([]*Live{night}, []Worker{{Name: "ada", Now: "idle"}})
	nextEvent(t, events, "workers")
	night.Update(*recordAt(2, 30), time.Second, true)
	for f := next(t, events, "figures"); f.Record.Seeds != 30; f = next(t, events, "figures") {
	}
	source.set(nil, nil)
	nextEvent(t, events, "changed")
}

// The metrics are for this host only, as the page is.
func TestMetricsAreForThisHost(t *testing.T) {
	metrics := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "up 1") })
	h := NewServer(Config{Dir: t.TempDir(), Metrics: metrics}).Handler()
	require.Equal(t, "up 1", get(h, "/metrics").Body.String())
	require.Equal(t, http.StatusForbidden, get(h, "/metrics", "Host", "evil.example").Code)
	require.Equal(t, http.StatusNotFound, get(NewServer(Config{Dir: t.TempDir()}).Handler(), "/metrics").Code)
}

// The last good commit is that of the newest campaign that could have shown the failure, and
// did not.
func TestLastGood(t *testing.T) {
	at := func(commit string, r Record) Record {
		r = of("s", "p", r)
		r.Version, r.Build.Revision = recordVersion, commit
		return r
	}
	changed := at("changed", ran(0, 9))
	changed.Build.Modified = true
	bad := at("bad", ran(0, 9, "a@5"))
	for want, records := range map[string][]Record{
		"good":  {at("older", ran(0, 9)), at("good", ran(0, 9)), at("", ran(0, 9)), changed, at("few seeds", ran(0, 4)), bad},
		"older": {at("older", ran(0, 9)), at("shows it", ran(0, 9, "a@3")), at("cut", cut(ran(0, 9))), of("t", "p", at("other", ran(0, 9))), bad},
		"":      {at("few seeds", ran(0, 4)), bad},
	} {
		dir := t.TempDir()
		for _, r := range records {
			require.NoError(t, AppendRecord(dir, r))
		}
		got, err := LastGood(dir, "", "a")
		require.NoError(t, err)
		require.Equal(t, want, got)
		got, err = LastGood(dir, "", "not in the last campaign")
		require.NoError(t, err)
		require.Empty(t, got)
	}
	got, err := LastGood(t.TempDir(), "", "a")
	require.NoError(t, err)
	require.Empty(t, got)
}
