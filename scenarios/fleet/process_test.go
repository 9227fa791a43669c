package fleet_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/canary"
	"github.com/lockstep-dst/lockstep/scenarios/fleet"
	"github.com/stretchr/testify/require"
)

// behaviour makes the program of these tests do otherwise: see programWith.
const behaviour = "LOCKSTEP_FLEET_BEHAVIOUR"

// programWith is the canary's system that does one thing more beside running seeds: a word,
// and a file that gets a line for each process.
func programWith(behaviour string) scenarios.System {
	what, file, _ := strings.Cut(behaviour, " ")
	if file != "" {
		note(file)
	}
	if what == "old" && os.Args[2] == "series" {
		os.Exit(2) // it does not know the command
	}
	sys := canary.System()
	begin, logger := sys.New, log.New(os.Stdout, "", 0)
	sys.New = func(p *scenarios.Plan) scenarios.Run {
		switch {
		case what == "prints":
			fmt.Print(`{"type":"ended","number":7,"code":0}`, "\n{\n\"type\"")
			logger.Print(strings.Repeat("x", 100_000))
			fmt.Print(`{"type":"ended","number":1,"code":0}`) // and no end of the line
		case what == "dies" && p.Seed == 25, what == "dies-once" && p.Seed == 25 && os.Mkdir(file+".died", 0o700) == nil:
			os.Exit(7)
		}
		return begin(p)
	}
	return sys
}

// note appends a line with the process's number and its arguments to a file.
func note(file string) {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = fmt.Fprintln(f, os.Getpid(), os.Args[1:3])
	}
	if err != nil {
		panic(err)
	}
}

// behaves has the program behave in a way from now on, and returns the function that says
// how its processes were begun.
func behaves(t *testing.T, what string) (begun func() string) {
	file := filepath.Join(t.TempDir(), "begun")
	t.Setenv(behaviour, what+" "+file)
	return func() string {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		return string(text)
	}
}

// single is the result of all seeds in one range.
func single(t *testing.T, seeds uint64) *fleet.Report {
	f := newFleet(t, seeds)
	f.queue, f.campaign.RangeSeeds = fleet.NewMemory(), seeds
	require.NoError(t, fleet.Submit(t.Context(), f.queue, f.campaign))
	f.work("eve")
	return f.settled()
}

// A worker runs its ranges in one process, until there is nothing to do. The result is that
// of a process for each, whatever the program prints meanwhile.
func TestRangesShareAProcess(t *testing.T) {
	want := single(t, 100).Hash
	f := newFleet(t, 100)
	begun := behaves(t, "prints")
	f.work("ada")
	r := f.settled()
	require.Equal(t, want, r.Hash)
	require.Empty(t, r.Troubles)
	require.Less(t, strings.Count(begun(), "[fuzz series]"), r.Done, "%s", begun())
	require.LessOrEqual(t, strings.Count(begun(), "[fuzz --"), len(r.Findings), "%s", begun()) // each is repeated alone
}

// A program that cannot run a series has a process for each range.
func TestAProgramWithoutSeriesRunsAlone(t *testing.T) {
	want := single(t, 60).Hash
	f := newFleet(t, 60)
	begun := behaves(t, "old")
	f.work("ada")
	require.Equal(t, want, f.settled().Hash)
	require.GreaterOrEqual(t, strings.Count(begun(), "[fuzz --"), 3, "%s", begun())
	require.Equal(t, 1, strings.Count(begun(), "[fuzz series]"), "%s", begun()) // asked once
}

// A process that dies costs its range, and no other.
func TestAProcessThatDiesIsReplaced(t *testing.T) {
	f := newFleet(t, 100)
	begun := behaves(t, "dies")
	f.campaign.Lease = 5 * time.Second
	f.work("ada")
	r := f.settled()
	require.Equal(t, fleet.HarnessFault, r.Verdict)
	require.Len(t, r.Troubles, 1)
	require.Contains(t, r.Troubles[0].Text, "exit status 7")
	require.EqualValues(t, 80, r.Seeds)
	require.GreaterOrEqual(t, strings.Count(begun(), "[fuzz series]"), fleet.MaxFailures)
}

// Workers that returned a job, or were silent, have not failed at it.
func TestOnlyFailuresCount(t *testing.T) {
	f := newFleet(t, 40)
	for range fleet.MaxFailures {
		var all []fleet.Lease
		for range f.campaign.Ranges() {
			l, err := f.queue.Take(t.Context(), f.campaign, fleet.RangeKind)
			require.NoError(t, err)
			all = append(all, l)
		}
		for _, l := range all {
			require.NoError(t, l.Return(t.Context(), 0))
		}
	}
	behaves(t, "dies-once")
	f.work("ada")
	require.Empty(t, f.settled().Troubles)
	require.Contains(t, f.log.String(), "exit status 7")
}

// The end of a campaign is not lost behind a line that looks like it, in one piece with it.
func TestTheLastEventCounts(t *testing.T) {
	require.Equal(t, 2, fleet.LastEvent("{\"type\":\"ended\",\"number\":7}\nhello\n{\"type\":\"ended\",\"number\":2}\n{\"type\":\"other\",\"number\":3}\n"))
}
