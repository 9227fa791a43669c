package lockstep_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// markdownLink matches the target of a link within the tree.
var markdownLink = regexp.MustCompile(`\]\(([^):#]+)(?:#([a-z0-9-]*))?\)`)

// The index names every page, and every link of a page leads to a file, and to a heading of it.
func TestPagesAreLinked(t *testing.T) {
	pages, err := filepath.Glob("docs/*.md")
	require.NoError(t, err)
	index := readFile(t, "docs/README.md")
	for _, page := range append(pages, "README.md") {
		name := filepath.Base(page)
		if name != "README.md" {
			require.Contains(t, index, "]("+name+")", "docs/README.md")
		}
		for _, m := range markdownLink.FindAllStringSubmatch(readFile(t, page), -1) {
			target := filepath.Join(filepath.Dir(page), m[1])
			_, err := os.Stat(target)
			require.NoError(t, err, page)
			if m[2] != "" {
				require.Contains(t, anchors(readFile(t, target)), m[2], "%s links to %s", page, m[0])
			}
		}
	}
}

// anchors returns the names by which links reach the headings of a page.
func anchors(text string) (names []string) {
	for line := range strings.Lines(text) {
		if level, heading, ok := strings.Cut(strings.TrimSpace(line), " "); ok && strings.Trim(level, "#") == "" && level != "" {
			names = append(names, notInAnchor.ReplaceAllString(strings.ReplaceAll(strings.ToLower(heading), " ", "-"), ""))
		}
	}
	return names
}

// notInAnchor matches what the name of a heading leaves out.
var notInAnchor = regexp.MustCompile(`[^\p{L}\p{N}_-]`)
