package checker

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/checker/model"
)

var (
	tableOf    = flag.String("table", "", "TestTable: print the table of the shapes of which the name has this text; all: of every shape")
	tableSizes = flag.String("table-sizes", "10000,100000,1000000", "TestTable: operations")
	tableLimit = flag.Duration("table-limit", 20*time.Second, "TestTable: processor time of a cell, after which it is a dash")
	tableOther = flag.Duration("table-porcupine-limit", 30*time.Second, "TestTable: the limit of Porcupine's cells")
	tableShare = flag.Duration("table-porcupine-share", 6*time.Minute, "TestTable: processor time of all cells of Porcupine, after which it is not tried")
	tablePast  = flag.String("table-before", "", "TestTable: a test binary of an earlier version, for a column of its own")
	tableRuns  = flag.Int("table-runs", 3, "TestTable: runs of a cell, of which the median is printed; one if a run takes more than two seconds")
)

// tabled are the shapes of the table, right ones. Each is made bad, too.
var tabled = []shape{
	{model: history.ModelRegister, clients: 20},
	{model: history.ModelRegister, clients: 50},
	{model: history.ModelRegister, clients: 50, unknown: 50},
	{model: history.ModelRegister, clients: 20, values: 5},
	{model: history.ModelRegister, clients: 50, values: 5, unknown: 50},
	{model: history.ModelRegister, clients: 20, values: 1000, unknown: 50, versions: true},
	{model: history.ModelCASRegister, clients: 20},
	{model: history.ModelCASRegister, clients: 50},
	{model: history.ModelCASRegister, clients: 50, unknown: 50},
	{model: history.ModelCASRegister, clients: 20, values: 5},
	{model: history.ModelCASRegister, clients: 50, values: 5, unknown: 50},
	{model: history.ModelCASRegister, clients: 20, values: 5, unknown: 50, versions: true},
	{model: history.ModelRegister, clients: 50, values: 1000},
	{model: history.ModelRegister, clients: 50, values: 1000, unknown: 50},
	{model: history.ModelCASRegister, clients: 50, values: 5},
	{model: history.ModelCASRegister, clients: 20, values: 1000, unknown: 50},
	{model: history.ModelCASRegister, clients: 50, values: 1000},
	{model: history.ModelMachine, clients: 20, states: 10},
	{model: history.ModelMachine, clients: 50, states: 10},
	{model: history.ModelMachine, clients: 50, states: 10, unknown: 50},
	{model: history.ModelMachine, clients: 50, states: 10, unknown: 50, versions: true},
	{model: history.ModelKV, clients: 20, keys: 1000, values: 5},
	{model: history.ModelKV, clients: 50, keys: 1000, values: 5, unknown: 50},
	{model: history.ModelAppendList, clients: 20},
	{model: history.ModelAppendList, clients: 50, unknown: 50},
	{model: history.ModelQueue, clients: 20},
	{model: history.ModelQueue, clients: 50, unknown: 50},
	{model: history.ModelSet, clients: 20, values: 1000},
	{model: history.ModelSet, clients: 50, values: 1000, unknown: 50},
	{model: history.ModelSet, clients: 50, unknown: 50},
	{model: history.ModelCounter, clients: 20, values: 1},
	{model: history.ModelCounter, clients: 20, values: 5},
	{model: history.ModelCounter, clients: 50, values: 5, unknown: 50},
	{model: history.ModelLock, clients: 20},
	{model: history.ModelLock, clients: 50, unknown: 50},
}

// TestTable prints the table of docs/JUDGE.md: for each shape what reading and
// judging cost, beside Porcupine, which is given the history as it was read. Each
// cell is a process of its own: processor time, and the peak of its memory, the
// history included. A size is not tried where a smaller one was not decided; Porcupine,
// which seldom comes to an end, not where a tenth of the size took it more than a thirtieth
// of its limit.
//
//	go test ./checker -run 'Table$' -timeout 3h -v -args -table all
func TestTable(t *testing.T) {
	if *tableOf == "" {
		t.Skip("it takes 25 minutes: give -table")
	}
	var sizes []int
	require.NoError(t, json.Unmarshal([]byte("["+*tableSizes+"]"), &sizes))
	fmt.Println("| shape | clients | unknown | operations | " + strings.Join(columns(), " | ") + " |")
	fmt.Println("|---|---:|---:|---:|" + strings.Repeat("---:|", len(columns())))
	for _, s := range tabled {
		if *tableOf != "all" && !strings.Contains(s.String(), *tableOf) {
			continue
		}
		lost := map[string]string{}
		for _, s.operations = range sizes {
			fmt.Println(s.row(t, lost))
		}
	}
}

// row measures the cells of a row. Lost has the columns in which it is known that a size
// is not decided, and the text of the next cell.
func (s shape) row(t *testing.T, lost map[string]string) string {
	text := fmt.Sprintf("| %s | %d | %s | %s |", s.name(), s.clients, s.share(), thousands(s.operations))
	cells := map[string][]cell{}
	files := s.files(t)
	s.tryOther(t, lost)
	for range *tableRuns { // interleaved, as the machine may be busy for a while
		for _, column := range columns() {
			done := cells[column]
			if lost[column] != "" || len(done) > 0 && done[0].CPU > 2*time.Second {
				continue
			}
			judge, bad := strings.CutSuffix(column, ", one response wrong")
			limit := limitOf(judge)
			if limit == 0 {
				lost[column] = notTried
				continue
			}
			c := measure(files[bad], judge, limit)
			s.bad = bad
			c.check(t, s, column)
			if cells[column] = append(done, c); !c.decided() {
				lost[column] = "none in " + limit.String()
			}
		}
	}
	for _, column := range columns() {
		text += " " + cmp.Or(lost[column], median(cells[column])) + " |"
		if judge, _, _ := strings.Cut(column, ","); lost[column] != "" || judge == byOther && cells[column][0].CPU > limitOf(judge)/30 {
			lost[column] = notTried
		}
	}
	for _, file := range files {
		require.NoError(t, os.Remove(file))
	}
	return text
}

// tryOther has Porcupine judge a tenth of a shape first: if that takes it more than a
// thirtieth of its limit the shape itself is not tried, and the cell tells the time.
func (s shape) tryOther(t *testing.T, lost map[string]string) {
	s.operations /= 10
	if lost[triedOther] != "" || s.operations < 100 {
		return
	}
	lost[triedOther] = "tried"
	limit, files := limitOf(byOther)/10, s.files(t)
	for _, column := range columns() {
		judge, bad := strings.CutSuffix(column, ", one response wrong")
		if judge != byOther || limit == 0 {
			continue
		}
		s.bad = bad
		c := measure(files[bad], judge, limit)
		c.check(t, s, column)
		switch {
		case !c.decided():
			lost[column] = fmt.Sprintf("none of %s in %v", thousands(s.operations), limit)
		case c.CPU > limit/3:
			lost[column] = fmt.Sprintf("%s in %.2f s", thousands(s.operations), c.CPU.Seconds())
		}
	}
	for _, file := range files {
		require.NoError(t, os.Remove(file))
	}
}

const notTried = "not tried"

// triedOther is where lost notes that Porcupine has judged a tenth.
const triedOther = "a tenth"

// files writes the history of a shape, right and with one response wrong.
func (s shape) files(t *testing.T) map[bool]string {
	files := map[bool]string{}
	for _, s.bad = range []bool{false, true} {
		files[s.bad] = filepath.Join(t.TempDir(), "history.jsonl")
		f, err := os.Create(files[s.bad])
		require.NoError(t, err)
		require.NoError(t, history.Write(f, s.history(1)))
		require.NoError(t, f.Close())
	}
	return files
}

// columns of the table: the judge, and whether the history is bad.
func columns() (columns []string) {
	judges := []string{byLockstep, byOther}
	if *tablePast != "" {
		judges = []string{byLockstep, byPast, byOther}
	}
	for _, judge := range judges {
		columns = append(columns, judge, judge+", one response wrong")
	}
	return columns
}

// Judges of a cell.
const (
	byLockstep = "lockstep"
	byPast     = "before"
	byOther    = "Porcupine"
)

func (s shape) name() string {
	name := string(s.model)
	switch {
	case s.states > 0:
		name += fmt.Sprintf(", %d states of three steps", s.states)
	case s.model == history.ModelLock:
	case s.values == 0:
		name += ", each value once"
	case s.model == history.ModelCounter:
		name += fmt.Sprintf(", numbers up to %d", s.values)
	default:
		name += fmt.Sprintf(", %s values", thousands(s.values))
	}
	if s.keys > 0 {
		name += fmt.Sprintf(", %s keys", thousands(s.keys))
	}
	if s.versions {
		name += ", versions"
	}
	return name
}

func (s shape) share() string {
	if s.unknown == 0 {
		return ""
	}
	return fmt.Sprintf("%d %%", s.unknown/10)
}

func thousands(n int) string {
	text := fmt.Sprint(n)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

// cell is what one process measured. Status is empty if it ended before that, as
// for want of memory.
type cell struct {
	Status Status
	CPU    time.Duration // of reading too, of lockstep
	Peak   int64         // bytes
}

// decided reports whether there was a verdict.
func (c cell) decided() bool { return c.Status != "" && c.Status != Undecided }

// check fails if the verdict on a shape is wrong. Operations of unknown outcome may explain
// a response that is wrong.
func (c cell) check(t *testing.T, s shape, column string) {
	if c.decided() && c.Status != s.verdict() && (!s.bad || s.unknown == 0) {
		t.Errorf("%s, %s: the verdict is %s", s, column, c.Status)
	}
}

// median is the text of the cell with the median of time.
func median(cells []cell) string {
	if len(cells) == 0 {
		return notTried
	}
	slices.SortFunc(cells, func(x, y cell) int { return int(x.CPU - y.CPU) })
	c := cells[len(cells)/2]
	return fmt.Sprintf("%.2f s, %d MiB", c.CPU.Seconds(), c.Peak>>20)
}

// cellEnv has the judge and the file of a process that measures a cell.
const cellEnv = "LOCKSTEP_TABLE_CELL"

// limitOf returns the processor time of a cell of a judge; of Porcupine the rest of its
// share at most.
func limitOf(judge string) time.Duration {
	if judge == byOther {
		return min(*tableOther, *tableShare).Truncate(time.Second)
	}
	return *tableLimit
}

// measure measures a cell in a process of its own.
func measure(file, judge string, limit time.Duration) cell {
	binary, by := os.Args[0], judge
	if judge == byPast {
		binary, by = *tablePast, byLockstep
	}
	cmd := exec.Command(binary, "-test.run=^TestTableCell$", "-test.timeout=20m", "-table-limit="+limit.String())
	cmd.Env = append(os.Environ(), cellEnv+"="+by+" "+file)
	out, _ := cmd.Output() // a process without a result is a cell without one
	if judge == byOther {
		*tableShare -= cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	var c cell
	for line := range bytes.Lines(out) {
		if result, found := bytes.CutPrefix(line, []byte(cellEnv)); found {
			_ = json.Unmarshal(result, &c)
		}
	}
	return c
}

// TestTableCell is the process of a cell.
func TestTableCell(t *testing.T) {
	by, file, given := strings.Cut(os.Getenv(cellEnv), " ")
	if !given {
		t.Skip("it is for TestTable")
	}
	limitMemory(t, 4<<30)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		for processorTime() < *tableLimit {
			time.Sleep(20 * time.Millisecond)
		}
		cancel()
	}()
	var c cell
	before := processorTime()
	f, err := os.Open(file)
	require.NoError(t, err)
	h, err := history.Read(f)
	require.NoError(t, err)
	if by == byLockstep {
		c.Status = Check(ctx, h, Options{Explain: true}).Status
	} else {
		before = processorTime()
		c.Status = byPorcupine(ctx, h)
	}
	c.CPU, c.Peak = processorTime()-before, peakMemory(t)
	text, err := json.Marshal(c)
	require.NoError(t, err)
	fmt.Printf("%s%s\n", cellEnv, text)
}

// byPorcupine is Porcupine's verdict, machine by machine.
func byPorcupine(ctx context.Context, h history.History) Status {
	for _, m := range machines(h.Operations) {
		var verdict feasibility
		if a, err := automatonOf(h, m); err == nil && compiles(h.Model) {
			m.automaton = a
			verdict = m.runPorcupine(ctx, m.checkedOps(), 1<<60)
		} else {
			known, _ := model.Of(&h)
			b := newObject(known, m)
			verdict = b.search(ctx, math.MaxInt).run(b.prefix(len(b.returns) - 1))
		}
		switch verdict {
		case unsure:
			return Undecided
		case impossible:
			return Violated
		}
	}
	return Linearizable
}
