package main

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

const thisModule = "github.com/lockstep-dst/lockstep"

// The command can be installed by its version, as from a module proxy: go install
// refuses a module that replaces others, and a proxy one whose files it cannot pack.
// Another module can import the harness.
func TestInstallByVersion(t *testing.T) {
	if !long() {
		t.Skip("builds everything, without what is built already: a minute of both cores")
	}
	const version = "v0.1.0-test"
	g := newSeparateGo(t, version)

	g.run(t, t.TempDir(), "install", thisModule+"/cmd/lockstep@"+version)
	said, err := exec.Command(filepath.Join(g.bin, "lockstep"), "--version").CombinedOutput()
	require.NoError(t, err, string(said))
	require.Regexp(t, `^lockstep version v0\.1\.0-test go1\.\d+`, string(said))

	user := t.TempDir()
	for name, text := range map[string]string{"go.mod": userModule, "main.go": userMain, "main_test.go": userTest} {
		require.NoError(t, os.WriteFile(filepath.Join(user, name), []byte(text), 0o666))
	}
	g.run(t, user, "mod", "tidy")
	g.run(t, user, "vet", "./...")
}

const userModule = "module example.org/mine\n\ngo 1.26.0\n\nrequire " + thisModule + " v0.1.0-test\n"

const userMain = `package main

import (
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/harness"
	"github.com/lockstep-dst/lockstep/scenarios/workload"
)

func system() scenarios.System {
	return scenarios.System{Name: "mine", Workload: workload.KV(), New: func(*scenarios.Plan) scenarios.Run { return nil }}
}

func main() { harness.Main(system()) }
`

const userTest = `package main

import (
	"testing"

	"github.com/lockstep-dst/lockstep/scenarios/harness"
)

func TestMine(t *testing.T) { harness.Test(t, system(), harness.Options{}) }
`

// separateGo is a go command with caches of its own. Its proxy has this tree as a version
// of the module; other modules come from the downloads with which this test was built. What
// these lack, on a machine that has built nothing before, comes from where they came from.
type separateGo struct {
	bin string // where it installs
	env []string
}

func newSeparateGo(t *testing.T, version string) *separateGo {
	proxy, bin := t.TempDir(), t.TempDir()
	packModule(t, filepath.Join(proxy, filepath.FromSlash(thisModule), "@v"), version)
	downloads := filepath.Join(goEnv(t, "GOMODCACHE"), "cache", "download")
	return &separateGo{bin: bin, env: append(os.Environ(),
		"GOPROXY="+fileURL(proxy)+","+fileURL(downloads)+","+goEnv(t, "GOPROXY"), "GONOPROXY=", "GOPRIVATE=", "GOSUMDB=off", "GOVCS=*:off",
		"GOMODCACHE="+t.TempDir(), "GOBIN="+bin, "GOTOOLCHAIN=local", "GOWORK=off", "GOFLAGS=-modcacherw -trimpath",
	)}
}

func (g *separateGo) run(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir, cmd.Env = dir, g.env
	said, err := cmd.CombinedOutput()
	require.NoError(t, err, "go %s: %s", strings.Join(args, " "), said)
}

// packModule writes the files of a version that a module proxy serves.
func packModule(t *testing.T, dir, version string) {
	root := filepath.Join("..", "..")
	gomod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(dir, 0o777))
	write := func(ending, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, version+ending), []byte(text), 0o666))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "list"), []byte(version+"\n"), 0o666))
	write(".mod", string(gomod))
	write(".info", `{"Version":"`+version+`"}`)
	f, err := os.Create(filepath.Join(dir, version+".zip"))
	require.NoError(t, err)
	require.NoError(t, zip.CreateFromDir(f, module.Version{Path: thisModule, Version: version}, root))
	require.NoError(t, f.Close())
}

func goEnv(t *testing.T, name string) string {
	value, err := exec.Command("go", "env", name).Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(value))
}

func fileURL(dir string) string {
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(dir)}).String()
}
