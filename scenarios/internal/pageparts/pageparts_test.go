package pageparts

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// A page has its own files and the shared ones, in its order.
func TestJoin(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	page := fstest.MapFS{"order.txt": file("base.css own.css theme.js own.js"), "own.css": file("p {}\n"), "own.js": file("own();\n")}
	style, script, err := Join(page)
	require.NoError(t, err)
	base, err := shared.ReadFile("base.css")
	require.NoError(t, err)
	theme, err := shared.ReadFile("theme.js")
	require.NoError(t, err)
	require.Equal(t, string(base)+"p {}\n", style)
	require.Equal(t, string(theme)+"own();\n", script)

	page["order.txt"] = file("nowhere.js")
	_, _, err = Join(page)
	require.ErrorContains(t, err, "order.txt of the page: ")
	require.ErrorContains(t, err, "nowhere.js")
	delete(page, "order.txt")
	_, _, err = Join(page)
	require.Error(t, err)
}
