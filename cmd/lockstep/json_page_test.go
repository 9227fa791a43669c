package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/sim/golden"
	"github.com/stretchr/testify/require"
)

// docs/JSON.md shows the JSON of each command. Its commands run here, one after the other,
// and an example keeps its place while it has the fields of the real output. -update writes
// the others anew.
func TestJSONPage(t *testing.T) {
	skipIfShort(t)
	const doc = "../../docs/JSON.md"
	text, err := os.ReadFile(doc)
	require.NoError(t, err)
	p := newJSONPage(t)
	blocks := regexp.MustCompile("(?ms)^```([a-z]+)( [a-z_.]+)?\n(.*?)^```$")
	got := blocks.ReplaceAllStringFunc(string(text), func(block string) string {
		parts := blocks.FindStringSubmatch(block)
		if parts[1] != "console" {
			require.NoError(t, os.WriteFile(filepath.Join(p.dir, strings.TrimSpace(parts[2])), []byte(parts[3]), 0o644))
			return block
		}
		command, example, _ := strings.Cut(parts[3], "\n")
		want, real := readJSON(t, example), readJSON(t, p.run(strings.TrimPrefix(command, "$ ")))
		if slices.Equal(fields(want), fields(real)) {
			return block
		}
		block = "```console\n" + command + "\n"
		for _, v := range condense(real) {
			block += v.format("") + "\n"
		}
		return block + "```"
	})
	golden.Equal(t, doc, got)
	require.Empty(t, p.missing(t), "commands without an example")
}

// jsonPage is the page in progress.
type jsonPage struct {
	t       *testing.T
	dir     string   // in which its commands run
	ports   []string // flags of its cluster
	cluster *process // in the background
	told    int      // bytes of the cluster's output that the page has
	shown   []string // command lines
}

func newJSONPage(t *testing.T) *jsonPage {
	base, err := allocatePorts(8)
	require.NoError(t, err)
	var endpoints []string
	for i := 1; i <= 3; i++ {
		endpoints = append(endpoints, fmt.Sprintf("127.0.0.1:%d", base+4+i))
	}
	t.Setenv("LOCKSTEP_ENDPOINTS", strings.Join(endpoints, ","))
	return &jsonPage{t: t, dir: t.TempDir(), ports: []string{"--base-port", strconv.Itoa(base), "--base-http", strconv.Itoa(base + 4)}}
}

// run runs a command of the page, and returns its output.
func (p *jsonPage) run(line string) string {
	p.shown = append(p.shown, line)
	words := strings.Fields(line)
	switch {
	case line == "kill -INT %1":
		require.NoError(p.t, p.cluster.Process.Signal(os.Interrupt))
		<-p.cluster.ended
		return p.news()
	case words[len(words)-1] == "&":
		p.cluster = p.start(append(words[:len(words)-1], p.ports...))
		eventually(p.t, line, func() bool { return strings.Contains(p.cluster.output.String(), `"ready":true`) })
		return p.news()
	case words[1] == "watch" || words[1] == "serve": // as if somebody interrupts it
		w, lines := p.start(words), map[string]int{"watch": 2, "serve": 1}[words[1]]
		eventually(p.t, line, func() bool { return strings.Count(w.output.String(), "\n") >= lines })
		require.NoError(p.t, w.Process.Signal(os.Interrupt))
		<-w.ended
		return w.output.String()
	}
	w := p.start(words)
	select {
	case <-w.ended:
	case <-time.After(testTimeout):
		require.FailNow(p.t, "it does not end: "+line)
	}
	return w.output.String()
}

// news returns the output of the cluster that the page does not have yet.
func (p *jsonPage) news() string {
	all := p.cluster.output.String()
	defer func() { p.told = len(all) }()
	return all[p.told:]
}

func (p *jsonPage) start(words []string) *process {
	w := &process{Cmd: exec.CommandContext(p.t.Context(), words[0], words[1:]...), ended: make(chan struct{})}
	w.Dir, w.Stdout = p.dir, &w.output
	require.NoError(p.t, w.Start())
	go func() {
		defer close(w.ended)
		if err := w.Wait(); err != nil && !errors.As(err, new(*exec.ExitError)) {
			p.t.Error(err)
		}
	}()
	p.t.Cleanup(func() { <-w.ended })
	return w
}

// missing lists the commands that the page does not show. The ones that print no JSON of
// their own are not among them.
func (p *jsonPage) missing(t *testing.T) (names []string) {
	cmd, err := root()
	require.NoError(t, err)
	other := []string{"certs", "config", "fleet", "node", "fuzz join", "fuzz merge", "fuzz series", "plan", "plan schema"} // see the page
	for _, c := range allCommands(cmd) {
		path := strings.TrimPrefix(c.CommandPath(), cmd.Name()+" ")
		begins := func(line string) bool { return strings.HasPrefix(line+" ", "lockstep "+path+" ") }
		if !slices.Contains(other, path) && !slices.ContainsFunc(p.shown, begins) {
			names = append(names, path)
		}
	}
	return names
}
