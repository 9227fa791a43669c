package guarantee

import (
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lockstep-dst/lockstep/checker/history"
)

func (w bruteForce) judge(t require.TestingT) []Result {
	verdicts, err := Judge(w.h, w.observations, w.o)
	require.NoError(t, err)
	return verdicts
}

// judgeable reports whether the recorder has made no mistakes.
func (w bruteForce) judgeable() bool {
	_, err := Judge(w.h, w.observations, w.o)
	return !errors.Is(err, ErrObservation)
}

// A correct system violates no guarantee.
func TestNothingIsViolatedByCorrectSystems(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := anyWorld(t)
		for _, v := range w.judge(t) {
			require.NotEqual(t, Violated, v.Status, "%s: %s", v.Guarantee, v.Explanation)
		}
	})
}

// The checker finds a violation if and only if the naive checker does.
func TestTwinsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := corrupted(t, anyWorld(t))
		if !w.judgeable() {
			return
		}
		for _, v := range w.judge(t) {
			require.Equal(t, w.holds(v.Guarantee), v.Status != Violated, "%s: %s", v.Guarantee, v.Explanation)
		}
	})
}

// The evidence of a violation is a violation by itself.
func TestEvidenceSuffices(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := corrupted(t, anyWorld(t))
		if !w.judgeable() {
			return
		}
		for _, v := range w.judge(t) {
			if v.Status != Violated {
				require.Empty(t, v.Evidence)
				continue
			}
			require.NotEmpty(t, v.Class)
			require.NotEmpty(t, v.Machine)
			alone := bruteForce{h: history.History{Definitions: w.h.Definitions}, o: w.o}
			for _, e := range v.Evidence {
				require.Contains(t, v.Explanation, e.name())
				if e.Operation != nil {
					alone.h.Operations = append(alone.h.Operations, *e.Operation)
				} else {
					alone.observations = append(alone.observations, *e.Observation)
				}
			}
			slices.SortStableFunc(alone.observations, func(a, b Observation) int { return int(a.Time - b.Time) })
			require.False(t, alone.holds(v.Guarantee), "%s: %s", v.Guarantee, v.Explanation)
		}
	})
}

func (e Evidence) name() string {
	if e.Operation != nil {
		return e.Operation.ID
	}
	return e.Observation.Source
}

// The order in which observations of different sources come does not matter,
// nor whether Results is called in between.
func TestSourcesMayBeHeardInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := corrupted(t, anyWorld(t))
		if !w.judgeable() {
			return
		}
		c, err := New(w.h, w.o)
		require.NoError(t, err)
		for left := slices.Clone(w.observations); len(left) > 0; {
			next := left[rapid.IntRange(0, len(left)-1).Draw(t, "next")].Source
			i := slices.IndexFunc(left, func(o Observation) bool { return o.Source == next })
			require.NoError(t, c.Add(left[i]))
			left = slices.Delete(left, i, i+1)
			if rapid.IntRange(0, 4).Draw(t, "asked") == 0 {
				c.Results()
			}
		}
		for i, v := range c.Results() {
			want := w.judge(t)[i]
			require.Equal(t, want.Status, v.Status, v.Guarantee)
			require.Equal(t, want.Judged, v.Judged, v.Guarantee)
		}
	})
}
