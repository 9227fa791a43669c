package lockstep_test

import (
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/sim/golden"
	"github.com/stretchr/testify/require"
)

// apiDir has a file for each promised package, and reached.txt.
const apiDir = "testdata/api"

// notPromised is in the documentation of each package that other modules can import
// and docs/API.md does not promise.
const notPromised = "Other modules should not import it: docs/API.md promises nothing of it."

// The exported API of each promised package is the text in testdata/api, so that a
// commit shows how it changes that. -update writes the text.
func TestAPI(t *testing.T) {
	src := newTypeChecker()
	src.signatures = true
	promised := promisedPackages(t)
	reached := map[*types.TypeName]bool{}
	for _, dir := range promised {
		c, err := src.load(module+"/"+dir, dir)
		require.NoError(t, err)
		require.Empty(t, c.errors, dir)
		golden.Equal(t, path.Join(apiDir, dir+".txt"), joinLines(packageAPI(c.pkg, reached)))
	}
	golden.Equal(t, path.Join(apiDir, "reached.txt"), joinLines(reachedAPI(promised, reached)))
	require.ElementsMatch(t, append([]string{"reached"}, promised...), apiFiles(t),
		"delete the file of a package that docs/API.md no longer promises")
}

// Each package is promised by docs/API.md, or cannot be imported, or says that it
// should not be.
func TestPackagesSayThatTheyAreNotPromised(t *testing.T) {
	promised := promisedPackages(t)
	for _, dir := range packageDirs(t) {
		first, _, _ := strings.Cut(dir, "/")
		if dir == "." || first == "cmd" || first == "examples" || slices.Contains(strings.Split(dir, "/"), "internal") {
			continue
		}
		said := strings.Contains(packageDoc(t, dir), notPromised)
		if want := !slices.Contains(promised, dir); said != want {
			t.Errorf("%s: docs/API.md promises it: %v; its documentation says %q: %v", dir, !want, notPromised, said)
		}
	}
}

// The imports that the pages show are of promised packages.
func TestPagesImportPromisedPackages(t *testing.T) {
	promised := promisedPackages(t)
	pages, err := filepath.Glob("docs/*.md")
	require.NoError(t, err)
	found := 0
	for _, page := range append(pages, "README.md") {
		for _, m := range shownImport.FindAllStringSubmatch(readFile(t, page), -1) {
			found++
			require.Contains(t, promised, m[1], page)
		}
	}
	require.NotZero(t, found)
}

// shownImport matches the import path of a package of this module in quotes.
var shownImport = regexp.MustCompile(`"` + regexp.QuoteMeta(module) + `/([a-z0-9/]+)"`)

// The formats that docs/API.md names have the versions that the code reads and writes.
func TestAPIPageHasTheVersionsOfFormats(t *testing.T) {
	src := newTypeChecker()
	src.signatures = true
	for _, f := range []struct{ format, dir, oldest, newest string }{
		{"plan", "scenarios", "", "Version"},
		{"history", "checker/history", "", "formatVersion"},
		{"artefact", "scenarios/campaign", "", "ArtefactVersion"},
		{"state file", "scenarios/campaign", "", "stateVersion"},
		{"log of a node", "node/wal", "oldestVersion", "incrementalVersion"},
		{"frames between nodes", "node/wire", "OldestProtocol", "Protocol"},
	} {
		c, err := src.load(module+"/"+f.dir, f.dir)
		require.NoError(t, err)
		number := func(name string) string {
			o, ok := c.pkg.Scope().Lookup(name).(*types.Const)
			require.True(t, ok, "%s.%s", f.dir, name)
			return o.Val().ExactString()
		}
		oldest, newest := "1", number(f.newest)
		if f.oldest != "" {
			oldest = number(f.oldest)
		}
		row := "| " + f.format + " | " + newest + " | " + oldest + " to " + newest + " |"
		if oldest == newest {
			row = "| " + f.format + " | " + newest + " | " + newest + " |"
		}
		require.Contains(t, readFile(t, "docs/API.md"), row)
	}
}

// The text shows each part of a package that its users may name, and no other.
func TestAPIText(t *testing.T) {
	src := newTypeChecker()
	f, err := parser.ParseFile(src.fset, "planted.go", plantedAPI, parser.SkipObjectResolution)
	require.NoError(t, err)
	c := src.check("planted", f)
	require.Empty(t, c.errors)
	reached := map[*types.TypeName]bool{}
	require.Equal(t, plantedAPIText, joinLines(packageAPI(c.pkg, reached)))
	require.Empty(t, reached)
}

const plantedAPI = `package planted

import "io"

type Colour uint8
const (
	Red Colour = iota + 1
	Green
)
const Limit = 7
const Mode string = "on"
var Default, hidden Colour

type Point[T any] struct {
	X, Y T
	base
	*Frame
	secret int
}
type base struct { Tag string; note string }
func (*base) Lent() {}
type Frame struct { Width int }
func (*Frame) Wide() bool { return false }
func (p Point[T]) Add(other Point[T]) (sum Point[T]) { return }
func (p *Point[T]) Set(x, y T) {}
func (p *Point[T]) unset() {}
func Map[K comparable, V any](m map[K]V, each func(key K, value V) error, more ...io.Writer) (int, error) { return 0, nil }

type Shape interface {
	io.Closer
	Area(unit string) int
	sealed()
}
type Number interface { ~int | ~string }
type Alias = Point[int]
type Handler func(name string, done chan<- bool) [2]*Colour
`

const plantedAPIText = `const Green Colour
const Limit untyped int = 7
const Mode string = "on"
const Red Colour
func Map[K comparable, V any](map[K]V, func(K, V) error, ...io.Writer) (int, error)
method (*Frame) Wide() bool
method (*Point) Lent()
method (*Point) Set(T, T)
method (Point) Add(Point[T]) Point[T]
type Alias = Point[int]
type Colour uint8
type Frame struct
type Frame struct, Width int
type Handler func(string, chan<- bool) [2]*Colour
type Number interface{~int | ~string}
type Point struct, Tag string
type Point struct, X T
type Point struct, Y T
type Point struct, embedded *Frame
type Point[T any] struct
type Shape interface
type Shape interface, Area(string) int
type Shape interface, Close() error
type Shape interface, unexported methods
var Default Colour
`

// promisedRow matches a row of the tables of packages in docs/API.md.
var promisedRow = regexp.MustCompile("(?m)^\\| `([a-z0-9/]+)` \\|")

// promisedPackages lists the packages that docs/API.md promises.
func promisedPackages(t *testing.T) (dirs []string) {
	for _, row := range promisedRow.FindAllStringSubmatch(readFile(t, "docs/API.md"), -1) {
		dirs = append(dirs, row[1])
	}
	require.Greater(t, len(dirs), 10)
	return dirs
}

// reachedAPI renders the types that promised packages hand out and that lie in others,
// and those that these hand out in turn.
func reachedAPI(promised []string, reached map[*types.TypeName]bool) (lines []string) {
	done := map[*types.TypeName]bool{}
	for len(reached) > 0 {
		next := map[*types.TypeName]bool{}
		for o := range reached {
			dir := strings.TrimPrefix(o.Pkg().Path(), module+"/")
			if done[o] || !o.Exported() || slices.Contains(promised, dir) {
				continue
			}
			done[o] = true
			for _, line := range typeAPI(o, next) {
				lines = append(lines, dir+": "+line)
			}
		}
		reached = next
	}
	slices.Sort(lines)
	return lines
}

// apiFiles lists the files of apiDir, without their ending.
func apiFiles(t *testing.T) (names []string) {
	require.NoError(t, fs.WalkDir(os.DirFS(apiDir), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, strings.TrimSuffix(name, ".txt"))
		}
		return err
	}))
	return names
}

// packageDoc returns the documentation of the package in dir.
func packageDoc(t *testing.T, dir string) string {
	for _, name := range goFiles(t, dir) {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.PackageClauseOnly|parser.ParseComments)
		require.NoError(t, err)
		if doc := f.Doc; doc != nil && strings.HasPrefix(doc.Text(), "Package ") {
			return strings.Join(fields(doc.Text()), " ")
		}
	}
	return ""
}

func joinLines(lines []string) string {
	var b strings.Builder
	for _, line := range lines {
		b.WriteString(line + "\n")
	}
	return b.String()
}

func readFile(t *testing.T, name string) string {
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(text)
}
