package report_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/checker"
	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/checker/jepsen"
	"github.com/lockstep-dst/lockstep/scenarios/report"
	"github.com/stretchr/testify/require"
)

// staleJepsen is a history of Jepsen in which a read is stale after a partition.
const staleJepsen = `{:process 0 :type :invoke :f :write :value 1 :time 1000000}
{:process 1 :type :invoke :f :read :value nil :time 2000000}
{:process 0 :type :ok :f :write :value 1 :time 5000000}
{:process 1 :type :ok :f :read :value 1 :time 6000000}
{:process :nemesis :type :info :f :start-partition :value :majority :time 7000000}
{:process :nemesis :type :info :f :start-partition :value {"n1" #{"n2"}} :time 8000000}
{:process 0 :type :invoke :f :cas :value [1 2] :time 9000000}
{:process 2 :type :invoke :f :write :value 3 :time 9500000}
{:process 0 :type :ok :f :cas :value [1 2] :time 12000000}
{:process 2 :type :info :f :write :value 3 :error :timeout :time 14000000}
{:process 3 :type :invoke :f :read :value nil :time 15000000}
{:process 3 :type :ok :f :read :value 2 :time 16000000}
{:process :nemesis :type :info :f :stop-partition :value nil :time 17000000}
{:process :nemesis :type :info :f :stop-partition :value :network-healed :time 18000000}
{:process 1 :type :invoke :f :read :value nil :time 19000000}
{:process 1 :type :ok :f :read :value 1 :time 21000000}
{:process 0 :type :invoke :f :write :value 4 :time 22000000}
{:process 0 :type :ok :f :write :value 4 :time 23000000}
`

// documentOfHistory is the document of a history as check makes it.
func documentOfHistory(t *testing.T, h history.History, o checker.Options) *report.Document {
	t.Helper()
	o.Explain = true
	r := checker.Check(t.Context(), h, o)
	return report.MakeHistory(t.Context(), report.HistorySource{Name: "history.edn", History: h, Result: r, Repeat: "lockstep check history.edn"})
}

func staleDocument(t *testing.T) *report.Document {
	t.Helper()
	r, err := jepsen.Read(strings.NewReader(staleJepsen), jepsen.Options{})
	require.NoError(t, err)
	return documentOfHistory(t, r.History, checker.Options{})
}

func write(id string, client int, value string, call, end int64) history.Operation {
	return history.Operation{ID: id, Client: client, Kind: history.KindWrite, Argument: value, Call: call, Return: end, Outcome: history.Committed, Version: history.NoVersion}
}

// A violated history is told by its operations as events, the contradiction with the writers
// of the values seen, the actions of the nemesis, and the order found.
func TestDocumentOfAViolatedHistory(t *testing.T) {
	d := staleDocument(t)
	require.Equal(t, "violated", d.Status)
	require.Equal(t, "linearizability/read", d.Signature)
	run := &d.Runs[0]
	require.Len(t, run.Events, 18, "seven calls and two annotations, each with its end")
	v := run.Violation
	require.Equal(t, "register", strings.Fields(v.Sentence)[0][:8])
	require.Equal(t, "response", run.Events[v.Event].Kind)
	require.Equal(t, "p1.14 read: committed, 1", run.Events[v.Event].Text)
	require.Equal(t, []string{"p3.10", "p1.14"}, v.Operations)
	require.Equal(t, []report.Row{
		{Operation: "p0.0", Text: "committed 1"},
		{Operation: "p0.6", Text: "committed 2", After: []string{"p0.0"}},
		{Operation: "p3.10", Text: "read 2", Contradicts: true, After: []string{"p0.6"}},
		{Operation: "p1.14", Text: "read 1", Contradicts: true, After: []string{"p3.10"}},
	}, v.Rows)
	require.Equal(t, report.Span{Kind: "annotation", Text: `nemesis: start-partition {"n1" #{"n2"}}`, From: 7e6, To: 18e6}, run.Spans[0])
	require.Equal(t, []report.FoundStep{{"p0.0", "1"}, {"p1.1", "1"}, {"p0.6", "2"}, {"p3.10", "2"}, {"p2.7", "3"}}, run.Found.Steps)
	require.Zero(t, run.Found.Before)
	require.False(t, run.Found.Complete)
}

// The operations of other objects are left out of a violated history, and counted.
func TestDocumentIsAboutTheViolatedObject(t *testing.T) {
	h := history.History{Model: history.ModelKV}
	for i := range 10 {
		op := write(fmt.Sprint("w", i), i%2, fmt.Sprint(i), int64(10*i), int64(10*i+5))
		op.Machine = fmt.Sprint("k", i%2)
		h.Operations = append(h.Operations, op)
	}
	require.Len(t, documentOfHistory(t, h, checker.Options{}).Runs[0].Operations, 10)
	h.Operations = append(h.Operations, history.Operation{ID: "r", Client: 2, Machine: "k1", Kind: history.KindRead, State: "3", Call: 200, Return: 210, Outcome: history.Committed, Version: history.NoVersion})
	d := documentOfHistory(t, h, checker.Options{})
	require.Len(t, d.Runs[0].Operations, 6)
	require.Equal(t, []string{"k1"}, d.Runs[0].Plan.Objects)
	require.Contains(t, d.Cut[0], "5 operations on other objects")
}

// Of a linearizable history the order is known, of an undecided one the hardest window.
func TestDocumentsOfOtherVerdicts(t *testing.T) {
	h := history.History{Model: history.ModelRegister, Operations: []history.Operation{write("b", 1, "2", 5, 30), write("a", 0, "1", 0, 10)}}
	d := documentOfHistory(t, h, checker.Options{})
	require.Equal(t, "passed", d.Status)
	require.Nil(t, d.Runs[0].Violation)
	require.ElementsMatch(t, []string{"a", "b"}, d.Runs[0].Order)

	d = undecidedDocument(t)
	require.Equal(t, "undecided", d.Status)
	require.Equal(t, 24, d.Runs[0].Hardest.Overlapping)
	require.Equal(t, "hardest", d.Runs[0].Spans[0].Kind)
}

// undecidedDocument is of a queue with too many orders for the memory that it gets.
func undecidedDocument(t *testing.T) *report.Document {
	t.Helper()
	const items = 24
	h := history.History{Model: history.ModelQueue}
	add := func(id string, kind history.Kind, client, item int, call, end int64) {
		op := write(id, client, fmt.Sprint(item), call, end)
		if op.Kind = kind; kind == history.KindDequeue {
			op.Argument, op.State = "", op.Argument
		}
		h.Operations = append(h.Operations, op)
	}
	for i := range items {
		add(fmt.Sprint("e", i), history.KindEnqueue, i, i%2, int64(i), int64(100+i))
	}
	for i := range items {
		add(fmt.Sprint("d", i), history.KindDequeue, i, i/2%2, int64(200+10*i), int64(205+10*i))
	}
	return documentOfHistory(t, h, checker.Options{Memory: 1 << 10})
}

// Clients that follow one another share a lane if there are many.
func TestManyClientsShareLanes(t *testing.T) {
	h := history.History{Model: history.ModelRegister}
	for i := range 100 {
		h.Operations = append(h.Operations, write(fmt.Sprint("w", i), i, "1", int64(10*i), int64(10*i+15)))
	}
	run := documentOfHistory(t, h, checker.Options{}).Runs[0]
	require.Equal(t, []string{"annotation", "client 0 and 49 later", "client 1 and 49 later"}, []string{run.Lanes[0].Name, run.Lanes[1].Name, run.Lanes[2].Name})
	require.Equal(t, run.Lanes[1].ID, run.Operations[98].Lane)
	require.Equal(t, run.Lanes[2].ID, run.Operations[99].Lane)
}

// Of very many operations the last ones up to the violation are shown, and a few after it.
func TestLongHistoriesAreCut(t *testing.T) {
	h := longHistory(1000, 700)
	r := checker.Check(t.Context(), h, checker.Options{Explain: true})
	require.Equal(t, checker.Violated, r.Status)
	d := report.MakeHistory(t.Context(), report.HistorySource{History: h, Result: r, Operations: 100})
	require.Len(t, d.Runs[0].Operations, 100)
	require.Equal(t, []string{"Of 1000 operations, 614 to 713 in order of call are shown"}, d.Cut)
	require.Equal(t, "w700", d.Runs[0].Operations[87].ID)
}

// longHistory writes one register again and again; operation number bad reads a value
// that was never written.
func longHistory(operations, bad int) history.History {
	h := history.History{Model: history.ModelRegister}
	for i := range operations {
		h.Operations = append(h.Operations, write(fmt.Sprint("w", i), i%5, fmt.Sprint(i), int64(1000*i), int64(1000*i+2500)))
	}
	h.Operations[bad].Kind, h.Operations[bad].Argument, h.Operations[bad].State = history.KindRead, "", "never"
	return h
}

// No text of a history is markup or script on its page, and the policy of the page allows no
// script but its own.
func TestPagesTakeNoNameOfAHistoryForMarkup(t *testing.T) {
	h := longHistory(20, 10)
	h.Model = history.ModelKV
	for i := range h.Operations {
		op := &h.Operations[i]
		op.ID, op.Machine, op.Reason = fmt.Sprint(hostileName, i), hostileName, hostileName
		if op.Argument != "" {
			op.Argument = hostileName
		}
	}
	h.Annotations = []history.Annotation{{Start: 10, End: 2000, Text: hostileName}}
	d := documentOfHistory(t, h, checker.Options{})
	require.Equal(t, "violated", d.Status)
	var page bytes.Buffer
	require.NoError(t, report.WriteHTML(&page, d))
	require.Equal(t, 2, strings.Count(page.String(), "</script>"))
	for _, never := range []string{"alert(1)</", "\u2028", "\u2029", "unsafe-inline", "innerHTML", "insertAdjacentHTML", "document.write", "eval("} {
		require.NotContains(t, page.String(), never)
	}
	require.Regexp(t, `script-src 'sha256-[^']+';`, page.String())
}
