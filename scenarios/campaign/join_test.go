package campaign_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/campaign"
	"github.com/lockstep-dst/lockstep/scenarios/canary"
	"github.com/lockstep-dst/lockstep/scenarios/lockstep"
	"github.com/stretchr/testify/require"
)

// stateOf runs a campaign, and returns its summary and its state file.
func stateOf(t *testing.T, c campaign.Campaign) (campaign.Summary, string) {
	sum, err := c.Run(t.Context(), nil)
	require.NoError(t, err)
	name := filepath.Join(t.TempDir(), fmt.Sprintf("from-%d.json", c.Start))
	require.NoError(t, c.WriteState(name, "b1", &sum))
	return sum, name
}

// Parts that are joined are one campaign, to the last bit but for the times: the hash of
// all runs, and when something was new.
func TestPartsAreOneCampaign(t *testing.T) {
	for _, whole := range []campaign.Campaign{
		campaignOf(canary.System(), scenarios.All, 600), campaignOf(lockstep.System(), scenarios.All, 40),
	} {
		whole.Start, whole.Guard = 50, 5
		want, wantFile := stateOf(t, whole)
		for _, size := range []uint64{39, 600} {
			var names []string
			for begin := uint64(0); begin < whole.Seeds; begin += size {
				part := whole
				part.Trail, part.Start, part.Seeds = true, whole.Start+begin, min(size, whole.Seeds-begin)
				_, name := stateOf(t, part)
				names = append([]string{name}, names...) // in any order
			}
			j, err := campaign.JoinStates(names)
			require.NoError(t, err)
			got := j.Merged()
			got.Summary.Wall, want.Wall = 0, 0
			require.Equal(t, want, got.Summary)

			// The file is that of the campaign, too.
			file := filepath.Join(t.TempDir(), "joint.json")
			require.NoError(t, j.WriteState(file))
			require.Equal(t, withoutTimes(t, wantFile), withoutTimes(t, file))
		}
	}
}

func withoutTimes(t *testing.T, file string) string {
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	lines := strings.Split(string(data), "\n")
	for i, line := range lines {
		if strings.Contains(line, `"wall_ns"`) {
			lines[i] = ""
		}
	}
	return strings.Join(lines, "\n")
}

// A campaign with a trail is interrupted and resumed like any other.
func TestATrailIsResumed(t *testing.T) {
	c := campaignOf(canary.System(), scenarios.All, 300)
	c.Trail = true
	want, _ := stateOf(t, c)
	half := c
	half.Seeds = 150
	_, name := stateOf(t, half)

	rest := c
	require.NoError(t, rest.ReadState(name, "b1"))
	got, err := rest.Run(t.Context(), nil)
	require.NoError(t, err)
	got.Wall, want.Wall = 0, 0
	require.Equal(t, want, got)

	rest.Trail = false
	require.ErrorContains(t, rest.ReadState(name, "b1"), "one of them keeps a trail, and the other does not")
}

func TestPartsThatDoNotFitAreRefused(t *testing.T) {
	part := campaignOf(canary.System(), scenarios.All, 20)
	part.Trail = true
	_, first := stateOf(t, part)
	for want, change := range map[string]func(*campaign.Campaign){
		"not a part of a campaign: it begins with seed 21, want 20":             func(c *campaign.Campaign) { c.Start = 21 },
		"not a part of a campaign: it begins with seed 19, want 20":             func(c *campaign.Campaign) { c.Start = 19 },
		"not a part of a campaign: it is of profile none, not of all":           func(c *campaign.Campaign) { c.Shape.Profile = scenarios.None },
		"not a part of a campaign: it guards 7 % of the seeds, not 0":           func(c *campaign.Campaign) { c.Guard = 7 },
		"not a part of a campaign: it has no trail: run it with fuzz --trail":   func(c *campaign.Campaign) { c.Trail = false },
		"not a part of a campaign: it is of shard 0/2, want consecutive seeds":  func(c *campaign.Campaign) { c.Trail, c.Shards = false, 2 },
		"not a part of a campaign: it is of plans of another shape: nodes, cli": func(c *campaign.Campaign) { c.Shape.Nodes = 3 },
	} {
		next := part
		next.Start = 20
		change(&next)
		_, second := stateOf(t, next)
		_, err := campaign.JoinStates([]string{first, second})
		require.ErrorIs(t, err, campaign.ErrPart)
		require.ErrorContains(t, err, second+": "+want)
	}
}

// A part may come from a stranger: one that cannot be is refused, whichever number in it
// was changed.
func TestAFalsePartIsRefused(t *testing.T) {
	c := campaignOf(canary.System(), scenarios.All, 100)
	c.Trail, c.Guard = true, 10
	_, name := stateOf(t, c)
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	for want, change := range map[string]func(sum map[string]any){
		"hashes for 101 seeds":        func(s map[string]any) { s["seeds"] = 101 },
		"it has no seeds":             func(s map[string]any) { s["seeds"] = 0 },
		"and not to 0000000000000001": func(s map[string]any) { s["hash"] = 1 },
		"3 failed and 0 undecided":    func(s map[string]any) { s["failed"] = 3 },
		"of 100 seeds 101 ran":        func(s map[string]any) { s["guarded"] = 101 },
		"and 2 of them differed":      func(s map[string]any) { s["differed"] = []int{7, 3} },
		"and 1 of them differed":      func(s map[string]any) { s["differed"] = []int{100} },
		"more than can be":            func(s map[string]any) { s["events"] = uint64(math.MaxUint64) },
		"it took a time of -1ns":      func(s map[string]any) { s["wall_ns"] = -1 },
		"simulated one of -1":         func(s map[string]any) { s["simulated"] = "-1ns" },
		"a count is":                  func(s map[string]any) { s["outcomes"] = map[string]any{"committed": -1} },
		"counts 1 marks of 3":         func(s map[string]any) { s["marks"] = []int{1} },
		"groups[0]: want a sig":       func(s map[string]any) { s["groups"] = []any{nil} },
		"with seed 100: want some":    func(s map[string]any) { s["groups"].([]any)[0].(map[string]any)["first"] = 100 },
		"and the summary after 101":   func(s map[string]any) { s["news"] = 101 },
		"it has no trail":             func(s map[string]any) { delete(s, "trail") },
		"news after 0 of 100":         func(s map[string]any) { s["trail"].(map[string]any)["news"].([]any)[0].(map[string]any)["seeds"] = 0 },
		"bytes of hashes":             func(s map[string]any) { s["trail"].(map[string]any)["hashes"] = "AAAA" },
	} {
		var state map[string]any
		d := json.NewDecoder(strings.NewReader(string(data)))
		d.UseNumber()
		require.NoError(t, d.Decode(&state))
		change(state["summary"].(map[string]any))
		changed, err := json.Marshal(state)
		require.NoError(t, err)
		_, err = campaign.ParsePart("stranger", changed)
		require.ErrorIs(t, err, campaign.ErrPart, want)
		require.ErrorContains(t, err, want)
	}
	late := strings.Replace(string(data), `"start": 0`, `"start": 18446744073709551517`, 1)
	_, err = campaign.ParsePart("stranger", []byte(late))
	require.ErrorContains(t, err, "its seeds pass the largest seed")
	_, err = campaign.ParsePart("mine", data)
	require.NoError(t, err)
}

// Large parts simulate months, and many of them more than a number can hold: the sum then
// stays at its largest.
func TestLongPartsAreJoined(t *testing.T) {
	part := campaignOf(canary.System(), scenarios.All, 20)
	part.Trail = true
	j := &campaign.Joint{}
	for i := range 3 {
		part.Start = uint64(20 * i)
		_, name := stateOf(t, part)
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		long := regexp.MustCompile(`"simulated": [^,]+`).ReplaceAllString(string(data), `"simulated": "1111111h0m0s"`)
		require.NotEqual(t, long, string(data))
		p, err := campaign.ParsePart(name, []byte(long))
		require.NoError(t, err)
		require.NoError(t, j.Append(p))
	}
	require.EqualValues(t, int64(math.MaxInt64), j.Merged().Summary.Simulated)
}

// A tally has the sum of its parts, whatever their order.
func TestATallyTakesPartsInAnyOrder(t *testing.T) {
	whole := campaignOf(canary.System(), scenarios.All, 300)
	want, _ := stateOf(t, whole)
	var tally campaign.Tally
	require.Zero(t, tally.Seeds())
	for _, start := range []uint64{100, 0, 200} {
		part := whole
		part.Start, part.Seeds, part.Trail = start, 100, true
		_, name := stateOf(t, part)
		p, err := campaign.ReadPart(name)
		require.NoError(t, err)
		require.NoError(t, tally.Add(p))
	}
	require.EqualValues(t, 300, tally.Seeds())
	m := tally.Merged()
	require.Equal(t, uint64(0), m.Start)
	require.Equal(t, want.Failed, m.Summary.Failed)
	require.Equal(t, want.Groups, m.Summary.Groups)
	require.Equal(t, want.Coverage, m.Summary.Coverage)
	require.Equal(t, want.Marks, m.Summary.Marks)

	other := whole
	other.Seeds, other.Trail, other.Guard = 100, true, 7
	_, name := stateOf(t, other)
	p, err := campaign.ReadPart(name)
	require.NoError(t, err)
	require.ErrorIs(t, tally.Add(p), campaign.ErrPart)
}
