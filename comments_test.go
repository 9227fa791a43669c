package lockstep_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// vague matches words that stand for a noun which the reader has to find. In 100
// lines of comments etcd raft, Porcupine and Upspin have 1.5 of them.
var vague = regexp.MustCompile(`(?i)\b(what|who|whom|whose|those|nobody|such)\b`)

const maxVague = 4 // in 100 lines of comments, over the whole tree

func TestCommentsNameThings(t *testing.T) {
	lines, found := 0, 0
	fset := token.NewFileSet()
	require.NoError(t, fs.WalkDir(os.DirFS("."), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && name != ".") {
			return fs.SkipDir
		}
		if err != nil || !strings.HasSuffix(name, ".go") {
			return err
		}
		f, err := parser.ParseFile(fset, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, group := range f.Comments {
			for _, c := range group.List {
				lines += strings.Count(c.Text, "\n") + 1
				found += len(vague.FindAllString(c.Text, -1))
			}
		}
		return nil
	}))
	require.Greater(t, lines, 5000)
	require.LessOrEqual(t, 100*found, maxVague*lines, "%d of these words in %d lines of comments: name the thing", found, lines)
}
