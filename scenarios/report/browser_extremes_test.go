package report_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/lockstep-dst/lockstep/scenarios/report"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/stretchr/testify/require"
)

// madeUp returns a document of a run that never happened: three nodes that send each
// other messages, and two clients.
func madeUp(events int) *report.Document {
	run := report.Run{
		Name: "full", Status: "violated", Signature: "agreement/made-up", Sentence: "made up", Hash: "0123456789abcdef",
		Plan:  report.Plan{Nodes: 3, Clients: 2, Objects: []string{"lamp/a", "lamp/b"}, Summary: []string{"nodes 3, clients 2"}},
		Lanes: []report.Lane{{Kind: "world", Name: "world"}, {1, "node", "node 1"}, {2, "node", "node 2"}, {3, "node", "node 3"}, {101, "client", "client 1"}, {102, "client", "client 2"}},
	}
	states := report.States{Source: "dump"}
	for i := range events {
		at, lane := report.Time(i)*10_000, sim.ID(1+i%3)
		e := report.Event{N: uint64(i + 1), At: at, Lane: lane, Kind: "timer", Text: fmt.Sprintf("timer %x", i%7)}
		if i >= 5 {
			m := i - 5
			e.Kind, e.Text, e.Message = "receive", run.Messages[m].Text, &m
			run.Messages[m].Arrivals = []report.Arrival{{Due: at, At: at, Event: new(i)}}
		}
		run.Messages = append(run.Messages, report.Message{
			From: lane, To: sim.ID(1 + (i+5)%3), Sent: i, At: at, Address: fmt.Sprintf("%d>x proposal #%d", lane, i), Kind: "proposal",
			Text: fmt.Sprintf("proposal lamp/%c c1.%d on", 'a'+i%2, i/20), Fate: "delivered",
		})
		if i%4 == 0 {
			run.Marks = append(run.Marks, report.Mark{Event: i, At: at, Lane: lane, Kind: "sync", Name: "sync", Text: "sync log.1"})
		}
		if i%5 == 0 {
			states.Changes = append(states.Changes, report.Change{Event: i, Lane: lane, Set: map[string]string{fmt.Sprintf("lamp/%d", i%50): fmt.Sprint("version ", i)}})
		}
		if i%20 == 0 {
			end := at + 150_000
			run.Operations = append(run.Operations, report.Operation{ID: fmt.Sprintf("c1.%d", i/20), Lane: sim.ID(101 + i/20%2), Key: "lamp/a", Request: "propose on", Call: at, Return: &end, Outcome: "committed"})
		}
		if i%500 == 0 {
			run.Spans = append(run.Spans, report.Span{Kind: "pause", Text: "pause", From: at, To: at + 400_000, Lanes: []sim.ID{lane}})
		}
		run.Events = append(run.Events, e)
		run.Trace = append(run.Trace, fmt.Sprintf("%7d  %-12v %d  %s", e.N, time.Duration(at), lane, e.Text))
	}
	run.Messages = run.Messages[:max(0, events-5)]
	run.States = &states
	run.Violation = &report.Violation{Property: "agreement", Class: "made-up", Sentence: "made up", Event: events - 1, Lane: run.Events[events-1].Lane}
	return &report.Document{Format: report.Format, Version: report.Version, System: "made up", Seed: 7, Status: "violated", Signature: run.Signature, Sentence: run.Sentence, Runs: []report.Run{run}}
}

// Of a hundred thousand events only the visible ones are drawn, wherever the reader is.
func testLarge(t *testing.T, b *chromium) {
	const events = 100_000
	d := madeUp(events)
	begin := time.Now()
	p := open(t, b, "large", d, "")
	p.frame()
	t.Logf("%d events: drawn after %v, %.0f ms of them in the page", events, time.Since(begin).Round(time.Millisecond), eval[float64](p, `performance.now()`))
	require.Equal(t, events-1, eval[int](p, `page.now.event`))

	// The window shows some 30 rows, and three windows are drawn at once.
	const mostRows, mostItems = 120, 1200
	bounded := func() {
		t.Helper()
		require.LessOrEqual(t, eval[int](p, `document.querySelectorAll(".row").length`), mostRows)
		require.LessOrEqual(t, eval[int](p, `page.stats().items`), mostItems)
		require.LessOrEqual(t, eval[int](p, `document.querySelectorAll("*").length`), 2500)
	}
	bounded()
	times := eval[[]float64](p, `(async () => {
		const box = document.querySelector("#stage .box"), whole = box.scrollHeight;
		const times = [];
		for (let i = 0; i < 30; i++) {
			const begin = performance.now();
			box.scrollTop = i < 15 ? whole * i / 15 : whole / 2 + i * 300;
			box.dispatchEvent(new Event("scroll"));
			await new Promise(f => requestAnimationFrame(() => requestAnimationFrame(f)));
			times.push(performance.now() - begin);
		}
		return times.sort((a, b) => a - b);
	})()`)
	t.Logf("scrolling: %d draws; two frames take %.0f ms in the middle, %.0f ms at worst", eval[int](p, `page.stats().draws`), times[len(times)/2], times[len(times)-1])
	bounded()

	begin = time.Now()
	eval[bool](p, `(() => { const q = document.getElementById("question"); q.value = "kind:send proposal not preceded by kind:sync on the same node within 50us"; q.dispatchEvent(new Event("input")); return true; })()`)
	t.Logf("a question: %v: %s", time.Since(begin).Round(time.Millisecond), p.text("#answer"))
	require.Contains(t, p.text("#answer"), "hits")
	bounded()
	p.show("hits")
	bounded()
	p.picture("-light", 1400, 1000)
}

// A document may lack nearly everything.
func testEmpty(t *testing.T, b *chromium) {
	p := open(t, b, "no-run", &report.Document{Sentence: "nothing is known"}, "")
	require.Equal(t, "nothing is known", p.text("#sentence"))
	p = open(t, b, "no-event", &report.Document{Runs: []report.Run{{Sentence: "nothing has happened"}}}, "#event=7&q=a")
	require.Equal(t, "nothing has happened", p.text("#sentence"))
	require.Equal(t, "0 hits", p.text("#answer"))
	p = open(t, b, "one-event", &report.Document{Runs: []report.Run{{Lanes: []report.Lane{{1, "node", "node 1"}}, Events: []report.Event{{N: 1, Lane: 1, Kind: "boot"}}}}}, "")
	require.Contains(t, p.text(".row.selected"), "node 1")
}

// Of many lanes the idle ones are collapsed, behind the others.
func testManyLanes(t *testing.T, b *chromium) {
	d := madeUp(60)
	for i := range 30 {
		d.Runs[0].Lanes = append(d.Runs[0].Lanes, report.Lane{ID: sim.ID(103 + i), Kind: "client", Name: fmt.Sprint("client ", 3+i)})
	}
	d.Runs[0].Events[30].Lane = 120
	p := open(t, b, "many-lanes", d, "")
	lanes := eval[struct{ Order, Collapsed []int }](p, `page.lanes()`)
	require.Equal(t, []int{1, 2, 3, 101, 102, 120}, lanes.Order[:6])
	require.Equal(t, lanes.Order[6:], lanes.Collapsed)
	p.picture("-light", 1400, 1000)
	p.picture("-narrow", 500, 1000)
}

// Names are data, whatever they hold.
func testHostileNames(t *testing.T, b *chromium) {
	hostile := []string{
		`</script><script>window.owned=1</script>`, `<img src=x onerror="window.owned=1">`, `"><svg onload=window.owned=1>`, `<!--<script>`,
		"\u202Egnirts\u202C", "\u2066bidi\u2069", "\x00\x01\x1b[31m", "line\nbreak\u2028", `javascript:window.owned=1`, `{{script}}`, "$&$`$'", "שלום עולם",
	}
	i := 0
	name := func() string { i++; return hostile[i%len(hostile)] }
	d := madeUp(60)
	d.System, d.Sentence, d.Repeat, d.About, d.Signature, d.Cut = name(), name(), name(), name(), name(), hostile
	run := &d.Runs[0]
	run.Name, run.Sentence, run.Signature, run.Evidence, run.Trace, run.Hash = name(), name(), name(), name(), hostile, name()
	run.Plan = report.Plan{Objects: hostile, Families: hostile, Summary: hostile, Operations: hostile, Faults: hostile, Overrides: hostile}
	for i := range run.Lanes {
		run.Lanes[i].Name = name()
	}
	for i := range run.Events {
		run.Events[i].Text, run.Events[i].Kind = name(), name()
	}
	for i := range run.Messages {
		m := &run.Messages[i]
		m.Text, m.Kind, m.Address, m.Cause, m.Fate = name(), name(), name(), name(), name()
	}
	for i := range run.Marks {
		run.Marks[i].Text, run.Marks[i].Name = name(), name()
	}
	for i := range run.Spans {
		run.Spans[i].Text, run.Spans[i].Kind = name(), name()
	}
	for i := range run.Operations {
		o := &run.Operations[i]
		o.ID, o.Key, o.Request, o.Outcome, o.Reason, o.Result = name(), name(), name(), name(), name(), name()
	}
	run.States.Changes = nil
	for _, path := range append(hostile, "__proto__", "constructor") {
		run.States.Changes = append(run.States.Changes, report.Change{Event: 0, Lane: 1, Set: map[string]string{path: name()}})
	}
	run.Violation.Sentence, run.Violation.Facts, run.Violation.Events = name(), hostile, []int{0}
	d.Necessity = &report.Necessity{Signature: name(), Seeds: 10, Rows: []report.NecessityRow{{"", name(), 10, 0}, {name(), name(), 0, 1}}}

	p := open(t, b, "hostile", d, "#event=1")
	p.do(chromedp.Click(chromedp.CSS("#seed summary")), chromedp.Click(chromedp.CSS("#questions summary")))
	p.frame()
	require.True(t, eval[bool](p, `window.owned === undefined`), "a name has run as a script")
	require.Equal(t, 0, eval[int](p, `document.querySelectorAll("img, svg, iframe, a, [onerror], [onload]").length`), "a name has become markup")
	require.Equal(t, 2, eval[int](p, `document.querySelectorAll("script").length`))
	require.False(t, eval[bool](p, `/[\u0000-\u0008\u000b-\u001f\u202a-\u202e\u2066-\u2069\u2028]/.test([...document.querySelectorAll("body *:not(script)")].map(e => [...e.childNodes].filter(n => n.nodeType === 3).map(n => n.data).join("")).join("") + document.title)`),
		"an invisible character is on the page")
	require.Contains(t, p.text("#details"), `\u202egnirts`, "it is spelled out")
	require.Contains(t, p.text("#details"), "__proto__")
	p.picture("-light", 1400, 1000)
}
