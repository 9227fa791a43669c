package harness_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/sim/golden"
	"github.com/stretchr/testify/require"
)

// docs/HARNESS.md builds examples/kv: its listings are the program, with a line that its
// diff mends, and its outputs are those of the program.
func TestTheTutorialIsTrue(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds two programs and runs a campaign of 10,000 seeds")
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip(err)
	}
	const doc = "../../docs/HARNESS.md"
	text, err := os.ReadFile(doc)
	require.NoError(t, err)
	page := tutorial{t: t, dir: t.TempDir()}
	blocks := regexp.MustCompile("(?ms)^```([a-z]+)( [a-z_.]+)?\n(.*?)^```$")
	for _, block := range blocks.FindAllStringSubmatch(string(text), -1) {
		page.read(block[1], strings.TrimSpace(block[2]), block[3])
	}
	require.Equal(t, fileText(t, "../../examples/kv/kv_test.go"), page.files["kv_test.go"])
	require.Equal(t, fileText(t, "../../examples/kv/kv.go"), strings.Replace(page.files["kv.go"], page.wrong, page.mended, 1), "the listings, mended")
	require.Equal(t, 1, strings.Count(page.files["kv.go"], page.wrong), "the listings have the line that is mended")

	page.build(page.files["kv.go"])
	got := blocks.ReplaceAllStringFunc(string(text), func(block string) string {
		parts := blocks.FindStringSubmatch(block)
		switch parts[1] {
		case "diff":
			page.build(fileText(t, "../../examples/kv/kv.go"))
			page.isMended = true
		case "console":
			return "```console\n" + page.run(parts[3]) + "```"
		}
		return block
	})
	golden.Equal(t, doc, got)
}

// tutorial is the page in progress.
type tutorial struct {
	t             *testing.T
	dir           string            // in which its commands run
	files         map[string]string // of its listings
	wrong, mended string            // lines of its diff
	isMended      bool              // the program is the mended one: its commands succeed
}

// read reads a block: a listing is the next part of a file.
func (p *tutorial) read(kind, name, text string) {
	switch kind {
	case "go":
		if p.files == nil {
			p.files = map[string]string{}
		}
		if p.files[name] != "" {
			p.files[name] += "\n"
		}
		p.files[name] += text
	case "diff":
		for line := range strings.Lines(text) {
			if rest, ok := strings.CutPrefix(line, "-"); ok {
				p.wrong += rest
			} else {
				p.mended += strings.TrimPrefix(line, "+")
			}
		}
	}
}

// build builds the command with a text in the place of its source file.
func (p *tutorial) build(source string) {
	repository, err := filepath.Abs("../..")
	require.NoError(p.t, err)
	file, overlay := filepath.Join(p.dir, "source"), filepath.Join(p.dir, "overlay")
	require.NoError(p.t, os.WriteFile(file, []byte(source), 0o644))
	replace, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(repository, "examples/kv/kv.go"): file}})
	require.NoError(p.t, err)
	require.NoError(p.t, os.WriteFile(overlay, replace, 0o644))
	build := exec.CommandContext(p.t.Context(), "go", "build", "-overlay", overlay, "-o", filepath.Join(p.dir, "kv"), "./examples/kv")
	build.Dir = repository
	output, err := build.CombinedOutput()
	require.NoError(p.t, err, string(output))
}

// run runs the command in the first line of a block, and returns that line and its output
// without times, each line at most so long.
func (p *tutorial) run(block string) string {
	first, _, _ := strings.Cut(block, "\n")
	command, ok := strings.CutPrefix(first, "$ ")
	require.True(p.t, ok, block)
	sh := exec.CommandContext(p.t.Context(), "sh", "-c", command)
	sh.Dir = p.dir
	output, err := sh.Output()
	if exit := (*exec.ExitError)(nil); err != nil {
		require.ErrorAs(p.t, err, &exit)
		require.False(p.t, p.isMended, "%s\n%s", command, output)
		require.Equal(p.t, 1, exit.ExitCode(), "%s\n%s", command, exit.Stderr)
	}
	got := first + "\n" + times.ReplaceAllString(string(output), "in … s, processor time … s")
	return tooLong.ReplaceAllString(got, "$1…")
}

var (
	times   = regexp.MustCompile(`in [0-9.]+ s, processor time [0-9.]+ s`)
	tooLong = regexp.MustCompile(`(?m)^(.{149}).{2,}$`)
)

func fileText(t *testing.T, name string) string {
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(text)
}
