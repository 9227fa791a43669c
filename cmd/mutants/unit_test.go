package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Unit tests kill the mutants that no campaign can reach, and are told by name.
func TestTinyUnitTests(t *testing.T) {
	m, all := tiny(t)
	tests, err := m.listTests(t.Context(), t.TempDir())
	require.NoError(t, err)
	p := &programs{module: m, uncontained: map[*mutant]string{}, tests: tests}
	o := &options{settings: settings{cpu: time.Second}}
	found := map[string]finding{}
	for _, m := range all {
		if len(m.tests) == 0 && m.class != "runtime" {
			continue
		}
		p.uncontained[m] = "it is not asked for here"
		f, err := o.testMutant(t.Context(), p, t.TempDir(), m)
		require.NoError(t, err)
		require.NotNil(t, f.Tests)
		found[m.name] = f
	}
	for name, want := range map[string]struct{ status, test, why string }{
		"unused":       {killed, "counter.TestUnused/is_true", ""},
		"closed":       {killed, "link.TestOpen", ""},
		"dies":         {killed, "link.TestName", ""},
		"size":         {survived, "", ""},
		"waits":        {undecided, "", "link: the tests did not come to an end: it used up the processor time"},
		"named":        {survived, "", ""},
		"always-fails": {broken, "", "broken.TestBroken fails without the mutant"},
	} {
		f, known := found[name]
		require.True(t, known, name)
		require.Equal(t, want.status, f.Status, "%s: %s", name, f.Problem)
		require.Equal(t, want.test, f.Tests.Test, name)
		require.Contains(t, f.Problem, want.why, name)
		delete(found, name)
	}
	require.Empty(t, found)
}

// A mutant is found if a campaign or a test finds it, and a test's finding does not
// hide that a campaign proved nothing.
func TestTestsAndCampaigns(t *testing.T) {
	excused := &mutant{equivalent: "it is the same"}
	for name, c := range map[string]struct {
		m                     *mutant
		campaign, tests, want string
	}{
		"no campaign":                {&mutant{}, "", killed, killed},
		"tests are enough":           {&mutant{}, survived, killed, killed},
		"a campaign is enough":       {&mutant{}, killed, survived, killed},
		"the campaign is undecided":  {&mutant{}, undecided, survived, undecided},
		"the tests are broken":       {&mutant{}, killed, broken, broken},
		"the campaign is broken":     {&mutant{}, broken, killed, broken},
		"an excuse holds":            {excused, equivalent, survived, equivalent},
		"an excuse holds for tests":  {excused, "", survived, equivalent},
		"tests show an excuse false": {excused, equivalent, killed, broken},
	} {
		f := finding{Status: c.campaign}
		f.addTests(c.m, unitResult{Status: c.tests})
		require.Equal(t, c.want, f.Status, name)
	}
}

func TestFailedTest(t *testing.T) {
	for output, want := range map[string]string{
		"":                       "",
		"ok\n":                   "",
		"--- FAIL: TestA (0s)\n": "TestA",
		"--- FAIL: TestA (0s)\n    --- FAIL: TestA/b (0s)\n        --- FAIL: TestA/b/c (0s)\n": "TestA/b/c",
		"--- FAIL: TestA (0s)\n--- FAIL: TestB (0s)\n":                                         "TestA",
		"--- FAIL: TestA (0s)\n--- FAIL: TestAB (0s)\n":                                        "TestA",
		"=== RUN   TestA\n--- PASS: TestA (0s)\n=== RUN   TestB\npanic: x\n":                   "TestB",
	} {
		require.Equal(t, want, failedTest(output))
	}
	require.Equal(t, "^TestA$/^b\\(1\\)$", exactly("TestA/b(1)"))
}

// The tests that a mutant's file expects to fail are run first, in the packages that it names
// with them. So the other tests do not hide which one is there for the mutant.
func TestExpectedTests(t *testing.T) {
	m := &mutant{catch: "durability/lost, link.TestOpen or counter.TestUnused/is_true"}
	require.Equal(t, []string{"TestOpen"}, m.expectedTests("link"))
	require.Equal(t, []string{"TestUnused/is_true"}, m.expectedTests("counter"))
	require.Empty(t, m.expectedTests("a/link"))

	tiny, all := tiny(t)
	tests, err := tiny.listTests(t.Context(), t.TempDir())
	require.NoError(t, err)
	named := func(name string) *mutant {
		return all[slices.IndexFunc(all, func(m *mutant) bool { return m.name == name })]
	}
	both := &mutant{blocks: slices.Concat(named("dies").blocks, named("closed").blocks)}
	for catch, found := range map[string]string{"link.TestName": "TestName", "link.TestNone": "TestOpen"} {
		both.catch = catch
		r := tests.test(t.Context(), t.TempDir(), both, time.Second)
		require.Equal(t, killed, r.Status, r.Problem)
		require.Equal(t, "link."+found, r.Test)
	}
}

// A mutant may name only packages with tests.
func TestNamedTestsExist(t *testing.T) {
	m, _ := tiny(t)
	require.NoError(t, requireTests(m.root, &mutant{tests: testPaths("./link counter/")}))
	bracketed := filepath.Join(t.TempDir(), "root[1]")
	require.NoError(t, os.CopyFS(bracketed, os.DirFS(m.root)))
	require.NoError(t, requireTests(bracketed, &mutant{tests: testPaths("./link counter/")}))
	err := requireTests(m.root, &mutant{file: "bug.txt", tests: testPaths("driver")})
	require.ErrorIs(t, err, errMutant)
	require.EqualError(t, err, "bug.txt: tests: bad mutant: driver has no tests: name directories of packages that have, from the module's root")
}

// Tests that check random inputs check the same ones each time, and keep none.
func TestRandomTestsAreRepeatable(t *testing.T) {
	root, err := moduleRoot(t.Context())
	require.NoError(t, err)
	tests, err := module{root: root}.listTests(t.Context(), t.TempDir())
	require.NoError(t, err)
	require.Equal(t, []string{"-rapid.seed=1", "-rapid.nofailfile"}, tests.flags("node/service"))
	require.Empty(t, tests.flags("node/files"))
}
