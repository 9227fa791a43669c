package bisect

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Only a program with a verdict says something of a commit: an exit code alone may be that of
// one that ended for another reason.
func TestOnlyAVerdictCounts(t *testing.T) {
	dir := t.TempDir()
	plan := filepath.Join(dir, "plan.json")
	require.NoError(t, os.WriteFile(plan, []byte("{}"), 0o600))
	s := &Search{Builder: &Builder{dir: dir}, Plan: plan}
	const shows, other, passed = `{"verdict":"violated","signature":"a"}`, `{"verdict":"violated","signature":"b"}`, `{"verdict":"passed"}`
	for i, c := range []struct {
		out  string
		code int
		want Outcome
	}{
		{shows, 0, Shows}, {other, 1, Lacks}, {passed, 1, Lacks}, {"it says this\n" + passed, 1, Lacks}, {strings.Repeat("long\n", 1<<19) + shows, 0, Shows},
		{"", 1, Skipped}, {"", 0, Skipped}, {"{", 1, Skipped}, {`{"error":"no flag --json"}`, 1, Skipped}, {shows, 1, Skipped}, {passed, 0, Skipped},
		{`{"verdict":"undecided"}`, 4, Skipped}, {"", 125, Skipped}, {passed, 2, Skipped},
	} {
		text, program := filepath.Join(dir, fmt.Sprint("out-", i)), filepath.Join(dir, fmt.Sprint("program-", i))
		require.NoError(t, os.WriteFile(text, []byte(c.out), 0o600))
		require.NoError(t, os.WriteFile(program, fmt.Appendf(nil, "#!/bin/sh\ncat %s\nexit %d\n", text, c.code), 0o700))
		got, reason, err := s.replay(t.Context(), program, "a")
		require.NoError(t, err)
		require.Equal(t, c.want, got, "%.60q, code %d", c.out, c.code)
		require.Equal(t, c.want == Skipped, reason != "")
	}
}

// A child that a command leaves behind, and output without end, do not hold up the search.
func TestCommandsAreBounded(t *testing.T) {
	b := &Builder{}
	begin := time.Now()
	_, err := b.run(t.Context(), t.TempDir(), "sh", "-c", "sleep 60 & exit 3")
	require.Error(t, err)
	require.Less(t, time.Since(begin), 30*time.Second)
	_, err = b.run(t.Context(), t.TempDir(), "sh", "-c", "head -c 100000000 /dev/zero; echo")
	require.ErrorContains(t, err, "its output has more than 64 MB")
}

// A plan that is not there is told before anything is built.
func TestThePlanIsLookedForFirst(t *testing.T) {
	_, err := (&Search{Plan: filepath.Join(t.TempDir(), "none")}).Run(t.Context())
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "the plan of the failure")
}
