package report_test

import (
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/checker"
	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/stretchr/testify/require"
)

// The page of a history of Jepsen tells the verdict, and leads from the table of the
// contradiction to the diagram. The parts of a simulated run are left out.
func testHistory(t *testing.T, b *chromium) {
	d := staleDocument(t)
	p := open(t, b, "history", d, "")
	v := d.Runs[0].Violation
	require.Equal(t, v.Sentence, p.text("#sentence"))
	require.Equal(t, "Lockstep check · history.edn, model cas-register", p.text("#what"))
	require.Equal(t, v.Event, eval[int](p, `page.now.event`))
	require.Equal(t, []string{"p0.0", "p0.6", "! p3.10", "! p1.14"}, eval[[]string](p, `[...document.querySelectorAll(".contradiction tbody th")].map(e => e.textContent)`))
	require.Equal(t, []string{"p3.10", "p1.14"}, eval[[]string](p, `[...document.querySelectorAll(".contradicts .jump:first-child")].filter(e => e.closest(".contradiction") && e.closest("th")).map(e => e.textContent)`))
	for _, absent := range []string{"nearest", "certain", "necessity", "raw", "seed", "runs"} {
		require.True(t, eval[bool](p, `document.getElementById("`+absent+`").hidden`), absent)
	}
	require.Contains(t, p.text("#found"), "it has 5 operations of the last 6, up to the violation. The states")
	require.Contains(t, p.text("#details"), "The operation p1.14")
	p.picture("-light", 1400, 1400)
	p.picture("-narrow", 500, 1400)

	eval[bool](p, `(document.querySelector(".contradiction .jump").click(), true)`)
	require.Contains(t, p.text(".row.selected"), "p0.0 write 1")
	eval[bool](p, `(page.choose(6), true)`)
	require.Contains(t, p.text("#details"), "nemesis: start-partition")

	p = open(t, b, "history-dark", d, "", "prefers-color-scheme", "dark")
	p.picture("", 1400, 1400)
}

// Other verdicts have the order that explains all, or the hardest window.
func testHistoryVerdicts(t *testing.T, b *chromium) {
	p := open(t, b, "undecided", undecidedDocument(t), "")
	require.Contains(t, p.text("#why"), "24 operations in flight")
	require.Contains(t, p.text("#why"), "What would help")
	p.picture("-light", 1400, 1000)

	h := history.History{Model: history.ModelRegister, Operations: []history.Operation{write("b", 1, "2", 5, 30), write("a", 0, "1", 0, 10)}}
	p = open(t, b, "linearizable", documentOfHistory(t, h, checker.Options{}), "")
	require.Equal(t, "✓ linearizable", p.text(".badge"))
	require.Contains(t, p.text("#history"), "This order explains all that the clients saw")
	p.picture("-light", 1400, 1000)
}

// A hundred thousand operations open, and only the visible ones are drawn.
func testLongHistory(t *testing.T, b *chromium) {
	const operations = 100_000
	h := longHistory(operations, operations-50)
	h.Annotations = []history.Annotation{{Start: 1e7, End: 9e7, Text: "nemesis: kill"}}
	d := documentOfHistory(t, h, checker.Options{})
	begin := time.Now()
	p := open(t, b, "history-large", d, "")
	p.frame()
	t.Logf("%d operations: drawn after %v, %.0f ms of them in the page", operations, time.Since(begin).Round(time.Millisecond), eval[float64](p, `performance.now()`))
	require.Equal(t, d.Runs[0].Violation.Event, eval[int](p, `page.now.event`))
	require.LessOrEqual(t, eval[int](p, `document.querySelectorAll("*").length`), 2500)
	require.LessOrEqual(t, eval[int](p, `page.stats().items`), 1200)
	p.picture("-light", 1400, 1000)
}
