package report_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/canary"
	"github.com/lockstep-dst/lockstep/scenarios/report"
	"github.com/stretchr/testify/require"
)

// One browser shows all pages of these tests.
func TestPageInABrowser(t *testing.T) {
	b := browser(t)
	t.Run("failures", func(t *testing.T) { testFailures(t, b) })
	t.Run("steps", func(t *testing.T) { testSteps(t, b) })
	t.Run("questions", func(t *testing.T) { testQuestions(t, b) })
	t.Run("links", func(t *testing.T) { testLinks(t, b) })
	t.Run("themes", func(t *testing.T) { testThemes(t, b) })
	t.Run("contrast", func(t *testing.T) { testContrast(t, b) })
	t.Run("lanes", func(t *testing.T) { testLanes(t, b) })
	t.Run("operations", func(t *testing.T) { testOperations(t, b) })
	t.Run("nearest", func(t *testing.T) { testNearest(t, b) })
	t.Run("search", func(t *testing.T) { testSearch(t, b) })
	t.Run("print", func(t *testing.T) { testPrint(t, b) })
	t.Run("empty", func(t *testing.T) { testEmpty(t, b) })
	t.Run("many lanes", func(t *testing.T) { testManyLanes(t, b) })
	t.Run("hostile names", func(t *testing.T) { testHostileNames(t, b) })
	t.Run("large", func(t *testing.T) { testLarge(t, b) })
	t.Run("history", func(t *testing.T) { testHistory(t, b) })
	t.Run("verdicts on histories", func(t *testing.T) { testHistoryVerdicts(t, b) })
	t.Run("long history", func(t *testing.T) { testLongHistory(t, b) })
	t.Run("loops", func(t *testing.T) { testLoops(t, b) })
	t.Run("head", func(t *testing.T) { testHead(t, b) })
	t.Run("long head", func(t *testing.T) { testLongHead(t, b) })
	t.Run("ignored", func(t *testing.T) { testIgnored(t, b) })
	t.Run("modules", func(t *testing.T) { testModules(t, b) })
}

// failureOf returns the document of the first failing seed of a system, shrunk, with its full run.
func failureOf(t *testing.T, sys scenarios.System, signature string) *report.Document {
	t.Helper()
	c := campaign.Campaign{System: sys, Shape: scenarios.Shape{Profile: scenarios.All}}
	require.NoError(t, c.Validate())
	for seed := range uint64(300) {
		p := c.Plan(seed)
		d, err := report.Make(t.Context(), sys, report.Source{Full: p}, report.Options{Events: 100})
		require.NoError(t, err)
		if d.Signature != signature {
			continue
		}
		small, err := campaign.Shrink(context.Background(), sys, p, campaign.ShrinkOptions{Runs: 150, Workers: 1})
		require.NoError(t, err)
		d, err = report.Make(t.Context(), sys, report.Source{Full: p, Shrunk: small.Plan, Repeat: fmt.Sprintf("lockstep replay %d --system %s", seed, sys.Name)}, report.Options{Full: true})
		require.NoError(t, err)
		return d
	}
	t.Fatalf("%s: no seed fails with %s", sys.Name, signature)
	return nil
}

// keptDocument is a document of a system that this module does not contain, as report --json
// wrote it.
func keptDocument(t *testing.T, name string) *report.Document {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name + ".json")
	require.NoError(t, err)
	var d report.Document
	require.NoError(t, json.Unmarshal(text, &d))
	return &d
}

// Failures of each kind are told from the verdict to the trace.
func testFailures(t *testing.T, b *chromium) {
	for _, f := range []struct {
		name      string
		document  func() *report.Document
		signature string
	}{
		{"twice", func() *report.Document { return documentOf(t, "duplicated-commit") }, "agreement/applied-twice"},
		{"read", func() *report.Document { return documentOf(t, "shrunk-read") }, "linearizability/read"},
		{"crash", func() *report.Document { return documentOf(t, "restart-forks") }, "agreement/fork-after-restart"},
		{"stuck", func() *report.Document { return failureOf(t, canary.System(), "liveness/client-stuck") }, "liveness/client-stuck"},
		{"raft", func() *report.Document { return keptDocument(t, "etcdraft-vote-not-saved") }, "invariant/two-leaders-of-a-term"},
		{"disk", func() *report.Document { return failureOf(t, forgetful(), "linearizability/read") }, "linearizability/read"},
	} {
		t.Run(f.name, func(t *testing.T) {
			d := f.document()
			require.Equal(t, f.signature, d.Signature)
			p := open(t, b, f.name, d, "")
			run := &d.Runs[0]
			require.Equal(t, run.Violation.Sentence, p.text("#sentence"))
			require.Contains(t, p.text("#status"), "violated "+f.signature)
			require.Equal(t, d.Repeat, p.text("#line"))

			// The chosen event is the first wrong step, which often is the one with the violation,
			// and all that is said of it agrees.
			wrong, said := run.Violation.Event, "violation shows here"
			if w := run.Violation.Wrong; w != nil {
				wrong, said = *w, "first wrong step"
			}
			require.Contains(t, p.text(".row.violated.selected"), said)
			require.Contains(t, p.text("#details h3"), fmt.Sprintf("Event %d ", run.Events[wrong].N))
			require.Regexp(t, fmt.Sprintf(`^ *%d `, run.Events[run.Violation.Event].N), p.text("#trace .line.selected"), "the raw trace opens at the violation")
			require.Equal(t, "Expected: "+run.Violation.Expected+".", p.text("#expected"))
			require.Equal(t, fmt.Sprintf("event-%d", wrong), eval[string](p, `document.querySelector("[role=listbox]").getAttribute("aria-activedescendant")`))
			require.True(t, eval[bool](p, `document.getElementById(document.querySelector("[role=listbox]").getAttribute("aria-activedescendant")) !== null`))
			require.Greater(t, eval[int](p, `page.stats().items`), 5)
			require.Greater(t, eval[int](p, `colors()`+colorsOf), 3, "colors of pixels on the canvas")
			require.Equal(t, len(run.Operations), eval[int](p, `Number(document.querySelector("#operations [aria-setsize]")?.ariaSetSize ?? 0)`))
			p.picture("-light", 1400, 1000)
			p.picture("-narrow", 500, 1200)
		})
	}
}

// colorsOf counts the colors of the diagram.
const colorsOf = `;
function colors() {
  const c = document.querySelector("#stage .content canvas"), all = new Set();
  for (const x of new Uint32Array(c.getContext("2d").getImageData(0, 0, c.width, c.height).data.buffer)) all.add(x);
  return all.size;
}`

// The reader goes through events by keys, buttons and the slider; the states are those of
// the document.
func testSteps(t *testing.T, b *chromium) {
	d := documentOf(t, "duplicated-commit")
	run := &d.Runs[0]
	p := open(t, b, "steps", d, "")
	last := run.Violation.Event
	at := func() int { return eval[int](p, `page.now.event`) }
	require.Equal(t, last, at())

	p.do(chromedp.Focus(chromedp.CSS("[role=listbox]")))
	p.keys(kb.ArrowUp)
	require.Equal(t, last-1, at())
	p.keys(kb.Home)
	require.Equal(t, 0, at())
	p.do(chromedp.Click(chromedp.CSS(`#scrubber button[aria-label^="next"]`)))
	require.Equal(t, 1, at())
	eval[bool](p, `(() => { const r = document.querySelector("#scrubber input"); r.value = 7; r.dispatchEvent(new Event("input")); return true; })()`)
	require.Equal(t, 7, at())
	require.Contains(t, eval[string](p, `document.querySelector("#scrubber input").getAttribute("aria-valuetext")`), fmt.Sprintf("event %d at", run.Events[7].N))

	// The head leads to the contradiction, and an event to its lines in the trace.
	p.do(chromedp.Click(chromedp.CSS("#why .jump")))
	require.Equal(t, run.Violation.Events[0], at())
	eval[bool](p, `[...document.querySelectorAll("#details .jump")].find((b) => b.textContent.includes("raw trace")).click(), true`)
	require.Regexp(t, fmt.Sprintf(`^ *%d `, run.Events[at()].N), p.text("#trace .line.selected"))
	p.do(chromedp.Click(chromedp.CSS(`#scrubber button[title^="where the violation"]`)))
	require.Equal(t, last, at())

	// A click on a row chooses it.
	p.do(chromedp.Click(chromedp.CSS("#event-3 .what")))
	require.Equal(t, 3, at())

	values := map[string]string{}
	for event := range run.Events {
		changed := map[string]string{}
		for _, c := range run.States.Changes {
			if c.Event != event {
				continue
			}
			for _, path := range c.Unset {
				delete(values, fmt.Sprint(c.Lane, " ", path))
				changed[fmt.Sprint(c.Lane, " ", path)] = "gone"
			}
			for path, value := range c.Set {
				values[fmt.Sprint(c.Lane, " ", path)] = value
				changed[fmt.Sprint(c.Lane, " ", path)] = value
			}
		}
		eval[bool](p, fmt.Sprintf(`page.choose(%d), true`, event))
		shown := eval[map[string]string](p, `Object.fromEntries([...document.querySelectorAll(".node")].flatMap(n => [...n.querySelectorAll("tr:not(.changed)")].map(tr =>
			[n.querySelector("summary bdi").textContent.replace("node ", "") + " " + tr.querySelector("th bdi").textContent, tr.querySelector("td").textContent])))`)
		marked := eval[map[string]string](p, `Object.fromEntries([...document.querySelectorAll(".node")].flatMap(n => [...n.querySelectorAll("tr.changed")].map(tr =>
			[n.querySelector("summary bdi").textContent.replace("node ", "") + " " + tr.querySelector("th bdi").textContent, (tr.querySelector("ins") ?? tr.querySelector("em")).textContent])))`)
		require.Equal(t, changed, marked, "event %d", event)
		for path, value := range values {
			if _, is := changed[path]; !is {
				require.Equal(t, value, shown[path], "event %d, %s", event, path)
			}
		}
	}
}

// Questions are counted, and their hits marked.
func testQuestions(t *testing.T, b *chromium) {
	d := documentOf(t, "shrunk-read")
	run := &d.Runs[0]
	p := open(t, b, "questions", d, "")
	ask := func(question string) string {
		eval[bool](p, fmt.Sprintf(`(() => { const q = document.getElementById("question"); q.value = %q; q.dispatchEvent(new Event("input")); return true; })()`, question))
		return p.text("#answer")
	}
	lost := 0
	for _, m := range run.Messages {
		if m.Fate == "dropped" {
			lost++
		}
	}
	require.Equal(t, 2, lost)
	require.Equal(t, "2 hits", ask("kind:send kind:dropped"))
	require.Equal(t, 2, eval[int](p, `document.querySelectorAll(".row.hit").length`))
	require.Contains(t, p.text(".row.hit"), "hit")

	// Node 3 has proposed, so it applies without a commit of another one.
	alone := 0
	for _, m := range run.Marks {
		if m.Name == "applied" && m.Lane == 3 {
			alone++
		}
	}
	require.Equal(t, fmt.Sprintf("%d hits", alone), ask("kind:applied not preceded by kind:receive kind:commit on the same node"))
	require.Equal(t, "3", eval[string](p, `String(page.model().events[[...page.now.hits][0]].lane)`))
	require.Equal(t, "0 hits", ask("kind:applied not preceded by kind:proposal within 1s"))
	p.picture("-light", 1400, 1000)

	ask("kind:send kind:dropped")
	p.show("hits")
	require.Equal(t, 2, eval[int](p, `page.rows().count`))
	require.Equal(t, 2, eval[int](p, `document.querySelectorAll(".row").length`))

	require.Contains(t, ask("a preceded by b within soon"), "within” needs a duration, as in 5ms")
	require.Equal(t, "true", eval[string](p, `document.getElementById("question").getAttribute("aria-invalid")`))
	require.Empty(t, ask(""))
	require.Equal(t, len(run.Events), eval[int](p, `page.rows().count`))

	// Events without an effect can be left out: they send, report and change nothing.
	p.show("effect")
	quiet := len(run.Events) - eval[int](p, `page.rows().count`)
	require.Positive(t, quiet)
	require.NotContains(t, eval[string](p, `[...document.querySelectorAll(".row")].map(r => r.textContent).join("\n")`), "node 3 timer 1\n")
	require.Contains(t, p.text(".row.violated"), "violation")

	// The causes of the violation are part of the run, and have a first one.
	p.show("causes")
	causes := eval[int](p, `page.rows().count`)
	require.Less(t, causes, len(run.Events))
	require.Contains(t, eval[string](p, `[...document.querySelectorAll(".row")].map(r => r.textContent).join("\n")`), "call c1.2 read", "the key is in the head of the list")
}

// A link to an instant holds when the page is made again.
func testLinks(t *testing.T, b *chromium) {
	d := documentOf(t, "shrunk-read")
	number := d.Runs[0].Events[9].N
	fragment := fmt.Sprintf("#run=shrunk&event=%d&q=kind:applied", number)
	for range 2 {
		p := open(t, b, "links", d, fragment)
		require.Equal(t, 9, eval[int](p, `page.now.event`))
		require.Equal(t, "kind:applied", eval[string](p, `document.getElementById("question").value`))
		require.Contains(t, p.text("#answer"), "hits")

		p.do(chromedp.Focus(chromedp.CSS("[role=listbox]")))
		p.keys(kb.ArrowDown)
		p.do(chromedp.Sleep(250 * time.Millisecond))
		require.Contains(t, eval[string](p, `location.hash`), fmt.Sprintf("event=%d&", d.Runs[0].Events[10].N))
		d.Cut = append(d.Cut, "made again")
	}

	// An event that the run does not have leads to the violation.
	p := open(t, b, "links", d, "#event=999999")
	require.Equal(t, d.Runs[0].Violation.Event, eval[int](p, `page.now.event`))
}

// The page follows the system's theme, until the reader chooses one.
func testThemes(t *testing.T, b *chromium) {
	p := open(t, b, "themes", documentOf(t, "restart-forks"), "", "prefers-color-scheme", "dark")
	color := func() string { return eval[string](p, `getComputedStyle(document.body).backgroundColor`) }
	pixel := func() string {
		return eval[string](p, `(() => { const c = document.querySelector("#stage .content canvas"); return c.toDataURL().length + c.toDataURL().slice(-200); })()`)
	}
	const dark, light = "rgb(20, 23, 28)", "rgb(255, 255, 255)"
	require.Equal(t, dark, color())
	before := pixel()
	p.picture("-dark", 1400, 1000)
	p.picture("-dark-narrow", 500, 1200)
	p.do(chromedp.Click(chromedp.CSS("#theme")))
	require.Equal(t, light, color())
	require.NotEqual(t, before, pixel(), "the diagram has the colors of the theme")
	p.do(chromedp.Click(chromedp.CSS("#theme")))
	require.Equal(t, dark, color())
	p.do(chromedp.Click(chromedp.CSS("#theme")))
	before = pixel()
	p.media("prefers-color-scheme", "light")
	require.Equal(t, light, color())
	p.frame()
	require.NotEqual(t, before, pixel(), "the diagram follows the system, too")
}

// Text can be read on everything that it stands on: its contrast is that of WCAG 2, level AA.
func testContrast(t *testing.T, b *chromium) {
	p := open(t, b, "contrast", madeUp(10), "")
	for _, theme := range []string{"light", "dark"} {
		p.media("prefers-color-scheme", theme)
		for text, grounds := range map[string]string{
			"text": "background panel selected hit danger-soft", "muted": "background panel selected hit danger-soft", "accent": "background panel", "danger": "background panel selected danger-soft",
			"odd": "background panel hit", "mark": "background selected hit danger-soft", "on-danger": "danger", "cut": "background",
		} {
			for _, ground := range strings.Fields(grounds) {
				contrast := eval[float64](p, fmt.Sprintf(`(() => {
					const style = getComputedStyle(document.documentElement);
					const light = (name) => [1, 3, 5].map((i) => parseInt(style.getPropertyValue("--" + name).trim().slice(i, i + 2), 16) / 255)
						.map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0.05);
					const [a, b] = [light(%q), light(%q)].sort((a, b) => a - b);
					return b / a;
				})()`, text, ground))
				require.GreaterOrEqual(t, contrast, 4.5, "%s: %s on %s", theme, text, ground)
			}
		}
	}
}

// Lanes collapse and move, by mouse and by keys; rows grow and shrink.
func testLanes(t *testing.T, b *chromium) {
	p := open(t, b, "lanes", documentOf(t, "shrunk-read"), "")
	order := func() string {
		return eval[string](p, `[...document.querySelectorAll("[data-lane]")].map(b => b.dataset.lane).join(" ")`)
	}
	require.Equal(t, "1 2 3 101 199", order())
	p.do(chromedp.Focus(chromedp.CSS(`[data-lane="1"]`)))
	p.do(chromedp.KeyEvent(kb.ArrowRight, chromedp.KeyModifiers(chromedp.ModifierAlt)))
	require.Equal(t, "2 1 3 101 199", order())
	x := func(lane int) float64 {
		return eval[float64](p, fmt.Sprintf(`(() => { const b = document.querySelector('[data-lane="%d"]').getBoundingClientRect(); return b.left + b.width / 2; })()`, lane))
	}
	y := eval[float64](p, `document.querySelector(".lanes").getBoundingClientRect().top + 15`)
	p.do(chromedp.DragAndDropXY(x(2), y, x(3), y, 4))
	require.Equal(t, "1 3 2 101 199", order())
	p.do(chromedp.Click(chromedp.CSS(`[data-lane="199"]`)))
	require.Equal(t, "false", eval[string](p, `document.querySelector('[data-lane="199"]').getAttribute("aria-expanded")`))
	p.keys(kb.Enter)
	require.Equal(t, "true", eval[string](p, `document.querySelector('[data-lane="199"]').getAttribute("aria-expanded")`))

	p.do(chromedp.Focus(chromedp.CSS("[role=listbox]")))
	before := eval[float64](p, `page.stats().rowHeight`)
	p.keys("+")
	require.Greater(t, eval[float64](p, `page.stats().rowHeight`), before)
	p.keys("-----------")
	require.Less(t, eval[float64](p, `page.stats().rowHeight`), 6.0)
	require.Contains(t, p.text(".row.violated"), "violation shows here", "rows that matter keep their text")
	p.picture("-far", 1400, 1000)

	// Wheel and fingers zoom, too, and the mouse drags.
	far := eval[float64](p, `page.stats().rowHeight`)
	eval[bool](p, `document.querySelector("#stage .content").dispatchEvent(new WheelEvent("wheel", { deltaY: -200, ctrlKey: true, bubbles: true, cancelable: true }))`)
	near := eval[float64](p, `page.stats().rowHeight`)
	require.Greater(t, near, far)
	eval[bool](p, `(() => {
		const content = document.querySelector("#stage .content");
		const finger = (type, id, y) => content.dispatchEvent(new PointerEvent(type, { pointerId: id, pointerType: "touch", clientX: 300, clientY: y, bubbles: true }));
		finger("pointerdown", 11, 500);
		finger("pointerdown", 12, 540);
		finger("pointermove", 12, 600);
		finger("pointerup", 11, 500);
		return finger("pointerup", 12, 600);
	})()`)
	require.Greater(t, eval[float64](p, `page.stats().rowHeight`), near)
	eval[bool](p, `document.querySelector("#stage .box").scrollTop = 0, document.querySelector("#stage").scrollIntoView(), true`)
	top := eval[float64](p, `document.querySelector("#stage").getBoundingClientRect().top`)
	p.do(chromedp.DragAndDropXY(300, top+300, 300, top+200, 4))
	require.InDelta(t, 100, eval[float64](p, `document.querySelector("#stage .box").scrollTop`), 10)
	p.do(chromedp.DragAndDropXY(700, top+300, 800, top+200, 4))
	require.InDelta(t, 100, eval[float64](p, `document.querySelector("#stage .box").scrollTop`), 10, "a drag over the list selects its text")
	require.NotEmpty(t, eval[string](p, `String(getSelection())`))
}

// The operations have the order that explains them, and the parts of the plan their
// necessity.
func testOperations(t *testing.T, b *chromium) {
	d := documentOf(t, "one-client")
	run := &d.Runs[0]
	require.Equal(t, "passed", run.Status)
	require.NotEmpty(t, run.Order)
	d.Necessity = &report.Necessity{Signature: "a/b", Seeds: 200, Rows: []report.NecessityRow{{What: "the plan as it is", Same: 200}, {Kind: "fault", What: "partition [3] | [2]", Same: 1, Other: 20}}}
	p := open(t, b, "operations", d, "")
	require.Contains(t, p.text("#status"), "passed")
	shown := eval[map[string]string](p, `Object.fromEntries([...document.querySelectorAll("#operations .spacer .operation")].map((o) => [o.querySelector("bdi").textContent, o.lastElementChild.textContent]))`)
	want := map[string]string{}
	for _, o := range run.Operations {
		want[o.ID] = ""
	}
	for i, id := range run.Order {
		want[id] = fmt.Sprintf("#%d", i+1)
	}
	require.Equal(t, want, shown)
	require.Equal(t, "as it is 100 % 0 %", p.text("#needs tbody tr"))
	require.Equal(t, "without fault partition [3] | [2] 1 % 10 %", p.text("#needs tbody tr + tr"))
	p.picture("-light", 1400, 1000)

	// Its call is a click away.
	p.do(chromedp.Click(chromedp.CSS("#operations .spacer .operation .jump")))
	require.Contains(t, p.text("#details h3"), "client")
}

// Where the lives of processes part from those in the nearest run that passes.
func testNearest(t *testing.T, b *chromium) {
	d := documentOf(t, "duplicated-commit")
	d.Runs = append(d.Runs, documentOf(t, "one-client").Runs[0])
	d.Runs[1].Name = "passing"
	d.Nearest = &report.Nearest{
		Kind: "override", What: "1>2 commit", Run: new(1), Same: 3, OnlyFailing: []int{4, 18}, OnlyPassing: []int{5},
		Parting: []report.PartingOf{{Lane: 2, Event: new(18), Failing: "receives twice"}, {Lane: 101, Passing: "learns it"}},
	}
	d.Runs[0].NoReturn = &report.NoReturn{Seeds: 20, Point: new(1), Instants: []report.NoReturnInstant{
		{N: 0, Same: 5, Other: 1}, {N: d.Runs[0].Events[6].N, At: d.Runs[0].Events[6].At, Same: 20},
	}}
	p := open(t, b, "nearest", d, "")
	require.Contains(t, p.text("#noreturn p"), "The point of no return is event 7 at 1ms: from there on all 20 runs with other choices fail.")
	require.Contains(t, p.text("#event-6"), "⚑ point of no return")
	require.Equal(t, "the beginning0s 25 % 5 %", p.text("#noreturn tbody tr"))
	require.Contains(t, p.text("#difference p"), "Without the override 1>2 commit the plan passes. The first 3 events are the same; 2 events up to the violation are not in that run.")
	require.Equal(t, "node 2event 19 receives twicenothing more", p.text("#difference tbody tr"))
	require.Equal(t, "client 1nothing morelearns it", p.text("#difference tbody tr + tr"))
	p.picture("-light", 1400, 2200)
	p.show("differs")
	require.Equal(t, 2, eval[int](p, `page.rows().count`))
	p.do(chromedp.Click(chromedp.CSS("#difference p button")))
	require.Contains(t, p.text("#status"), "passed")
	p.show("differs")
	require.Equal(t, 1, eval[int](p, `page.rows().count`))
	p.do(chromedp.Click(chromedp.CSS("#difference .jump")))
	require.Equal(t, 18, eval[int](p, `page.now.event`))
	require.Contains(t, p.text("#status"), "violated")
}

// The raw trace can be searched.
func testSearch(t *testing.T, b *chromium) {
	d := documentOf(t, "shrunk-read")
	p := open(t, b, "search", d, "")
	found := 0
	for _, line := range d.Runs[0].Trace {
		if strings.Contains(line, "acknowledgment") {
			found++
		}
	}
	require.Positive(t, found)
	p.do(chromedp.SendKeys(chromedp.CSS("#trace input[type=search]"), "Acknowledgment"))
	require.Contains(t, p.text("#trace [role=status]"), fmt.Sprintf("%d lines of", found))
	p.do(chromedp.Click(chromedp.CSS("#trace input[type=checkbox]")))
	p.frame()
	require.Equal(t, found, eval[int](p, `document.querySelectorAll("#trace .line").length`))
}

// On paper the list is complete.
func testPrint(t *testing.T, b *chromium) {
	d := documentOf(t, "shrunk-read")
	p := open(t, b, "print", d, "", "prefers-color-scheme", "dark")
	pdf, err := chromedp.Run(p.ctx, chromedp.PrintToPDF())
	require.NoError(t, err)
	require.Greater(t, len(pdf), 10_000)
	eval[bool](p, `window.dispatchEvent(new Event("beforeprint"))`)
	require.Equal(t, len(d.Runs[0].Events), eval[int](p, `document.querySelectorAll(".row").length`))
	require.Equal(t, "rgb(255, 255, 255)", eval[string](p, `getComputedStyle(document.body).backgroundColor`), "paper is light")
	eval[bool](p, `window.dispatchEvent(new Event("afterprint"))`)
	require.Equal(t, "rgb(20, 23, 28)", eval[string](p, `getComputedStyle(document.body).backgroundColor`))
	require.Equal(t, d.Runs[0].Violation.Event, eval[int](p, `page.now.event`))
}
