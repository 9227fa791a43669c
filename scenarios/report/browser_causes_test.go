package report_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/lockstep-dst/lockstep/scenarios/report"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/stretchr/testify/require"
)

// looping is a run in which node 1 calls node 2 in vain for a hundred times, with something
// else before, between and after.
func looping() *report.Document {
	run := report.Run{Name: "shrunk", Status: "violated", Plan: report.Plan{Objects: []string{"lamp/a"}}}
	for id := sim.ID(1); id <= 3; id++ {
		run.Lanes = append(run.Lanes, report.Lane{ID: id, Kind: "node", Name: fmt.Sprint("node ", id)})
	}
	add := func(kind, text string) {
		n := len(run.Events)
		run.Events = append(run.Events, report.Event{N: uint64(n + 1), At: report.Time(n), Lane: 1, Kind: kind, Text: text})
	}
	add("boot", "boot 1")
	for i := range 100 {
		if i == 50 {
			add("invoke", "something else")
		}
		n := len(run.Events)
		add("timer", fmt.Sprintf("round %d of lamp/a failed", i))
		run.Messages = append(run.Messages, report.Message{From: 1, To: 2, Sent: n, Kind: "prepare", Text: "prepare", Fate: "dropped", Cause: "cut"})
	}
	add("timer", "the end")
	run.Count = uint64(len(run.Events))
	up := true
	state := func(lane sim.ID, value string) report.Change {
		return report.Change{Event: 0, Lane: lane, Up: &up, Set: map[string]string{"lamp/a/value": value, "lamp/a/rounds": fmt.Sprint(lane), "other": "x"}}
	}
	run.States = &report.States{Changes: []report.Change{state(1, "on"), state(2, "off"), state(3, "on")}}
	run.Violation = &report.Violation{
		Property: "convergence", Class: "differ", Sentence: "they differ", Expected: "They hold the same", Event: len(run.Events) - 1, Wrong: new(51), Object: "lamp/a", Values: []string{"value"},
		Causes: []report.Cause{{Event: new(0), Lane: 1, Text: "value: on"}, {Lane: 2, Text: "no commit of lamp/a was sent to it", Missing: true}},
	}
	return &report.Document{Format: report.Format, Version: report.Version, Status: "violated", Runs: []report.Run{run}}
}

// A loop is a row, which tells how often it repeats, and unfolds by a click or a key.
func testLoops(t *testing.T, b *chromium) {
	p := open(t, b, "loops", looping(), "")
	rows := func() int { return eval[int](p, `page.rows().count`) }
	// Of a hundred repeats the first two and the last are shown, and two folds; and the first
	// event, the one between, and the end.
	require.Equal(t, 8, rows())
	require.Equal(t, "4… 48 events, 48 repeats of node 1 round 2 failed — unfold", eval[string](p, `[...document.querySelector(".row.fold").children].filter((c) => c.className !== "time").map((c) => c.textContent).join("")`))
	require.Equal(t, 51, eval[int](p, `page.now.event`), "the page opens at the first wrong step")
	require.Contains(t, p.text("#event-51"), "⚠ first wrong step")
	p.picture("-light", 1400, 1000)

	p.do(chromedp.Click(chromedp.CSS(".row.fold .what")))
	require.Equal(t, 8+47, rows())
	eval[bool](p, `page.choose(52 + 2), true`)
	p.do(chromedp.Focus(chromedp.CSS("[role=listbox]")))
	eval[bool](p, `page.choose([...document.querySelectorAll(".row.fold")].map((r) => Number(r.id.slice(6)))[0]), true`)
	p.keys(kb.Enter)
	require.Equal(t, len(looping().Runs[0].Events), rows())

	// A link to an event of a loop unfolds that; and all events can be chosen at once.
	p = open(t, b, "loops", looping(), "#event=20")
	require.Equal(t, 19, eval[int](p, `page.now.event`))
	require.Contains(t, p.text(".row.selected"), "round 18 failed")
	p = open(t, b, "loops", looping(), "")
	p.show("every")
	require.Equal(t, len(looping().Runs[0].Events), rows())

	// The keys lead to the first wrong step, and to where it shows.
	p.keys("v")
	require.Equal(t, len(looping().Runs[0].Events)-1, eval[int](p, `page.now.event`))
	p.keys("w")
	require.Equal(t, 51, eval[int](p, `page.now.event`))
}

// The head tells the rule, the causes of the violation and the events that are missing, and
// where nodes should agree a table tells the values of each.
func testHead(t *testing.T, b *chromium) {
	p := open(t, b, "head", looping(), "")
	require.Equal(t, "Expected: They hold the same.", p.text("#expected"))
	require.Equal(t, "event 1 0s node 1 value: on", p.text(".causes li"))
	require.Equal(t, "missing: node 2 no commit was sent to it", p.text(".causes li + li"))
	require.Equal(t, []string{"lamp/anode 1node 2node 3", "rounds123", "≠ valueon≠ offon"},
		eval[[]string](p, `[...document.querySelectorAll(".holdings tr")].map((r) => r.textContent)`), "values that it is not about may differ")
	p.do(chromedp.Click(chromedp.CSS(".causes .jump")))
	require.Equal(t, 0, eval[int](p, `page.now.event`))
}

// A long list in the head tells what it leaves out, and a click shows that. Advice at the end of
// a sentence is folded, and the signature is cut in its middle.
func testLongHead(t *testing.T, b *chromium) {
	d := looping()
	v := d.Runs[0].Violation
	v.Sentence = "Round 3 of node 1 failed: the link is down. The others go on without it"
	d.Signature = "assertion/" + strings.Repeat("panic-", 20) + "at-the-end"
	d.Runs[0].Signature = d.Signature
	v.Events, v.Causes = nil, nil
	for i := range 12 {
		v.Events = append(v.Events, 2+i)
		v.Causes = append(v.Causes, report.Cause{Event: new(2 + i), Lane: sim.ID(i%2 + 1), Text: fmt.Sprintf("value: %d", i/2)})
	}
	p := open(t, b, "long-head", d, "")
	require.Equal(t, "Round 3 of node 1 failed: the link is down", p.text("#sentence"))
	require.Contains(t, p.text("#rest details"), "The others go on without it")
	require.Equal(t, d.Signature, eval[string](p, `document.querySelector("#status code").title`))
	require.Less(t, len(p.text("#status code")), len(d.Signature))
	items := func(list string) int {
		return eval[int](p, fmt.Sprintf(`document.querySelectorAll(%q).length`, list+" li"))
	}
	require.Equal(t, 8, items(".contradicting"))
	require.Equal(t, "8 of 13, the nearest to the sentence; the others are of events 3, 4, 5, 6, 7: show all", p.text(".contradicting + .note"))
	require.Equal(t, 6, items(".causes"), "the same of two nodes is one line")
	require.Equal(t, "event 3 2ns node 1, event 4 3ns node 2 value: 0", p.text(".causes li"))
	p.do(chromedp.Click(chromedp.CSS(".more")))
	require.Equal(t, 13, items(".contradicting"), "the first wrong step is there too")
	require.Equal(t, "no element .more", p.text(".more"))
}

// A message that changed nothing was ignored, and one that was refused has the words of the
// refusal, with the values of the receiver; both at its receiver and at its sender.
func testIgnored(t *testing.T, b *chromium) {
	d := looping()
	run := &d.Runs[0]
	for i, at := range []int{52, 53} {
		run.Messages[at].Text, run.Messages[at].Fate, run.Messages[at].Cause = "prepare lamp/a 1", "delivered", ""
		run.Events = append(run.Events, report.Event{N: uint64(200 + i), At: run.Events[len(run.Events)-1].At + 1, Lane: 2, Kind: "receive", Text: "prepare lamp/a 1", Message: new(at)})
		run.Messages[at].Arrivals = []report.Arrival{{Event: new(len(run.Events) - 1)}}
	}
	last := len(run.Events) - 1
	run.Messages = append(run.Messages, report.Message{From: 2, To: 1, Sent: last, Kind: "reject-prepare", Text: "reject lamp/a promised 7", Fate: "open"})
	run.Violation.Event = last
	p := open(t, b, "ignored", d, fmt.Sprintf("#event=%d", run.Events[last-1].N))
	require.Contains(t, p.text("#details .event"), "node 2 ignored it: it sent nothing, asked nothing of its disk, and its state stayed as it was. It held, of lamp/a: rounds 2; value off.")
	eval[bool](p, fmt.Sprintf(`page.choose(%d), true`, last))
	require.Contains(t, p.text("#details .event"), "node 2 refused it: reject lamp/a promised 7 It held, of lamp/a: rounds 2; value off")
	eval[bool](p, fmt.Sprintf(`page.choose(%d), true`, run.Messages[52].Sent))
	require.Contains(t, p.text("#details .event"), "ignored there")
	eval[bool](p, fmt.Sprintf(`page.choose(%d), true`, run.Messages[53].Sent))
	require.Contains(t, p.text("#details .event"), "refused there: reject lamp/a promised 7")
}
