package checker_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// flaws are bugs of a checker, each a change of its text.
var flaws = []struct {
	name, file, old, new string
	histories            int // needed to find it, if more than few
}{
	{"witness: what observes may have returned before", "witness.go", " || c.ret < made", " || c.ret < made-100", 0},
	{"linearizer: of steps alike the last to return goes first", "linearizer.go", "s.c.ret < l.steps[at].c.ret", "s.c.ret > l.steps[at].c.ret", 40_000},
	{"stream: an instant is judged before all of it is known", "stream.go", "m.returns[returned].ret < horizon", "m.returns[returned].ret < horizon+30", 0},

	{"stream: an object that was given up is judged by what was known of it", "stream.go", "	m.calls, m.returns, m.monitor = nil, nil, nil\n", "", 0},
	{"witness: a step may have returned before", "witness.go", " && w.time <= made.ret }) {", " }) {", 0},
	{"witness: what observes holds nothing back", "witness.go", "w.time = max(w.time, c.call)", "_ = c.call", 0},
	{"witness: an unknown step is taken before its call", "witness.go", "max(w.time, spares[0].call)", "w.time", 60_000},
	{"witness: a gap may end anywhere", "witness.go", "return w.allows(w.state, made) && w.time <= made.ret })", "return true })", 60_000},
	{"clusters: chains that overlap are no contradiction", "clusters.go", "c.firstReturn(x, h) < c.lastCall(l) && c.firstReturn(x, l) < c.lastCall(h)", "c.firstReturn(x, h) < c.lastCall(l) && c.firstReturn(x, l) > c.lastCall(h)", 0},
	{"clusters: what observes may have returned before the write", "clusters.go", "			if !follow(c.first[v], v) {", "			if n < 0 && !follow(c.first[v], v) {", 0},
	{"excerpts: an operation in flight has its response", "excerpts.go", "c.rank[i] != none && c.rank[i] <= x.last", "c.rank[i] != none", 0},
	{"clusters: what an unknown compare and set expects need not have been", "clusters.go", "		c.need(op.from)\n", "", 0},
	{"excerpts: intervals are open", "excerpts.go", "if c.ops[i].call > until {", "if c.ops[i].call >= until {", 0},
	{"excerpts: the culprit is the last of the first evidence", "excerpts.go", "				hint = bad - 1\n", "				good = bad - 1\n", 0},
	{"rejections: the period of the value expected will do", "clusters_rejections.go", "p.values[k] == op.from {", "p.values[k] == op.from && k < 0 {", 0},
	{"rejections: a period may come before one that has returned", "clusters_rejections.go", "first = max(first, r.period)", "_ = r.period", 0},
	{"lists: an append may return before one that is told before it", "lists.go", "			if evidence := late(w); evidence != nil {", "			if evidence := late(w); evidence != nil && k < 0 {", 0},
	{"lists: what none tells may come before", "lists.go", "append(slots, rest))", "slots)", 0},
	{"lists: lists that differ are alike", "lists.go", "!slices.Equal(l.told[i], l.told[longest][:len(l.told[i])])", "!slices.Equal(l.told[i], l.told[i])", 0},
	{"lists: a rejected append was carried out", "lists.go", "(l.ops[w].meaning != committedStep ||", "(false ||", 0},
	{"fifo: an item added later may be taken sooner", "fifo.go", "if last != none && q.ops[last].call > q.ops[d].ret {", "if last != none && d == none {", 0},
	{"fifo: an operation of unknown outcome takes many items", "fifo.go", "if a.deadline < q.removedAt(n) {", "if a.deadline < q.removedAt(0) {", 0},
	{"fifo: a queue is not empty at the first instant of an item", "fifo.go", "p.from < stretches[last].to {", "p.from <= stretches[last].to {", 60_000},
	{"fifo: a rejected item may be taken", "fifo.go", "q.ops[q.enqueue[e]].meaning == noEffect:", "e == none:", 0},
	{"fifo: operations that are left out do not take items", "doubtful.go", "r.ops[i].ret >= from && !r.known(x, i) {", "r.ops[i].ret >= from && r.known(x, i) {", 0},
	{"elements: an unknown step may be taken twice", "elements.go", "	*unknown--\n", "", 40_000},
	{"elements: an element is added only if it is absent", "elements.go", "before: op.Kind == history.KindRemove, changes", "before: op.Kind == history.KindAdd, changes", 0},
	{"growing set: what finds an element absent may come later", "growing_set.go", "s.ops[b.absent].call > base.at {", "s.ops[b.absent].call < 0 {", 0},
	{"growing set: an add that found the element may be the first", "growing_set.go", `op.meaning == noEffect || op.op.State == "false"`, "op.meaning == noEffect", 0},
	{"growing set: reads need not contain those before", "growing_set.go", "case held < size:", "case held < size && at < 0:", 60_000},
	{"increments: an add that tells the sum has no position", "increments.go", "			s.vacant--\n", "", 0},
	{"increments: the last to return is the first", "increments.go", "return h.rank[h.ops[i]] < h.rank[h.ops[j]]", "return h.rank[h.ops[i]] > h.rank[h.ops[j]]", 0},
	{"increments: adds that tell more count", "increments.go", "int64(called)-int64(rejected)-s.beyond < s.count", "int64(called)-int64(rejected) < s.count", 60_000},
	{"growing counter: it is too late for the number that it has come to", "object_states.go", "state > c.state\n", "state >= c.state\n", 0},
	{"growing counter: any number may be told", "growing_counter.go", "c.state != unspecified && c.state != next", "c.state != unspecified && c.state > next", 0},
	{"lists: a list that is told ends one element sooner", "lists.go", "ends[at] = k + 1", "ends[at] = k", 0},
	{"holds: intervals are open", "holds.go", "h.first() < g.last() && g.first() < h.last()", "h.first() <= g.last() && g.first() <= h.last()", 60_000},
	{"holds: a refused acquire needs nobody", "holds_order.go", "s.earlyAcquire[k] <= op.ret {", "s.earlyAcquire[k] <= op.ret+1000 {", 0},
	{"holds: an operation of unknown outcome takes effect often", "holds.go", "best.used = true", "best.used = false", 0},
	{"at once: the machine that was found last is told", "at_once.go", "r.Status != Violated || i > p.violated", "r.Status != Violated", 0},
	{"at once: machines before a violated one are given up", "at_once.go", "if k > i {", "if k < i {", 0},
	{"gaps: deadlines are those of the version alone", "gaps.go", "p.deadline[v] = min(p.deadline[v], p.deadline[v+1])", "_ = v", 0},
	{"gaps: known values choose the first called", "gaps.go", "for _, v := range slices.Backward(gaps) {", "for _, v := range gaps {", 0},
	{"gaps: what is left over is lost", "gaps.go", "return append(left, writes[:next+1]...), true", "return left, true", 0},
	{"linearizer: an unknown step may be taken twice", "linearizer.go", "if used == l.kinds[k].called ||", "if used > l.kinds[k].called ||", 0},
	{"linearizer: what was absorbed is not seen any more", "linearizer.go", "if !done || absorbed {", "if absorbed = !done; absorbed {", 60_000},
	{"linearizer: what was absorbed is not seen to at its return", "linearizer.go", "if !done || !spent {", "if spent = done; !spent {", 0},
	{"linearizer: absorbed by any step", "linearizer.go", "if !l.isBlindWrite(by) {", "if l.legal != nil {", 60_000},
	{"linearizer: a known step goes before an unknown one where it does not fit", "linearizer.go", "!has(row, s.spent) && l.fits(row, s.c)", "!has(row, s.spent)", 0},
	{"linearizer: a version that was told is passed too soon", "linearizer.go", "version > c.version ||", "version+1 >= c.version ||", 0},
	{"linearizer: a step may be left behind", "linearizer.go", "return ahead == 0", "return true", 0},
	{"linearizer: an observer may be left behind", "linearizer.go", "mask{kept: slots}", "mask{kept: slots &^ slots}", 0},
	{"linearizer: useless steps are no use at all", "linearizer.go", "row[rowState] |= idle\n\t\tl.todo.add(row)", "return", 0},
	{"linearizer: what a compare and set expects is of no use", "linearizer.go", "\t\tl.use(s.c.from)\n", "\t\tl.use(s.c.to)\n", 0},
	{"linearizer: what would be seen is of no use", "linearizer.go", "\t\t\tl.use(c.state)\n", "", 0},
	{"pilot: what it left out proves something", "pilot.go", "if !p.current.narrowed {", "if !p.current.narrowed || p.trouble > 1 {", 0},
	{"narrow: what it leaves out is forgotten", "narrow.go", "			l.narrowed = true\n			break", "			break", 0},
	{"scout: an unknown step may be used twice", "scout.go", "	kind.left--\n", "", 0},
	{"scout: what returns need not have taken effect", "scout.go", "return c.matches(c.to, c.version) && s.serve(c)", "return s.serve(c) || true", 0},
	{"scout: of the unknown steps that a pilot used those are forgotten of which none is left", "scout_lead.go", "total[s.unknown.kind(&op)] += int(k.called)", "_ = op", 60_000},
	{"scout: what took effect may do so again while a pilot leads", "scout_lead.go", "	set(row, slot)\n	if at < 0 {", "	if at < 0 && slot < 0 {", 0},
	{"scout: what a pilot did stays when it is undone", "scout_lead.go", "	s.order = append(s.order[:stage.begun], stage.order...)\n", "", 0},
	{"effects: a step on a pilot's way is forgotten", "linearizer.go", "l.comeFrom(l.effects.add(l.origin, c.number))", "l.comeFrom(l.origin)", 0},
	{"order: what took effect may have returned before", "order.go", "placed[i] || at > c.ret ||", "placed[i] ||", 0},
	{"order: an operation may take effect twice", "order.go", "placed[i] || at > c.ret ||", "at > c.ret ||", 0},
	{"order: what returned may be missing", "order.go", "c.meaning == committedStep && !c.optional) {", "c.meaning == committedStep && c.optional) {", 0},
	{"order: hidden writes are forgotten", "order.go", "		r.order = append(r.order, r.writes...)\n", "", 0},
	{"disproof: what may have had no effect needs its state", "contradiction.go", "!c.optional && d.base.firstMade", "d.base.firstMade", 0},
	{"disproof: the first state must have been made", "contradiction.go", " && v != d.base.initial", "", 0},
	{"disproof: a state must have been asked for before the return", "contradiction.go", "d.base.firstMade[v] > c.ret", "d.base.firstMade[v] >= c.ret", 0},
	{"contradiction: operations without effect had none in flight", "refutation.go", "e.ret && !called && !slices", "e.ret && called && !slices", 0},
	{"distance: a way round is forgotten", "distance.go", "l.narrowed = l.narrowed || n < unreachable", "_ = n", 0},
	{"distance: blind writes lead nowhere", "distance.go", "d.any, changed = n, true", "_ = n", 0},
	{"distance: a rejection needs the state from which the step is legal", "distance.go", "(c.meaning == committedStep)", "true", 0},
	{"disproof: any sum of evidence is a proof", "contradiction.go", "if !d.explained() {", "if !d.explained() || d.loose && size > 16 {", 0},
	{"versions: what observes must return long after the version is made", "versions.go", "		case g.latest != none && g.ops[g.latest].call > c.ret:\n			return g.with(g.latest, i)", "		case g.latest != none && g.ops[g.latest].call+9 > c.ret:\n			return g.with(g.latest, i)", 0},
	{"versions: a version that none tells is the one before", "versions.go", "case version != g.version+1 || g.version < 0:", "case g.version < 0:", 0},
	{"object: a reset saves nothing", "linearizer.go", "if o.model.Resets == nil {\n", "if o.model.Resets != nil {\n", 0},
	{"object: a reset that is called later saves nothing", "linearizer.go", "if r.call > c.ret {", "if r.call <= c.ret {", 0},
	{"configurations: more unknown steps are as good as fewer", "configurations.go", "if counts[i] < n {", "if counts[i] > n {", 0},
	{"order of events: intervals are open", "monitor.go", "c.call <= e.ops[e.returns[e.ended]].ret", "c.call < e.ops[e.returns[e.ended]].ret", 0},
	{"operations: what is unknown ends when its client gave up", "checked_op.go", "c.meaning, c.ret, c.state", "c.meaning, c.ret, c.state = unknownStep, max(c.ret, c.call), c.state\n\tc.meaning, _, c.state", 0},
	{"object: intervals are open", "object.go", "case op.Call > until:", "case op.Call >= until:", 0},
	{"search: the end of history comes too soon", "search.go", "Call: end + 1, Return: end + 1}", "Call: 0, Return: end + 1}", 0},
	{"search: clients are alike", "search.go", "if s.model.Anonymous {", "if s.model != nil {", 60_000},
	{"search: unlike operations take effect in order of call", "search.go", "p.op.Argument, p.op.Expected", `"", ""`, 0},
	{"object states: clients are alike", "object_states.go", "if !o.model.Anonymous {", "if o.model == nil {", 0},
	{"object states: a request is its kind", "object_states.go", "argument: op.Argument, second: op.Expected}", "second: op.Expected}", 0},
	{"object states: responses are alike", "object_states.go", "argument: op.State, version: op.Version", "version: op.Version", 0},
	{"object states: an operation in flight keeps its response", "object_states.go", "op = withoutResponse(op)", "_ = op", 0},
	{"object states: what changes the state only observes it", "object_states.go", "case c.readOnly():", "case c.readOnly() || c.op.Kind == history.KindRemove:", 0},
	{"refutation: an operation that has not returned is known", "refutation.go", "if !ends || end > last {", "if !ends || end > last+100 {", 0},
}

// few is the number of histories that finds most flaws.
const few = 4000

// The tests that compare the checkers with each other find every flaw. It takes
// a build each, so without LOCKSTEP_LONG only the first is tried.
func TestWrongCheckersAreFoundOut(t *testing.T) {
	tried, long := flaws, os.Getenv("LOCKSTEP_LONG") != ""
	if !long {
		tried = flaws[:1]
	}
	for _, f := range tried {
		t.Run(f.name, func(t *testing.T) {
			out, err := withFlaw(t, f.file, f.old, f.new, max(f.histories, few))
			require.Error(t, err, "nobody noticed")
			require.Contains(t, out, "--- FAIL", "it should fail for its verdicts")
		})
	}
	if !long { // this run of the tests tells the same
		return
	}
	out, err := withFlaw(t, "monitor.go", "// monitor follows", "// monitor goes along with", few)
	require.NoError(t, err, "the tests must pass without a flaw: %s", out)
}

// withFlaw runs the tests of agreement on a changed copy, with the same histories for all.
func withFlaw(t *testing.T, file, old, changed string, histories int) (string, error) {
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(text), old), "%s has changed: this must be there once: %s", file, old)
	dir := t.TempDir()
	flawed, overlay := filepath.Join(dir, file), filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(flawed, []byte(strings.Replace(string(text), old, changed, 1)), 0o644))
	path, err := filepath.Abs(file)
	require.NoError(t, err)
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {path: flawed}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(overlay, replace, 0o644))
	cmd := exec.CommandContext(t.Context(), "go", "test", "-overlay", overlay, "-vet=off", "-run", "TestAgree|TestStreamAgrees|TestAcceptsWhatHappened|TestContradiction|TestScout|TestPanel", ".",
		fmt.Sprint("-rapid.checks=", histories), "-rapid.seed=1", "-rapid.nofailfile", "-rapid.shrinktime=1ms", "-failfast", "-timeout=10m")
	cmd.Env = append(os.Environ(), "LOCKSTEP_LONG=") // these histories are enough
	out, err := cmd.CombinedOutput()
	return string(out), err
}
