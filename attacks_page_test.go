package lockstep_test

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each attack in the table of docs/SECURITY.md names tests that repeat it, and they exist:
// `node/wal.TestName`, or `cmd/lockstep.TestCommand/NAME` for a script.
func TestAttacksNameTheirTests(t *testing.T) {
	text, err := os.ReadFile("docs/SECURITY.md")
	require.NoError(t, err)
	_, table, found := strings.Cut(string(text), "\n## Attacks, before and now\n")
	require.True(t, found)
	named := regexp.MustCompile("`([a-z/]+)\\.(Test[A-Za-z0-9]+)(?:/([a-z-]+))?`")
	attacks := 0
	for line := range strings.Lines(table) {
		cells := strings.Split(line, " | ")
		if len(cells) != 4 || cells[0] == "| attack" {
			continue
		}
		attacks++
		tests := named.FindAllStringSubmatch(cells[3], -1)
		require.NotEmpty(t, tests, line)
		for _, name := range tests {
			require.True(t, hasTest(t, name[1], name[2]), "%s has no %s: %s", name[1], name[2], line)
			if name[3] != "" {
				require.FileExists(t, path.Join(name[1], "testdata/script", name[3]+".txtar"))
			}
		}
	}
	require.Greater(t, attacks, 30)
}

// hasTest reports whether a package has a test.
func hasTest(t *testing.T, dir, test string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		if strings.Contains(string(text), "\nfunc "+test+"(t *testing.T)") {
			return true
		}
	}
	return false
}
