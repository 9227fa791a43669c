package service

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lockstep-dst/lockstep/node"
)

// watchModel is a watch as its client sees it.
type watchModel struct {
	query   Query
	seen    map[string]uint64 // by key, the last version received
	waiting int               // changes published since the last update, of machines that were received
	awaits  bool
	ended   bool // it is to be cut off in this step
}

// wants reports whether a watch is about a machine.
func (m *watchModel) wants(key string) bool {
	return strings.HasPrefix(key, m.query.Prefix) && (!m.query.Single || key == m.query.Prefix)
}

// Every watch receives each change of its machines once and in order, after the state
// that it begins from, or learns that it was cut off; and one that awaits an update has
// received all.
func TestWatchHubMatchesModel(t *testing.T) {
	const room = 3
	keys := []string{"a", "ab", "abc", "b", "ba"}
	rapid.Check(t, func(t *rapid.T) {
		s := &Service{cfg: Config{Changes: room, Page: rapid.IntRange(1, 3).Draw(t, "page")}, hub: newWatchHub()}
		versions, latest := map[string]uint64{}, map[string]*node.Value{}
		s.latest = func(key string) *node.Value { return latest[key] }
		models := map[Ticket]*watchModel{}
		last := Ticket(0)
		open := func() []Ticket {
			var list []Ticket
			for ticket := range models {
				list = append(list, ticket)
			}
			slices.Sort(list)
			return list
		}
		end := func() {
			s.answerPulls()
			for i := range s.out.Updates {
				u := &s.out.Updates[i]
				m := models[u.Ticket]
				require.NotNil(t, m, "an update to no watch")
				require.True(t, m.awaits || m.ended, "an update without a pull or an end")
				require.LessOrEqual(t, len(u.Changes), room)
				m.awaits, m.waiting = false, 0
				for _, b := range u.Begin {
					_, known := m.seen[b.Key]
					require.False(t, known, "%s begins again", b.Key)
					m.seen[b.Key] = b.Value.Version
				}
				for _, c := range u.Changes {
					version, known := m.seen[c.Key]
					require.True(t, m.wants(c.Key) && (!known || c.Now.Version == version+1), "%s: %d after %d", c.Key, c.Now.Version, version)
					m.seen[c.Key] = c.Now.Version
				}
				require.Equal(t, m.ended, u.End == TooSlow)
				if u.End != NotEnded {
					delete(models, u.Ticket)
				}
			}
			s.out.Updates = s.out.Updates[:0]
		}
		t.Repeat(map[string]func(*rapid.T){
			"watch": func(t *rapid.T) {
				last++
				q := Query{}
				q.Prefix, q.Single = rapid.SampledFrom(keys).Draw(t, "prefix"), rapid.Bool().Draw(t, "single")
				w := &watcher{ticket: last, query: q, caughtUp: q.Single}
				s.hub.byTicket[last] = w
				s.beginWatch(w, nil)
				s.out.Updates = s.out.Updates[:0]
				models[last] = &watchModel{query: q, seen: map[string]uint64{}}
			},
			"change": func(t *rapid.T) {
				key := rapid.SampledFrom(keys).Draw(t, "key")
				versions[key]++
				had, now := latest[key], &node.Value{Version: versions[key]}
				latest[key] = now
				s.index.insert(key)
				for ticket, w := range s.hub.byTicket {
					if m := models[ticket]; w.wants(key) {
						m.ended = m.waiting == room
						m.waiting++
					}
				}
				s.hub.publish(Change{key, had, now}, room)
				end()
			},
			"pull": func(t *rapid.T) {
				if list := open(); len(list) > 0 {
					ticket := rapid.SampledFrom(list).Draw(t, "ticket")
					models[ticket].awaits = true
					s.hub.pull(ticket)
					end()
				}
			},
			"abandon": func(t *rapid.T) {
				if list := open(); len(list) > 0 {
					ticket := rapid.SampledFrom(list).Draw(t, "ticket")
					delete(models, ticket)
					s.abandon(ticket)
					end()
				}
			},
			"": func(t *rapid.T) {
				attached := len(s.hub.prefixes)
				for _, list := range s.hub.keys {
					attached += len(list)
				}
				for _, ticket := range open() {
					m := models[ticket]
					require.False(t, m.ended, "watch %d was cut off and is not told", ticket)
					for key, version := range versions {
						if m.awaits && m.wants(key) {
							require.Equal(t, version, m.seen[key], "%s of watch %d", key, ticket)
						}
					}
				}
				require.Len(t, s.hub.byTicket, len(models))
				require.Equal(t, len(models), attached, "watches that receive changes")
			},
		})
	})
}
