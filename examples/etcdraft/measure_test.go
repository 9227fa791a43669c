package etcdraft_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"syscall"
	"testing"

	"github.com/lockstep-dst/lockstep/examples/etcdraft"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/play"
)

var one = flag.String("bug", "", "measure this misuse only")

var measured = flag.Bool("measure", false, "measure how soon each misuse is found, as README.md has it: some minutes")

// apart is the distance of the campaigns' first seeds.
const apart = 1_000_000_000

// find is the first failure of a campaign.
type find struct {
	seeds     uint64  // until then
	seconds   float64 // of a core
	signature string
	seed      uint64
}

func findFirst(ctx context.Context, b etcdraft.Bug, start, most uint64) (f find, found bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	begin := cpuSeconds()
	c := campaign.Campaign{System: etcdraft.System(b), Shape: scenarios.Shape{Profile: scenarios.All}, Start: start, Seeds: most, Workers: 1}
	if b == etcdraft.Aliased {
		c.Guard = 100 // which looks at all messages again
	}
	_, err = c.Run(ctx, func(s *campaign.Summary, seed uint64, first *campaign.Group) {
		if first != nil && !found && first.Signature != string(play.Undecided) {
			f, found = find{s.Seeds, cpuSeconds() - begin, first.Signature, seed}, true
			cancel()
		}
	})
	return f, found, err
}

// TestMeasure prints the table of misuses in README.md, and keeps the smallest plan of
// each for TestMisuseIsFound.
func TestMeasure(t *testing.T) {
	if !*measured {
		t.Skip("it takes minutes: go test -run TestMeasure -measure")
	}
	fmt.Println("| misuse | seeds | core-seconds | found as | steps of the shrunk plan |\n|---|---:|---:|---|---:|")
	for _, b := range append(etcdraft.Bugs(), etcdraft.Aliased) {
		if *one != "" && string(b) != *one {
			continue
		}
		var finds []find
		var steps []int
		var smallest *scenarios.Plan
		for i := range uint64(5) {
			f, found, err := findFirst(t.Context(), b, i*apart, 20_000)
			if err != nil || !found {
				t.Fatalf("%s: not found from seed %d on: %v", b, i*apart, err)
			}
			finds = append(finds, f)
			c := campaign.Campaign{System: etcdraft.System(b), Shape: scenarios.Shape{Profile: scenarios.All}}
			small, err := campaign.Shrink(t.Context(), c.System, c.Plan(f.seed), campaign.ShrinkOptions{Runs: 2000})
			if err != nil {
				t.Fatal(err)
			}
			steps = append(steps, stepsOf(small.Plan))
			if smallest == nil || steps[i] < stepsOf(smallest) {
				smallest = small.Plan
			}
			t.Logf("%s: seed %d, %.2f core-seconds, %s, %d steps", b, f.seed, f.seconds, f.signature, steps[i])
		}
		if err := os.WriteFile(misuseFile(b), scenarios.Encode(smallest), 0o666); err != nil {
			t.Fatal(err)
		}
		fmt.Printf("| `%s` | %d | %.2f | `%s` | %d |\n", b, median(finds, func(f find) uint64 { return f.seeds }),
			median(finds, func(f find) float64 { return f.seconds }), commonest(finds), median(steps, func(n int) int { return n }))
	}
}

// stepsOf is the number of operations, faults and fates of p.
func stepsOf(p *scenarios.Plan) int { return len(p.Operations) + len(p.Faults) + len(p.Overrides) }

func median[T any, N int | uint64 | float64](list []T, of func(T) N) N {
	var numbers []N
	for _, x := range list {
		numbers = append(numbers, of(x))
	}
	slices.Sort(numbers)
	return numbers[len(numbers)/2]
}

func commonest(finds []find) (signature string) {
	count := map[string]int{}
	for _, f := range finds {
		if count[f.signature]++; count[f.signature] > count[signature] {
			signature = f.signature
		}
	}
	return signature
}

// cpuSeconds is the time that this process has had a core for.
func cpuSeconds() float64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}
