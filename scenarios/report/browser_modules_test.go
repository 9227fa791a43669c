package report_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The pure modules of the page, without its elements.
func testModules(t *testing.T, b *chromium) {
	p := open(t, b, "modules", madeUp(10), "")
	t.Run("questions", func(t *testing.T) { testQuestionLanguage(t, p) })
	t.Run("intervals", func(t *testing.T) { testIntervals(t, p) })
	t.Run("states", func(t *testing.T) { testStates(t, p) })
	t.Run("layout", func(t *testing.T) { testLayout(t, p) })
	t.Run("brief", func(t *testing.T) { testBrief(t, p) })
	t.Run("moments", func(t *testing.T) { testMoments(t, p) })
	t.Run("headline", func(t *testing.T) { testHeadline(t, p) })
	t.Run("format", func(t *testing.T) { testFormat(t, p) })
}

// script returns a value as JavaScript.
func script(t *testing.T, v any) string {
	data, err := json.Marshal(v)
	require.NoError(t, err)
	return string(data)
}

func testQuestionLanguage(t *testing.T, p *tab) {
	type line struct {
		At   int    `json:"at"`
		Node string `json:"node"`
		Kind string `json:"kind"`
		Key  string `json:"key"`
		Op   string `json:"op"`
		Text string `json:"text"`
	}
	lines := []line{
		{0, "1", "receive proposal", "lamp/a", "c1.1", "from 2: proposal lamp/a c1.1"}, // 0
		{10, "1", "sync", "", "", "sync log.1"},                                        // 1
		{20, "1", "send acknowledgment", "lamp/a", "c1.1", "send acknowledgment c1.1"}, // 2
		{30, "2", "send acknowledgment", "lamp/a", "c1.2", "send acknowledgment c1.2"}, // 3
		{90, "1", "send acknowledgment", "lamp/b", "c1.3", "send acknowledgment c1.3"}, // 4
		{90, "3", "sync", "", "", "sync log.1"},                                        // 5
	}
	for question, want := range map[string][]int{
		"":                                                     {0, 1, 2, 3, 4, 5},
		"acknowledgment":                                       {2, 3, 4},
		"ACKNOWLEDGMENT node:1":                                {2, 4},
		"kind:send -key:lamp/b":                                {2, 3},
		"kind:acknow":                                          nil, // a kind is a whole word
		`"send acknowledgment" op:c1.2`:                        {3},
		"acknowledgment preceded by sync":                      {2, 3, 4},
		"acknowledgment not preceded by sync":                  nil,
		"acknowledgment followed by sync":                      {2, 3, 4},
		"sync followed by sync":                                {1},
		"sync not followed by sync":                            {5},
		"sync followed by sync within 79ns":                    nil,
		"sync followed by sync within 80ns":                    {1},
		"sync followed by sync within 0.08us":                  {1},
		"proposal followed by acknowledgment on the same op":   {0},
		"acknowledgment not preceded by sync on the same node": {3},
		"acknowledgment not preceded by sync on the same node within 50ns":                {3, 4},
		"acknowledgment preceded by sync within 10ns on the same node":                    {2},
		"acknowledgment preceded by acknowledgment on the same key":                       {3},
		"acknowledgment not preceded by sync on same node and not followed by kind:send":  nil,
		"acknowledgment preceded by sync and followed by acknowledgment":                  {2, 3},
		"acknowledgment not preceded by sync on the same node and followed by key:lamp/b": {3},
		"http://x": nil,
	} {
		got := eval[[]int](p, fmt.Sprintf("query.run(query.parse(%s), %s)", script(t, question), script(t, lines)))
		if len(want) == 0 {
			require.Empty(t, got, question)
		} else {
			require.Equal(t, want, got, question)
		}
	}
	for question, want := range map[string]string{
		"a preceded by":                    "say what it is preceded by",
		"a followed by within 5ms":         "say what it is followed by",
		"a preceded by b within":           "needs a duration, as in 5ms",
		"a preceded by b within 5":         "needs a duration, as in 5ms",
		"a preceded by b on the same lamp": "is followed by “node”, “key” or “operation”",
		"a preceded by b within 5ms c":     "“c” stands after the limit",
		"a within 5ms":                     "where “preceded by” or “followed by” is expected",
		`a "b`:                             "a quotation mark is open",
		"key:\"\"":                         "key: needs a value",
	} {
		require.Contains(t, eval[string](p, fmt.Sprintf("query.parse(%s).error ?? 'understood'", script(t, question))), want, question)
	}
}

// Visits of an index agree with a look at all intervals.
func testIntervals(t *testing.T, p *tab) {
	require.Empty(t, eval[string](p, `(() => {
		let seed = 1;
		const random = (n) => (seed = seed * 16807 % 2147483647) % n;
		for (let round = 0; round < 200; round++) {
			const list = Array.from({ length: random(40) }, (_, id) => { const s = random(50); return { id, s, e: s + random(20) }; });
			const visit = intervals.index(list, (x) => x.s, (x) => x.e);
			const from = random(60), until = from + random(10), got = [];
			visit(from, until, (x) => got.push(x.id));
			const want = list.filter((x) => x.s <= until && x.e >= from).map((x) => x.id);
			if (String(got.sort()) !== String(want.sort())) return JSON.stringify({ list, from, until, got, want });
		}
		return "";
	})()`))
}

// The state at an event does not depend on where the reader was before.
func testStates(t *testing.T, p *tab) {
	r := rand.New(rand.NewPCG(1, 2))
	order := make([]int, 60)
	for i := range order {
		order[i] = r.IntN(9000)
	}
	require.Empty(t, eval[string](p, fmt.Sprintf(`(() => {
		const changes = Array.from({ length: 9000 }, (_, i) => ({ event: i, lane: i %% 2 + 1, ...(i %% 7 === 3 ? { unset: ["p" + i %% 10] } : { set: { ["p" + i %% 10]: String(i) } }), ...(i < 2 ? { up: true } : {}) }));
		const s = states.open(changes);
		for (const event of %s) {
			const want = { 1: {}, 2: {} };
			for (const c of changes.slice(0, event + 1)) {
				Object.assign(want[c.lane], c.set);
				for (const p of c.unset ?? []) delete want[c.lane][p];
			}
			const before = { ...want };
			const changed = s.changed(event), now = s.at(event);
			for (const lane of [1, 2]) {
				const got = Object.fromEntries(now.get(lane)?.values ?? []);
				const text = (o) => JSON.stringify(Object.entries(o).sort());
				if (text(got) !== text(want[lane])) return "event " + event + ", node " + lane + ": " + text(got) + " and not " + text(want[lane]);
			}
			if (String([...changed.keys()]) !== String([changes[event].lane])) return "event " + event + ": changed " + [...changed.keys()];
		}
		return "";
	})()`, script(t, order))))
}

func testLayout(t *testing.T, p *tab) {
	require.Equal(t, []int{0, 1, 2, 3}, eval[[]int](p, `layout.labels(0, 3, 24, 18, [])`), "there is room for all")
	require.Equal(t, []int{0, 3, 7}, eval[[]int](p, `layout.labels(0, 9, 6, 18, [7])`), "the important one comes first")
	require.Equal(t, []int{2, 1, 3}, eval[[]int](p, `layout.move([1, 2, 3], 1, 1)`))
	require.Equal(t, []int{2, 3, 1}, eval[[]int](p, `layout.move([1, 2, 3], 1, 9)`))
	require.Equal(t, []int{0, 1, 0, 1}, eval[[]int](p, `layout.slots([{ first: 0, last: 4 }, { first: 2, last: 3 }, { first: 5, last: 9 }, { first: 6, last: 6 }])`))
	require.Equal(t, []float64{0, 1.5, 2}, eval[[]float64](p, `(() => { const r = layout.rows(100, [10, 20, 30]); return [10, 25, 30].map((e) => r.position(e)); })()`), "an event that is not shown is between two rows")
	require.Equal(t, []float64{0, 1.25, 1.25, 1.25, 2}, eval[[]float64](p, `(() => { const r = layout.folded(9, [{ from: 1, to: 7 }]); return [0, 1, 2, 7, 8].map((e) => r.position(e)); })()`), "what is in a fold is at its row")
	require.Equal(t, []float64{50, 107, 164}, eval[[]float64](p, `[...layout.lanes([1, 2, 3], new Set([2]), 300, 40, 100).of.values()].map((l) => l.center)`))
	require.Equal(t, map[string]int{"first": 4, "last": 9}, eval[map[string]int](p, `layout.visible(10, 20, 95, 200)`))
}

// A key that all events have is left out of their texts, with the word before it.
func testBrief(t *testing.T, p *tab) {
	for text, want := range map[string]string{
		"round 1.1.1 of lamp/a failed":   "round 1.1.1 failed",
		"request lamp/a c1.1":            "request c1.1",
		"call c1.1 read on lamp/a":       "call c1.1 read",
		"shows lamp/ab":                  "shows lamp/ab",
		"no commit about lamp/a, so far": "no commit, so far",
		"read of client 1093, until 3ms": "read, until 3ms",
	} {
		require.Equal(t, want, eval[string](p, fmt.Sprintf("eventRow.brief({ run: { plan: { objects: ['lamp/a'] } } }, %s)", script(t, text))), text)
	}
}

// Of many lines those are shown that name what the sentence names, in order; lines that differ
// in the process only are one.
func testMoments(t *testing.T, p *tab) {
	names := `moments.names({ operations: ["c1.2"], object: "lamp/a", sentence: "Node 2 has not answered attempt 1 of c1.2 at 3.1.2" })`
	require.Equal(t, []string{"c1.2", "lamp/a", "node 2", "attempt 1", "3.1.2"}, eval[[]string](p, names))
	for text, want := range map[string]int{
		"node 2 request lamp/a c1.2 attempt 1 read": 4,
		"node 2 request lamp/a c1.2 attempt 2 read": 2, // of another attempt
		"node 2 request lamp/a c2.2 attempt 1 read": 1, // of another operation
		"accepted 3.1.2: on":                        1,
		"accepted 3.1.22, c1.20, node 21":           0,
	} {
		require.Equal(t, want, eval[int](p, fmt.Sprintf("moments.nearness(%s, %s)", names, script(t, text))), text)
	}
	request := `moments.isRequest({ laneOf: new Map([[1, { kind: "node" }]]), messages: [{ from: 101, text: "request lamp/a c1.2" }, { from: 1, text: "prepare c1.2" }, { from: 101, text: "request c2.2" }],
		events: [{ message: 0 }, { message: 1 }, { message: 2 }, {}] }, event, { operations: ["c1.2"] })`
	require.Equal(t, []bool{true, false, false, false}, eval[[]bool](p, "[0, 1, 2, 3].map((event) => "+request+")"))
	require.Equal(t, []int{1, 4, 5, 6, 7, 8, 9, 11}, eval[[]int](p, `moments.nearest(Array.from({ length: 12 }, (_, i) => ({ i, near: i < 4 || i === 10 ? 0 : 1, must: i === 1 }))).map((x) => x.i)`))
	require.Equal(t, []string{"a 1,3", "b 2", "a 4"}, eval[[]string](p, `moments.merged([[1, "a"], [2, "b"], [3, "a"], [4, "a", true]].map(([event, text, missing]) => ({ places: [{ event }], text, missing })))
		.map((x) => x.text + " " + x.places.map((y) => y.event))`))
}

// Advice is left out of a headline, and a long name keeps its two ends.
func testHeadline(t *testing.T, p *tab) {
	long := "Node 3 stopped: " + strings.Repeat("the mark does not check, ", 6) + "it is damaged: it must not speak again: the others go on without it"
	for text, want := range map[string]string{
		"Node 1 goes back": "Node 1 goes back",
		"Node 3 stopped: wal.1 is gone. Leave it as it is": "Node 3 stopped: wal.1 is gone",
		long:                           long,
		long + ". Leave the directory": long[:strings.Index(long, ": it must")],
		"Node 1 holds a. lower case goes on, as in a. b. c": "Node 1 holds a. lower case goes on, as in a. b. c",
	} {
		require.Equal(t, want, eval[string](p, fmt.Sprintf("headline.of(%s)", script(t, text))))
	}
	require.Equal(t, "asserti…nds", eval[string](p, `headline.middle("assertion/panic-at-both-ends", 11)`))
	require.Equal(t, "agreement", eval[string](p, `headline.middle("agreement", 11)`))
}

func testFormat(t *testing.T, p *tab) {
	for expression, want := range map[string]string{
		`format.time(0)`:                   "0s",
		`format.time(125460759)`:           "125.460759ms",
		`format.time(1500)`:                "1.5µs",
		`format.time(10100000000)`:         "10.1s",
		`format.short(125460759)`:          "125.46ms",
		`format.name("a\u202eb\nc\u0000")`: `a\u202eb⏎c\u0000`,
		`format.count(1, "event")`:         "1 event",
		`format.count(12345, "event")`:     "12,345 events",
	} {
		require.Equal(t, want, eval[string](p, expression), expression)
	}
}
