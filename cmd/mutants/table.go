package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// table holds all findings and their summary.
type table struct {
	Date     string     `json:"date"`
	Commit   string     `json:"commit"`
	Starts   int        `json:"starts"`
	Budget   uint64     `json:"budget"` // seeds of a campaign
	Jobs     int        `json:"jobs"`
	Took     string     `json:"took"`
	Killed   int        `json:"killed"`
	ByTests  int        `json:"killed_by_tests"` // and by no campaign
	Total    int        `json:"of"`              // mutants that are not equivalent
	Median   float64    `json:"core_seconds"`    // median over mutants
	Worst    float64    `json:"worst"`           // the longest campaign, over mutants
	Steps    int        `json:"steps"`           // median over mutants
	Ablation []ablation `json:"ablation,omitempty"`
	Findings []finding  `json:"mutants"`

	mu      sync.Mutex
	ablated bool
	of      int // findings that there will be
	known   int // that there were before this run
	later   int // that are left to later runs
	begin   time.Time
}

// ablation is the result without a part of the harness.
type ablation struct {
	Without   string   `json:"without"`
	Killed    int      `json:"killed"`
	Slower    int      `json:"slower"` // by more than twice the seeds of the whole harness
	Faster    int      `json:"faster"` // by less than half of them
	Missed    []string `json:"missed"`
	Undecided []string `json:"undecided,omitempty"` // not measured: the time of a process or of the checker ended
}

func newTable(ctx context.Context, root string, o *options) *table {
	t := &table{
		Date: time.Now().UTC().Format(time.DateOnly), Starts: o.starts, Budget: o.seeds, Jobs: o.jobs, ablated: o.ablate,
	}
	cmd := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty")
	cmd.Dir = root
	if out, err := cmd.Output(); err == nil { // otherwise it is no clone, and there is no commit
		t.Commit = strings.TrimSpace(string(out))
	}
	return t
}

// add adds a finding, and prints it.
func (t *table) add(w io.Writer, f finding) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Findings = append(t.Findings, f)
	said := f.killer()
	if f.Status == broken || f.Status == undecided {
		said = f.Problem
	}
	_, err := fmt.Fprintf(w, "%3d/%d %s: %-10s %-40s %d/%d %7d seeds %7.2f s %3d steps  %s\n",
		len(t.Findings), t.of, t.times(time.Since(t.begin)), f.Status, f.Name, f.Kills, f.Starts, f.Seeds, f.Seconds, f.Steps, said)
	return err
}

// times describes the time since the first mutant of this run, and estimates the time
// that is left for those that it is to test.
func (t *table) times(since time.Duration) string {
	done := len(t.Findings) - t.known
	left := since * time.Duration(t.of-t.later-len(t.Findings)) / time.Duration(max(done, 1))
	return fmt.Sprintf("%v, %v left", since.Round(time.Second), left.Round(time.Second))
}

// finish sorts the findings into the order of the mutants, and adds them up.
func (t *table) finish(all []*mutant, took time.Duration) {
	t.Took = took.Round(time.Second).String()
	place := func(f finding) int { return slices.IndexFunc(all, func(m *mutant) bool { return m.name == f.Name }) }
	slices.SortFunc(t.Findings, func(a, b finding) int { return cmp.Compare(place(a), place(b)) })
	var seconds []float64
	var steps []int
	for _, f := range t.Findings {
		if f.Status == equivalent {
			continue
		}
		t.Total++
		if f.Status != killed {
			continue
		}
		t.Killed++
		if f.Property == "" {
			t.ByTests++
			continue
		}
		seconds = append(seconds, f.Seconds)
		if f.Shrunk {
			steps = append(steps, f.Steps)
		}
	}
	t.Median, t.Worst, t.Steps = median(seconds), slices.Max(append(seconds, 0)), median(steps)
	if !t.ablated {
		return
	}
	for i, part := range parts {
		a := ablation{Without: part, Missed: []string{}}
		for _, f := range t.Findings {
			if len(f.Ablated) > 0 {
				a.add(&f, f.Ablated[i])
			}
		}
		t.Ablation = append(t.Ablation, a)
	}
}

func (a *ablation) add(f *finding, r ablatedFinding) {
	if r.Undecided {
		a.Undecided = append(a.Undecided, f.Name)
		return
	}
	if !r.Killed {
		a.Missed = append(a.Missed, f.Name)
		return
	}
	a.Killed++
	switch {
	case r.Seeds > 2*f.Seeds:
		a.Slower++
	case 2*r.Seeds < f.Seeds:
		a.Faster++
	}
}

func median[T cmp.Ordered](list []T) (m T) {
	if len(list) == 0 {
		return m
	}
	list = slices.Sorted(slices.Values(list))
	return list[len(list)/2]
}

// unresolved returns an error if a mutant is neither killed nor equivalent.
func (t *table) unresolved() error {
	var bad []string
	for _, f := range t.Findings {
		if f.Status == survived || f.Status == undecided || f.Status == broken {
			bad = append(bad, f.Name+" ("+f.Status+")")
		}
	}
	if len(bad) == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d: %s: make the harness find what survives, or argue in the mutant's file that it is equivalent; give more --cpu to the undecided; correct the mutants that are broken",
		len(bad), len(t.Findings), strings.Join(bad, ", "))
}

// print prints the table, and writes it to the page if requested.
func (o *options) print(cmd *cobra.Command, root string, t *table) error {
	if o.write {
		if err := t.writeInto(filepath.Join(root, "docs", "TEETH.md")); err != nil {
			return err
		}
	}
	if o.json {
		e := json.NewEncoder(cmd.OutOrStdout())
		e.SetIndent("", "  ")
		return e.Encode(t)
	}
	_, err := fmt.Fprint(cmd.OutOrStdout(), t.text())
	return err
}

// sentence returns the summary of the table.
func (t *table) sentence() string {
	return fmt.Sprintf("%d of %d mutants killed, %d of them by unit tests alone; core-seconds of a campaign to kill: median %.2f, worst %.2f; steps of the shrunk plan: median %d.",
		t.Killed, t.Total, t.ByTests, t.Median, t.Worst, t.Steps)
}

// text returns the table for a terminal.
func (t *table) text() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "class\tmutant\tverdict\tby\tcampaigns\tseeds\tcore-s\tsteps\ttest\tcore-s")
	for _, f := range t.Findings {
		test, seconds := f.testColumns()
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d/%d\t%d\t%.2f\t%d\t%s\t%s\n",
			f.Class, f.Name, f.Status, f.Property, f.Kills, f.Starts, f.Seeds, f.Seconds, f.Steps, test, seconds)
	}
	w.Flush()
	for _, a := range t.Ablation {
		fmt.Fprintf(&b, "without %s: %d killed (%d slower, %d faster), %d missed: %s; undecided: %s\n",
			a.Without, a.Killed, a.Slower, a.Faster, len(a.Missed), strings.Join(a.Missed, ", "), strings.Join(a.Undecided, ", "))
	}
	fmt.Fprintf(&b, "%s It took %s.\n", t.sentence(), t.Took)
	return b.String()
}

// The lines of docs/TEETH.md that enclose the table.
const (
	tableBegins = "<!-- the table begins: go run ./cmd/mutants --tests --ablate --write -->\n"
	tableEnds   = "<!-- the table ends -->\n"
)

// writeInto replaces the table in a page.
func (t *table) writeInto(file string) error {
	page, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, begins := bytes.Cut(page, []byte(tableBegins))
	_, after, ends := bytes.Cut(rest, []byte(tableEnds))
	if !begins || !ends {
		return fmt.Errorf("%s: the lines are missing between which the table stands: %q and %q", file, tableBegins, tableEnds)
	}
	return os.WriteFile(file, slices.Concat(before, []byte(tableBegins), []byte(t.markdown()), []byte(tableEnds), after), 0o666)
}

// markdown returns the table for the page.
func (t *table) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s, commit %s, %d campaigns a mutant, each of at most %d seeds, %d at a time on a core each; all of it took %s.\n\n**%s**\n\n",
		t.Date, t.Commit, t.Starts, t.Budget, t.Jobs, t.Took, t.sentence())
	b.WriteString("| class | mutant | killed by | campaigns | seeds | core-s | worst | steps | missed without | test | core-s |\n|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, f := range t.Findings {
		b.WriteString(f.row())
	}
	if len(t.Ablation) > 0 {
		b.WriteString("\n| without | killed | with more than twice the seeds | with less than half | missed | undecided |\n|---|---|---|---|---|---|\n")
		for _, a := range t.Ablation {
			fmt.Fprintf(&b, "| %s | %d of %d | %d | %d | %s | %s |\n",
				a.Without, a.Killed, a.Killed+len(a.Missed), a.Slower, a.Faster, strings.Join(a.Missed, ", "), strings.Join(a.Undecided, ", "))
		}
	}
	b.WriteString("\n")
	return b.String()
}

// row is the finding as a row of the table.
func (f *finding) row() string {
	campaigns := " |  |  |  |  | "
	if f.Starts > 0 {
		campaigns = fmt.Sprintf("%d/%d | %d | %.2f | %.2f | %s | %s", f.Kills, f.Starts, f.Seeds, f.Seconds, f.Worst, f.steps(), strings.Join(f.missedWithout(), ", "))
	}
	by := f.Property
	if f.Status != killed {
		by = "**" + f.Status + "**"
	}
	test, seconds := f.testColumns()
	return fmt.Sprintf("| %s | [%s](../testdata/mutants/%s.txt) | %s | %s | %s | %s |\n", f.Class, f.Name, f.Name, by, campaigns, test, seconds)
}

// steps is the size of the shrunk plan.
func (f *finding) steps() string {
	switch {
	case !f.Shrunk:
		return ""
	case !f.Minimal:
		return "≤ " + fmt.Sprint(f.Steps)
	}
	return fmt.Sprint(f.Steps)
}

// testColumns are the test that found the mutant, or the verdict of the tests, and
// their processor time. They are empty if no tests were run.
func (f *finding) testColumns() (test, seconds string) {
	if f.Tests == nil {
		return "", ""
	}
	test = f.Tests.Test
	if test == "" {
		test = f.Tests.Status
	}
	return test, fmt.Sprintf("%.1f", f.Tests.Seconds)
}
