package fleet_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/lockstep-dst/lockstep/scenarios/fleet"
	"github.com/stretchr/testify/require"
)

// A text that is cut is UTF-8, and no longer when it was JSON.
func TestTextsAreCut(t *testing.T) {
	const limit = 10
	for _, text := range []string{"", "short", strings.Repeat("x", 20), strings.Repeat("ö", 20), "x" + strings.Repeat("ö", 20), strings.Repeat("\xff", 30), "ab\xffcd\xfe\xfeefghijk\xff"} {
		for _, cut := range []string{fleet.Shorten(text, limit), fleet.Begin(text, limit)} {
			require.LessOrEqual(t, len(cut), limit, "%q", text)
			require.True(t, utf8.ValidString(cut), "%q", text)
			data, err := json.Marshal(cut)
			require.NoError(t, err)
			var again string
			require.NoError(t, json.Unmarshal(data, &again))
			require.Equal(t, cut, again)
		}
	}
	require.Equal(t, "öööö", fleet.Shorten("xxxööööö", 9))
	require.Equal(t, "xöööö", fleet.Begin("xööööö", 10))
}

// The result of a triage comes from a stranger, too. One that cannot be is told, and its failure
// does not wait for another.
func TestAFalseTriageDoesNotCount(t *testing.T) {
	f := newFleet(t, 100)
	f.work("ada")
	good := f.settled()
	require.NotEmpty(t, good.Findings)
	found := good.Findings[0]
	result := func(change func(*fleet.TriageResult)) string {
		r := *found.Triage
		change(&r)
		data, err := json.Marshal(r)
		require.NoError(t, err)
		return string(data)
	}
	for want, data := range map[string]string{
		"not a result of a fleet":     `{`,
		"longer than it can be":       result(func(r *fleet.TriageResult) { r.Plan = json.RawMessage(fmt.Sprintf("%q", strings.Repeat("x", 513<<10))) }),
		"it is of campaign \"day\"":   result(func(r *fleet.TriageResult) { r.Job.Campaign = "day" }),
		"want 0 to 4":                 result(func(r *fleet.TriageResult) { r.Job.Range = 5 }),
		"seed 1000: want a signature": result(func(r *fleet.TriageResult) { r.Job.Seed = 1000 }),
		"want triage":                 result(func(r *fleet.TriageResult) { r.Job.Kind = fleet.RangeKind }),
		"it is of another signature":  result(func(r *fleet.TriageResult) { r.Job.Signature = "other" }),
	} {
		q := fleet.NewMemory()
		require.NoError(t, q.AddCampaign(t.Context(), f.campaign))
		for _, kind := range []fleet.Kind{fleet.RangeKind, fleet.TriageKind} {
			require.NoError(t, f.queue.Results(t.Context(), f.campaign, kind, func(key string, kept []byte) {
				if key == fleet.SignatureKey(found.Signature) {
					kept = []byte(data)
				}
				_, err := q.Put(t.Context(), f.campaign, kind, key, kept)
				require.NoError(t, err)
			}))
		}
		r, err := fleet.Read(t.Context(), q, f.campaign)
		require.NoError(t, err)
		require.Contains(t, r.Findings[0].Triage.Trouble, want)
		require.True(t, r.Settled())
	}
}

// Numbers that JavaScript cannot have are text.
func TestLargeNumbersAreText(t *testing.T) {
	data, err := json.Marshal(fleet.TriageResult{Hash: 1<<64 - 1, Job: fleet.Job{Seed: 1<<64 - 2, Hash: 1<<64 - 3}})
	require.NoError(t, err)
	require.Contains(t, string(data), `"hash":"18446744073709551615"`)
	require.Contains(t, string(data), `"seed":"18446744073709551614"`)
	require.Contains(t, string(data), `"hash":"18446744073709551613"`)
}
