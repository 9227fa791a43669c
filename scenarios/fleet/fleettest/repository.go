package fleettest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The places of the commits of a Repository.
const (
	Commits    = 9
	DoesNot    = 4 // the commit that does not build
	Regression = 5 // the commit that brings a failure
)

// Repository is a git repository with a program: the key-value store of examples/kv, as a
// module of its own. Each of its commits changes a file; one of them acknowledges writes
// before they are durable from then on.
type Repository struct {
	t       testing.TB
	Dir     string
	Commits []string // the oldest first
}

// NewRepository makes a repository that the test removes.
func NewRepository(t testing.TB) *Repository {
	r := &Repository{t: t, Dir: t.TempDir()}
	root := filepath.Dir(r.run("go", "env", "GOMOD"))
	r.run("git", "-C", r.Dir, "init", "--quiet", "--initial-branch=main")
	r.write("go.mod", moduleOf(t, root))
	r.write("go.sum", read(t, filepath.Join(root, "go.sum")))
	good := read(t, filepath.Join(root, "examples", "kv", "kv.go"))
	for i := range Commits {
		source := good
		if i >= Regression {
			source = acknowledgeEarly(t, good)
		}
		if i == DoesNot {
			source += "\nfunc main() {}\n" // a second one
		}
		r.write("main.go", source)
		r.write("CHANGES", fmt.Sprintf("change %d\n", i))
		r.run("git", "-C", r.Dir, "add", "--all")
		r.run("git", "-C", r.Dir, "-c", "user.name=test", "-c", "user.email=test@example.org", "commit", "--quiet", "--message", fmt.Sprintf("Change %d", i))
		r.Commits = append(r.Commits, r.run("git", "-C", r.Dir, "rev-parse", "HEAD"))
	}
	return r
}

// moduleOf returns the go.mod of a module that uses the one in root, and needs all that it
// needs.
func moduleOf(t testing.TB, root string) string {
	_, needs, found := strings.Cut(read(t, filepath.Join(root, "go.mod")), "\n") // after its own name
	require.True(t, found)
	const lockstep = "github.com/lockstep-dst/lockstep"
	return fmt.Sprintf("module tiny\n%s\nrequire %s v0.0.0\nreplace %s => %s\n", needs, lockstep, lockstep, root)
}

// acknowledgeEarly has the store reply before a write is durable.
func acknowledgeEarly(t testing.TB, source string) string {
	const store = "n.store(n.last, out)\n"
	require.Contains(t, source, store)
	return strings.Replace(source, store, store+"\t\t\tout.Send(from, kit.Message(Reply{m, kit.Done}))\n", 1)
}

func (r *Repository) write(name, text string) {
	require.NoError(r.t, os.WriteFile(filepath.Join(r.Dir, name), []byte(text), 0o600))
}

func read(t testing.TB, name string) string {
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(text)
}

func (r *Repository) run(name string, args ...string) string {
	cmd := exec.CommandContext(r.t.Context(), name, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	require.NoError(r.t, err, "%s %v", name, args)
	return strings.TrimSpace(string(out))
}
