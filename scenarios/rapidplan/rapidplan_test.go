package rapidplan_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/origin"
	"github.com/lockstep-dst/lockstep/scenarios/play"
	"github.com/lockstep-dst/lockstep/scenarios/rapidplan"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func shape(p scenarios.FaultProfile, clients int) scenarios.Shape {
	return scenarios.Shape{
		System: "origin", Definitions: []fsm.Definition{fsm.Lifecycle()}, Profile: p, Clients: clients,
	}
}

// requirePasses is the property. Its failure message has everything needed to
// repeat the run: the verdict, and the plan to be saved as a file.
func requirePasses(t *rapid.T, p *scenarios.Plan) {
	r, err := play.Run(t.Context(), origin.System(), p, play.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Status != play.Passed {
		t.Fatalf("%s\nTo repeat it, save this as plan.json and run: lockstep replay plan.json\n%s", r.Text(p), scenarios.Encode(p))
	}
}

// The origin's protocol serves only one client that stays at its node. Tests of
// other protocols look like this one.
func TestOriginServesOneClient(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		requirePasses(t, rapidplan.Plan(shape(scenarios.None, 1)).Draw(t, "plan"))
	})
}

// With two clients and a bad network it fails, and rapid finds a failing plan of a
// few operations.
func TestRapidShrinksAFailingPlan(t *testing.T) {
	setFlag(t, "rapid.seed", "1")
	setFlag(t, "rapid.nofailfile", "true")
	setFlag(t, "rapid.shrinktime", "2s")
	var said recorder
	plans, first := 0, 0
	said.check(func(t *rapid.T) {
		plans++
		defer func() {
			if t.Failed() && first == 0 {
				first = plans
			}
		}()
		requirePasses(t, rapidplan.Plan(shape(scenarios.Network, 2)).Draw(t, "plan"))
	})
	require.NotZero(t, first, "it has not failed in %d plans", plans)
	require.LessOrEqual(t, first, 20)
	t.Logf("plan %d fails; %d plans were run", first, plans)
	require.Contains(t, said.text(), "lockstep replay plan.json")

	p := said.plan(t)
	require.LessOrEqual(t, len(p.Operations), 6, "%s", scenarios.Encode(p))
	r, err := play.Run(t.Context(), origin.System(), p, play.Options{})
	require.NoError(t, err)
	require.Equal(t, play.Violated, r.Status)
	t.Logf("%d operations, %d faults: %s", len(p.Operations), len(p.Faults), r.Sentence())
}

// Without a test around it, a generator gives examples of the plans that a property
// gets. A number in place of chance makes them the same each time.
func ExamplePlan() {
	plan := rapidplan.Plan(shape(scenarios.None, 1)).Example(1)
	fmt.Println(plan.Clients, "client,", len(plan.Faults), "faults, valid:", plan.Validate() == nil)
	// Output: 1 client, 0 faults, valid: true
}

func setFlag(t *testing.T, name, value string) {
	old := flag.Lookup(name).Value.String()
	require.NoError(t, flag.Set(name, value))
	t.Cleanup(func() { require.NoError(t, flag.Set(name, old)) })
}

// recorder is a test that may fail: it keeps the messages.
type recorder struct {
	output []string
	failed bool
}

// abort is the panic value with which a recorder leaves a test that has failed.
type abort struct{}

// check is rapid.Check on r.
func (r *recorder) check(prop func(*rapid.T)) {
	defer func() {
		if what := recover(); what != nil && what != (abort{}) {
			panic(what)
		}
	}()
	rapid.Check(r, prop)
}

func (r *recorder) text() string { return strings.Join(r.output, "\n") }

// plan returns the plan of the last message.
func (r *recorder) plan(t *testing.T) *scenarios.Plan {
	text := r.text()
	begin, end := strings.LastIndex(text, "\n{\n"), strings.LastIndex(text, "\n}\n")
	require.True(t, 0 <= begin && begin < end, "no plan in: %s", text)
	p, err := scenarios.Decode([]byte(text[begin : end+2]))
	require.NoError(t, err)
	return p
}

func (r *recorder) Helper()         {}
func (r *recorder) Name() string    { return "recorder" }
func (r *recorder) Failed() bool    { return r.failed }
func (r *recorder) Log(args ...any) { r.output = append(r.output, fmt.Sprint(args...)) }
func (r *recorder) Logf(format string, args ...any) {
	r.output = append(r.output, fmt.Sprintf(format, args...))
}
func (r *recorder) Fail()                             { r.failed = true }
func (r *recorder) FailNow()                          { r.Fail(); panic(abort{}) }
func (r *recorder) Error(args ...any)                 { r.Log(args...); r.Fail() }
func (r *recorder) Errorf(format string, args ...any) { r.Logf(format, args...); r.Fail() }
func (r *recorder) Fatal(args ...any)                 { r.Log(args...); r.FailNow() }
func (r *recorder) Fatalf(format string, args ...any) { r.Logf(format, args...); r.FailNow() }
func (r *recorder) SkipNow()                          { panic(abort{}) }
func (r *recorder) Skip(args ...any)                  { r.Log(args...); r.SkipNow() }
func (r *recorder) Skipf(format string, args ...any)  { r.Logf(format, args...); r.SkipNow() }

// Of a drawn plan rapid shows a few words: the plan itself is in the file that
// campaign.Require names.
func TestDrawnPlansAreShort(t *testing.T) {
	p := rapidplan.Plan(shape(scenarios.All, 2)).Example(1)
	require.Regexp(t, `^plan\(origin, \d nodes, 2 clients, \d+ operations, \d+ faults, 0 overrides\)$`, fmt.Sprintf("%#v", p))
}
