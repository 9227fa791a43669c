package kit_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/kit"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

type (
	// ask is a request; answer is a reply to it.
	ask struct {
		Op      int `fate:"op"`
		Attempt int
	}
	answer struct {
		Op      int `fate:"op"`
		Attempt int // 0: the node does not say
		Answer  kit.Answer
		Try     sim.ID
	}
	// ended is the fact that a request has ended.
	ended struct {
		Op     int
		Result kit.Result
	}
)

// asker is a process with a client, which makes each invocation a request.
type asker struct {
	client *kit.Client
	op     int
	repeat bool
	first  *sim.ID
}

func newAsker(nodes []sim.ID, repeat bool) *asker {
	a := &asker{repeat: repeat, first: new(sim.ID)}
	a.client = kit.NewClient(kit.ClientConfig{
		Nodes: nodes, Attempt: 10 * ms, Deadline: 100 * ms, Backoff: 2 * ms, MaxBackoff: 4 * ms,
		Classify: func(_ sim.ID, body any) kit.Reply {
			if r, ok := body.(answer); ok && r.Op == a.op {
				return kit.Reply{Answer: r.Answer, Attempt: r.Attempt, Try: r.Try, Reason: "turned away"}
			}
			return kit.Reply{}
		},
	})
	return a
}

func (a *asker) Step(now sim.Duration, ev *sim.Event, out *sim.Effects) {
	if ev.Kind == sim.Invoke {
		if a.client.Busy() {
			return
		}
		a.op = int(kit.Body(ev.Message).(token))
		op := a.op
		a.client.Start(now, out, kit.Request{Repeat: a.repeat, First: *a.first, Message: func(attempt int) any { return ask{op, attempt} }})
		return
	}
	if result, done := a.client.Step(now, ev, out); done {
		out.Observe(kit.Fact(ended{a.op, result}))
	}
}

// scripted is a node that answers its requests by a script, one word for each: how, and
// after how many milliseconds.
type scripted struct {
	words []string
	later []func(out *sim.Effects)
}

func (s *scripted) Step(_ sim.Duration, ev *sim.Event, out *sim.Effects) {
	if ev.Kind == sim.Timer {
		s.later[ev.Token](out)
	}
	if ev.Kind != sim.Receive || len(s.words) == 0 {
		return
	}
	m, word, to := kit.Body(ev.Message).(ask), s.words[0], ev.From
	s.words = s.words[1:]
	word, late, _ := strings.Cut(word, "+")
	word, numbered := strings.CutSuffix(word, "-numbered")
	r := answer{Op: m.Op}
	switch word {
	case "done":
		r.Answer = kit.Done
	case "retry":
		r.Answer = kit.Retry
	case "try3":
		r.Answer, r.Try = kit.Retry, 3
	case "refused":
		r.Answer = kit.Refused
	case "void":
		r.Answer = kit.Void
	case "astray":
		r.Answer, r.Attempt = kit.Refused, 9
	case "other":
		r.Answer, r.Op = kit.Done, -1
	default:
		return // silent
	}
	if numbered {
		r.Attempt = m.Attempt
	}
	send := func(out *sim.Effects) { out.Send(to, kit.Message(r)) }
	s.later = append(s.later, send)
	wait, _ := strconv.Atoi(late)
	out.SetTimer(uint64(len(s.later)-1), sim.Duration(wait)*ms)
}

// script runs one request against three nodes with scripts, and returns its end in words.
// A node may also be down, or crash without an answer.
func script(t *testing.T, repeat bool, nodes ...string) string {
	result := "no end"
	cfg := sim.Config{
		Processes: []sim.Spec{{ID: 1}, {ID: 2}, {ID: 3}, {ID: 101, SeesConnections: true}},
		Network:   netmodel.Profile{Delay: netmodel.Delay{Min: ms}},
		NewsDelay: ms,
		New: func(id sim.ID, _ int) sim.Process {
			if id == 101 {
				return newAsker([]sim.ID{1, 2, 3}, repeat)
			}
			return &scripted{words: strings.Fields(nodes[id-1])}
		},
		Observe: func(at sim.Duration, _ sim.ID, f sim.Observation) {
			r := kit.Body(f).(ended).Result
			result = fmt.Sprintf("%v %v after %d", at, r.Outcome, r.Attempts)
			if r.Node != 0 {
				result += fmt.Sprintf(" by %d", r.Node)
			}
			if r.Reason != "" {
				result += ": " + r.Reason
			}
		},
	}
	w, err := sim.New(cfg)
	require.NoError(t, err)
	w.Start(101)
	for i, s := range nodes {
		if s == "down" { // its host is up
			w.Start(sim.ID(i + 1))
			w.CrashProcess(sim.ID(i + 1))
		} else {
			w.Start(sim.ID(i + 1))
		}
		if at, crashes := strings.CutPrefix(s, "crash+"); crashes {
			wait, _ := strconv.Atoi(at)
			w.Schedule(sim.Duration(wait)*ms, "crash", func() { w.CrashProcess(sim.ID(i + 1)) })
		}
	}
	w.Invoke(0, 101, kit.Message(token(7)))
	w.Run(sec)
	return result
}

func TestTheEndOfARequest(t *testing.T) {
	for _, c := range []struct {
		name   string
		repeat bool
		nodes  [3]string
		want   string
	}{
		{"the first node carries it out", false, [3]string{"done", "", ""}, "2ms accepted after 1 by 1"},
		{"a node is down: its attempt has no effect", false, [3]string{"down", "done", ""}, "6ms accepted after 2 by 2"},
		{"all nodes are down until the deadline", false, [3]string{"down", "down", "down"}, "100ms rejected after 17: the deadline has passed"},
		{"a lost attempt may have an effect", false, [3]string{"silent", "done", ""}, "100ms unknown after 1: the deadline has passed"},
		{"so its reply may come late", false, [3]string{"done+80", "done", ""}, "82ms accepted after 1 by 1"},
		{"a request that may be repeated is sent to the next node", true, [3]string{"silent", "done", ""}, "14ms accepted after 2 by 2"},
		{"a connection that ends is no reason to wait", false, [3]string{"crash+5", "done", ""}, "6ms unknown after 1: the connection has ended"},
		{"and none for a request that may be repeated", true, [3]string{"crash+5", "done", ""}, "10ms accepted after 2 by 2"},
		{"but another node's connection is", true, [3]string{"crash+13", "done+5", ""}, "19ms accepted after 2 by 2"},
		{"no reply until the deadline", true, [3]string{"", "", ""}, "100ms unknown after 8: the deadline has passed"},
		{"a node turns the attempt away", false, [3]string{"retry", "done", ""}, "6ms accepted after 2 by 2"},
		{"and knows the node to try", false, [3]string{"try3", "", "done"}, "6ms accepted after 2 by 3"},
		{"a refusal of the only attempt", false, [3]string{"refused", "", ""}, "2ms rejected after 1 by 1: turned away"},
		{"a refusal after an attempt that was turned away", false, [3]string{"retry", "refused", ""}, "6ms rejected after 2 by 2: turned away"},
		{"a refusal after an attempt that was lost", true, [3]string{"silent", "refused", ""}, "14ms unknown after 2 by 2: turned away"},
		{"a refusal of all attempts", true, [3]string{"silent", "void", ""}, "14ms rejected after 2 by 2: turned away"},
		{"the late answer to the first attempt ends the request", true, [3]string{"done+15", "silent", ""}, "17ms accepted after 2 by 1"},
		{"a late refusal closes its attempt, and the second goes on", true, [3]string{"refused+15", "silent", "done"}, "28ms accepted after 3 by 3"},
		{"a refusal of the only attempt in the pause after it", true, [3]string{"refused+9", "", ""}, "11ms rejected after 1 by 1: turned away"},
		{"late refusals of all attempts", true, [3]string{"refused+15", "retry+15", "refused"}, "28ms unknown after 3 by 3: turned away"},
		{"an answer to another request is none", true, [3]string{"other", "done", ""}, "14ms accepted after 2 by 2"},
		{"a refusal of an attempt that was not made", true, [3]string{"astray", "done", ""}, "14ms accepted after 2 by 2"},
		{"a node that was asked twice and refuses once", true, [3]string{"retry silent", "retry", "retry"}, "100ms unknown after 9: the deadline has passed"},
		{"the second attempt at a node cannot be closed without a number", false, [3]string{"retry refused", "retry", "retry"}, "18ms unknown after 4 by 1: turned away"},
		{"but with one", false, [3]string{"retry refused-numbered", "retry", "retry"}, "18ms rejected after 4 by 1: turned away"},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.want, script(t, c.repeat, c.nodes[:]...))
		})
	}
}

// The next request goes first to the node that has replied, even if late, unless it names
// another; then the node after that is next.
func TestAClientStaysWithTheNodeThatReplies(t *testing.T) {
	var nodes []string
	first := sim.ID(0)
	w, err := sim.New(sim.Config{
		Processes: []sim.Spec{{ID: 1}, {ID: 2}, {ID: 3}, {ID: 101}},
		Network:   netmodel.Profile{Delay: netmodel.Delay{Min: ms}},
		New: func(id sim.ID, _ int) sim.Process {
			if id == 101 {
				a := newAsker([]sim.ID{1, 2, 3}, true)
				a.first = &first
				return a
			}
			return &scripted{words: map[sim.ID][]string{1: {"done+15", "done", "done", "done"}}[id]}
		},
		Observe: func(_ sim.Duration, _ sim.ID, f sim.Observation) {
			r := kit.Body(f).(ended).Result
			nodes = append(nodes, fmt.Sprintf("%d after %d", r.Node, r.Attempts))
			first = map[int]sim.ID{2: 3}[len(nodes)]
		},
	})
	require.NoError(t, err)
	for _, id := range []sim.ID{1, 2, 3, 101} {
		w.Start(id)
	}
	for op := range 4 {
		w.Invoke(sim.Duration(op)*sec, 101, kit.Message(token(op)))
	}
	w.Run(5 * sec)
	require.Equal(t, []string{"1 after 2", "1 after 1", "1 after 2", "1 after 1"}, nodes)
}

// A timer of an earlier request does not end an attempt of the next.
func TestARequestHasItsOwnTime(t *testing.T) {
	var results []string
	w, err := sim.New(sim.Config{
		Processes: []sim.Spec{{ID: 1}, {ID: 101}},
		Network:   netmodel.Profile{Delay: netmodel.Delay{Min: ms}},
		New: func(id sim.ID, _ int) sim.Process {
			if id == 1 {
				return &scripted{words: []string{"done", "done+30"}}
			}
			a := newAsker([]sim.ID{1}, true)
			return processFunc(func(now sim.Duration, ev *sim.Event, out *sim.Effects) {
				a.Step(now, ev, out)
				a.repeat = a.op == 0 // only the first is repeated
			})
		},
		Observe: func(at sim.Duration, _ sim.ID, f sim.Observation) {
			results = append(results, fmt.Sprint(at, " ", kit.Body(f).(ended).Result.Outcome))
		},
	})
	require.NoError(t, err)
	w.Start(1)
	w.Start(101)
	w.Invoke(0, 101, kit.Message(token(1)))
	w.Invoke(5*ms, 101, kit.Message(token(2)))
	w.Run(sec)
	require.Equal(t, []string{"2ms accepted", "37ms accepted"}, results)
}

// Without a backoff the next attempt is made at once.
func TestAClientWithoutABackoff(t *testing.T) {
	c := kit.NewClient(kit.ClientConfig{
		Nodes: []sim.ID{1, 2}, Attempt: ms, Deadline: ms, Classify: func(sim.ID, any) kit.Reply { return kit.Reply{Answer: kit.Retry} },
	})
	c.Start(0, &sim.Effects{}, kit.Request{Message: func(attempt int) any { return ask{7, attempt} }})
	var out sim.Effects
	_, done := c.Step(0, &sim.Event{Kind: sim.Receive, From: 1, Message: kit.Message(answer{})}, &out)
	require.False(t, done)
	require.Equal(t, "send to 2: ask - 7 Attempt=2", out.List()[0].Text)
}

func TestMisuseOfAClient(t *testing.T) {
	good := kit.ClientConfig{Nodes: []sim.ID{1}, Attempt: ms, Deadline: ms, Classify: func(sim.ID, any) kit.Reply { return kit.Reply{} }}
	for _, c := range []struct {
		edit func(*kit.ClientConfig)
		want string
	}{
		{func(c *kit.ClientConfig) { c.Nodes = nil }, "nodes: want at least one to send requests to"},
		{func(c *kit.ClientConfig) { c.Nodes = []sim.ID{1, 0} }, "nodes: 0 is no process"},
		{func(c *kit.ClientConfig) { c.Attempt = 0 }, "attempt: 0s: want more than 0s"},
		{func(c *kit.ClientConfig) { c.Deadline = 0 }, "deadline: 0s: want at least the 1ms of an attempt"},
		{func(c *kit.ClientConfig) { c.Backoff = ms }, "backoff: 1ms up to 0s: want 0s or more, and no more than max backoff"},
		{func(c *kit.ClientConfig) { c.Classify = nil }, "classify: want a function that tells what a reply means"},
	} {
		cfg := good
		c.edit(&cfg)
		require.EqualError(t, cfg.Validate(), c.want)
		require.PanicsWithValue(t, "kit: client: "+c.want, func() { kit.NewClient(cfg) })
	}
	start := func(c *kit.Client, r kit.Request) func() { return func() { c.Start(0, &sim.Effects{}, r) } }
	c := kit.NewClient(good)
	require.PanicsWithValue(t, "kit: client: Start without Request.Message: want a function that makes the message of an attempt", start(c, kit.Request{}))
	require.PanicsWithValue(t, "kit: client: a request of type *kit_test.ByHand may be duplicated, and the copy carried out after the outcome: give it a method Single() bool that returns true",
		start(c, kit.Request{Message: func(int) any { return &ByHand{} }}))
	c = kit.NewClient(good)
	request := kit.Request{Message: func(int) any { return ask{} }}
	start(c, request)()
	require.PanicsWithValue(t, "kit: client: Start during a request: a client has one at a time: wait for its Result, or use another client", start(c, request))
}

// executor is a node that carries requests out or turns them away at random, and tells
// repeated ones apart only if it remembers them.
type executor struct {
	random *kit.Source
	times  map[int]int // shared by all nodes
	number bool
}

func (e *executor) Step(_ sim.Duration, ev *sim.Event, out *sim.Effects) {
	if ev.Kind != sim.Receive {
		return
	}
	m := kit.Body(ev.Message).(ask)
	r := answer{Op: m.Op, Answer: kit.Done}
	if e.number {
		r.Attempt = m.Attempt
	}
	switch e.random.Uint64() % 4 {
	case 0:
		r.Answer = kit.Retry
	case 1:
		r.Answer = kit.Refused
	default:
		e.times[m.Op]++
	}
	out.Send(ev.From, kit.Message(r))
}

// Under losses, duplicates, resets, cuts and crashes, a request that is accepted was
// carried out, one that is rejected never is, and one that must not be repeated is
// carried out once at most.
func TestClientsNeverLie(t *testing.T) {
	counts := map[kit.Outcome]int{}
	rapid.Check(t, func(rt *rapid.T) {
		repeat, number := rapid.Bool().Draw(rt, "repeat"), rapid.Bool().Draw(rt, "number")
		seed := rapid.Uint64().Draw(rt, "seed")
		times, results := map[int]int{}, map[int]kit.Result{}
		w, err := sim.New(sim.Config{
			Seed:      seed,
			Checks:    sim.CheckMessages,
			Processes: []sim.Spec{{ID: 1}, {ID: 2}, {ID: 101, SeesConnections: rapid.Bool().Draw(rt, "connections")}},
			Network: netmodel.Profile{
				Delay:     netmodel.Delay{Kind: netmodel.Uniform, Min: ms, Max: ms + sim.Duration(rapid.IntRange(0, 12).Draw(rt, "delay"))*ms},
				Duplicate: 300_000, Drop: netmodel.PPM(rapid.IntRange(0, 200_000).Draw(rt, "drop")), Reset: 50_000,
			},
			NewsDelay: ms,
			New: func(id sim.ID, life int) sim.Process {
				if id == 101 {
					return newAsker([]sim.ID{1, 2}, repeat)
				}
				return &executor{random: kit.NewSource(seed, id, life), times: times, number: number}
			},
			Observe: func(_ sim.Duration, _ sim.ID, f sim.Observation) {
				e := kit.Body(f).(ended)
				results[e.Op] = e.Result
				counts[e.Result.Outcome]++
				require.True(rt, e.Result.Outcome != kit.Accepted || times[e.Op] > 0, "%v was not carried out", e)
			},
		})
		require.NoError(rt, err)
		for _, id := range []sim.ID{1, 2, 101} {
			w.Start(id)
		}
		for op := range 40 {
			w.Invoke(sim.Duration(op)*30*ms, 101, kit.Message(token(op)))
		}
		for range rapid.IntRange(0, 6).Draw(rt, "faults") {
			at := sim.Duration(rapid.IntRange(0, 1200).Draw(rt, "ms")) * ms
			id := rapid.SampledFrom([]sim.ID{1, 2}).Draw(rt, "node")
			switch rapid.IntRange(0, 2).Draw(rt, "fault") {
			case 0:
				l := netmodel.Link{From: id, To: 101}
				w.Schedule(at, "cut", func() { w.Network().Cut(l) })
				w.Schedule(at+40*ms, "uncut", func() { w.Network().Uncut(l) })
			default:
				w.Schedule(at, "crash", func() {
					if w.Up(id) {
						w.CrashProcess(id)
					}
				})
				w.Schedule(at+40*ms, "start", func() {
					if !w.Up(id) {
						w.Start(id)
					}
				})
			}
		}
		w.Run(5 * sec)
		for op, r := range results {
			require.True(rt, r.Outcome != kit.Rejected || times[op] == 0, "%d was rejected and carried out: %v", op, r)
			require.True(rt, repeat || times[op] <= 1, "%d was carried out %d times", op, times[op])
		}
	})
	t.Log(counts)
	for o := range kit.Rejected + 1 {
		require.Positive(t, counts[o], "%v", o)
	}
}
