package campaign

import (
	"flag"
	"fmt"
	"os"
	"strconv"

	"github.com/lockstep-dst/lockstep/scenarios"
)

// F is the part of *testing.F that Fuzz needs.
type F interface {
	Helper()
	Name() string
	Add(args ...any)
	Cleanup(func())
	Setenv(key, value string)
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// fuzzSeeds is the number of seeds whose plans a fuzz target begins with.
const fuzzSeeds = 16

// Fuzz makes a native fuzz target of a system. The returned function runs the plan
// that an input encodes (see scenarios.FromBytes), and fails the test as Require
// does. Fields of the shape about the system are set from it.
//
//	func FuzzMine(f *testing.F) {
//		run := campaign.Fuzz(f, mine, scenarios.Shape{Profile: scenarios.All})
//		f.Fuzz(func(t *testing.T, data []byte) { run(t, data) })
//	}
//
// Every input is a plan, and every call runs one. Plans are counted, in all
// processes that `go test -fuzz` starts, and the count is reported at the end. A
// target that has run no plan has tested nothing, and fails. The engine begins with
// the empty input, which is the simplest plan, and with the plans of a few seeds.
func Fuzz(f F, sys scenarios.System, shape scenarios.Shape) func(t T, data []byte) {
	f.Helper()
	shape = sys.Shape(shape)
	if err := shape.Validate(); err != nil {
		f.Fatalf("%v", err)
	}
	f.Add([]byte{})
	for seed := range uint64(fuzzSeeds) {
		f.Add(scenarios.ToBytes(scenarios.FromSeed(seed), shape))
	}
	count := countPlans(f)
	return func(t T, data []byte) {
		t.Helper()
		count()
		Require(t, sys, scenarios.FromBytes(data, shape))
	}
}

// plansVariable is the environment variable that names the file in which a fuzz
// target and its workers, which are separate processes, count plans: a byte for
// each.
const plansVariable = "LOCKSTEP_FUZZ_PLANS"

// countPlans returns the function that counts a plan. At the end of the target it
// reports the number of plans, and fails if there was none.
func countPlans(f F) (count func()) {
	f.Helper()
	name := os.Getenv(plansVariable)
	mine := !isFuzzWorker() // a process that starts workers runs no plans, but sums up
	if mine {
		file, err := os.CreateTemp("", "lockstep-plans-")
		if err != nil {
			f.Fatalf("plans cannot be counted: %v", err)
		}
		name = file.Name()
		file.Close()
		f.Setenv(plansVariable, name)
	}
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		f.Fatalf("plans cannot be counted: %v", err)
	}
	f.Cleanup(func() {
		file.Close()
		if mine {
			reportPlanCount(f, name)
			os.Remove(name)
		}
	})
	return func() {
		if _, err := file.Write([]byte{'.'}); err != nil {
			panic(fmt.Sprintf("campaign: plans cannot be counted: %v", err))
		}
	}
}

// reportPlanCount reports the number of plans that were run.
func reportPlanCount(f F, name string) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		f.Errorf("plans cannot be counted: %v", err)
	case info.Size() == 0:
		f.Errorf("%s has run no plan, and so it has shown nothing: call what campaign.Fuzz returns from the function given to f.Fuzz", f.Name())
	case flagValue("test.fuzz") != "":
		fmt.Fprintf(os.Stderr, "%s: %d plans were run\n", f.Name(), info.Size()) // logs are not shown then
	default:
		f.Logf("%d plans were run", info.Size())
	}
}

// isFuzzWorker reports whether this process runs inputs for a fuzzing parent.
func isFuzzWorker() bool {
	is, _ := strconv.ParseBool(flagValue("test.fuzzworker"))
	return is
}

func flagValue(name string) string {
	if f := flag.Lookup(name); f != nil {
		return f.Value.String()
	}
	return ""
}
