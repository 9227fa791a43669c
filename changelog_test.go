package lockstep_test

import (
	"errors"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// changelogHeading matches the headings of versions and of kinds of changes.
var changelogHeading = regexp.MustCompile(`^## (\[Unreleased\]|\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d)$|^### (Added|Changed|Deprecated|Removed|Fixed|Security)$`)

// CHANGELOG.md has the form of Keep a Changelog 1.1.0.
func TestChangelogHasItsForm(t *testing.T) {
	headings := 0
	for line := range strings.Lines(readFile(t, "CHANGELOG.md")) {
		if line = strings.TrimRight(line, "\n"); strings.HasPrefix(line, "##") {
			headings++
			require.Regexp(t, changelogHeading, line)
			require.True(t, headings > 1 || line == "## [Unreleased]", "%s: Unreleased comes first", line)
		}
	}
	require.NotZero(t, headings)
}

// A symbol of the API of the last tag that is removed or changed is named in backquotes
// in the part of CHANGELOG.md that has no version yet.
func TestChangelogNamesBreakingChanges(t *testing.T) {
	tag, err := lastTag()
	if err != nil {
		t.Skip("nothing to compare the API with:", err)
	}
	before := map[string][]string{}
	for _, name := range apiFilesOf(t, tag) {
		before[strings.TrimSuffix(name, ".txt")] = lineList(gitOutput(t, "show", tag+":"+apiDir+"/"+name))
	}
	now := map[string][]string{}
	for _, name := range apiFiles(t) {
		now[name] = lineList(readFile(t, path.Join(apiDir, name+".txt")))
	}
	unreleased := unreleasedPart(readFile(t, "CHANGELOG.md"), tag)
	for _, symbol := range breakingChanges(before, now) {
		if !strings.Contains(unreleased, "`"+symbol+"`") {
			t.Errorf("%s was removed or changed since %s, and CHANGELOG.md does not name it: add an entry that begins with **Breaking:** and says how to follow", symbol, tag)
		}
	}
}

func TestBreakingChanges(t *testing.T) {
	before := map[string][]string{
		"sim/kit": {
			"const Limit untyped int = 7", "func New(Config) *Client", "method (*Client) Step() bool",
			"type Client struct", "type Config struct", "type Config struct, Nodes []sim.ID", "type Old struct", "type Old struct, Field int",
			"type Sink interface", "type Sink interface, Put(int)", "var ErrDamaged error",
		},
		"sim/gone": {"type Thing struct"},
		"reached":  {"node/watch: type Event struct", "node/watch: type Event struct, End *End"},
	}
	for _, c := range []struct {
		name        string
		remove, add string
		want        []string
	}{
		{name: "nothing", want: nil},
		{name: "additions", add: "func More()\ntype Config struct, Extra int\ntype Newer interface\ntype Newer interface, Get() int", want: nil},
		{name: "a function removed", remove: "func New(Config) *Client", want: []string{"kit.New"}},
		{name: "a signature changed", remove: "func New(Config) *Client", add: "func New(Config) (*Client, error)", want: []string{"kit.New"}},
		{name: "a generic function", remove: "func New(Config) *Client", add: "func New[T any](Config) *Client", want: []string{"kit.New"}},
		{name: "a constant changed", remove: "const Limit untyped int = 7", add: "const Limit untyped int = 8", want: []string{"kit.Limit"}},
		{name: "a variable removed", remove: "var ErrDamaged error", want: []string{"kit.ErrDamaged"}},
		{name: "a method changed", remove: "method (*Client) Step() bool", add: "method (*Client) Step(int) bool", want: []string{"kit.Client.Step"}},
		{name: "a field changed", remove: "type Config struct, Nodes []sim.ID", add: "type Config struct, Nodes int", want: []string{"kit.Config.Nodes"}},
		{name: "a type removed counts once", remove: "type Old struct\ntype Old struct, Field int", want: []string{"kit.Old"}},
		{name: "an interface grows", add: "type Sink interface, Close() error", want: []string{"kit.Sink.Close"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			lines := slices.DeleteFunc(slices.Clone(before["sim/kit"]), func(l string) bool { return slices.Contains(lineList(c.remove), l) })
			now := map[string][]string{"sim/kit": append(lines, lineList(c.add)...), "sim/gone": before["sim/gone"], "reached": before["reached"]}
			require.Equal(t, c.want, breakingChanges(before, now))
		})
	}
	t.Run("packages and reached types", func(t *testing.T) {
		now := map[string][]string{"sim/kit": before["sim/kit"], "reached": before["reached"][:1]}
		require.Equal(t, []string{"sim/gone", "watch.Event.End"}, breakingChanges(before, now))
	})
	t.Run("a type that is promised as a whole now", func(t *testing.T) {
		now := map[string][]string{
			"sim/kit": before["sim/kit"], "sim/gone": before["sim/gone"], "reached": nil,
			"node/watch": {"type Event struct", "type Event struct, End *End"},
		}
		require.Empty(t, breakingChanges(before, now))
	})
}

func TestUnreleasedPart(t *testing.T) {
	text := "# Changelog\n\n## [Unreleased]\n- new\n\n## [0.2.0] - 2027-01-02\n- second\n\n## [0.1.0] - 2027-01-01\n- first\n"
	require.Contains(t, unreleasedPart(text, "v0.2.0"), "- new")
	require.NotContains(t, unreleasedPart(text, "v0.2.0"), "- second")
	require.Contains(t, unreleasedPart(text, "v0.1.0"), "- second", "a version that is not tagged yet is not released")
	require.NotContains(t, unreleasedPart(text, "v0.1.0"), "- first")
}

// unreleasedPart returns the changes that the version of tag does not have.
func unreleasedPart(changelog, tag string) string {
	part, _, _ := strings.Cut(changelog, "\n## ["+strings.TrimPrefix(tag, "v")+"]")
	return part
}

// breakingChanges lists the symbols whose lines were removed or changed, and the
// methods that interfaces have got, sorted: kit.Client.Step, or a package's directory.
func breakingChanges(before, now map[string][]string) (symbols []string) {
	old, present := linesOfPackages(before), linesOfPackages(now)
	broken := map[string]bool{}
	for dir, lines := range old {
		if present[dir] == nil {
			broken[dir] = true
			continue
		}
		known := map[string]bool{}
		for line := range lines {
			known[symbolOf(dir, line)] = true
			if !present[dir][line] {
				broken[symbolOf(dir, line)] = true
			}
		}
		for line := range present[dir] {
			isMethod := strings.Contains(line, " interface, ")
			if owner := ownerOf(symbolOf(dir, line)); isMethod && !lines[line] && known[owner] {
				broken[symbolOf(dir, line)] = true
			}
		}
	}
	for symbol := range broken {
		if !broken[ownerOf(symbol)] {
			symbols = append(symbols, symbol)
		}
	}
	slices.Sort(symbols)
	return symbols
}

// ownerOf returns the type of a field or method, or the package of another symbol.
func ownerOf(symbol string) string { return symbol[:max(0, strings.LastIndexByte(symbol, '.'))] }

// linesOfPackages returns the set of lines of each package, by directory. Those of
// reached types go to their packages.
func linesOfPackages(files map[string][]string) map[string]map[string]bool {
	sets := map[string]map[string]bool{}
	for file, lines := range files {
		for _, line := range lines {
			dir := file
			if file == "reached" {
				dir, line, _ = strings.Cut(line, ": ")
			}
			if sets[dir] == nil {
				sets[dir] = map[string]bool{}
			}
			sets[dir][line] = true
		}
	}
	return sets
}

// symbolLine matches the symbol in a line of API: the receiver or type, the field or
// method, or another name.
var symbolLine = regexp.MustCompile(`^method \(\*?(\w+)\) (\w+)|^type (\w+)\S* (?:struct|interface), (\w+)|^\w+ (\w+)`)

// symbolOf returns the symbol that a line of the API of a package is about.
func symbolOf(dir, line string) string {
	m := symbolLine.FindStringSubmatch(line)
	name := path.Base(dir)
	for _, word := range m[1:] {
		if word != "" && word != "embedded" && word != "unexported" {
			name += "." + word
		}
	}
	return name
}

// lastTag returns the tag of the last version that the checked out commit comes from.
func lastTag() (string, error) {
	out, err := exec.Command("git", "describe", "--tags", "--abbrev=0", "--match", "v[0-9]*").Output()
	if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
		return "", errors.New(strings.TrimSpace(string(failed.Stderr)))
	}
	return strings.TrimSpace(string(out)), err
}

// apiFilesOf lists the files of API of a tag, below apiDir.
func apiFilesOf(t *testing.T, tag string) (names []string) {
	for _, name := range lineList(gitOutput(t, "ls-tree", "-r", "--name-only", tag, apiDir+"/")) {
		names = append(names, strings.TrimPrefix(name, apiDir+"/"))
	}
	require.NotEmpty(t, names, tag)
	return names
}

func gitOutput(t *testing.T, args ...string) string {
	out, err := exec.Command("git", args...).Output()
	require.NoError(t, err, args)
	return string(out)
}

func lineList(text string) []string {
	return slices.DeleteFunc(strings.Split(text, "\n"), func(line string) bool { return line == "" })
}
