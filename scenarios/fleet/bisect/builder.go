package bisect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Errors of a Builder.
var (
	ErrRepo  = errors.New("not usable as a repository of programs")
	ErrBuild = errors.New("the commit does not build")
)

// Builder builds the program of commits of a git repository. It checks them out in a
// worktree of its own, and leaves the files of the repository alone. Each commit is built
// once. It is not safe for concurrent use.
type Builder struct {
	repo, pkg string
	dir       string // of temporary files: the worktree and the programs
	inside    string // directory in the worktree that is repo in the repository
	built     map[string]build
}

// build is the end of a build: the path of a program, or an error.
type build struct {
	path string
	err  error
}

// Open prepares a worktree of the repository in which the directory repo is. pkg is the
// package of the program, as go build names it in repo. dir is for temporary files, the
// system's if it is empty. The builder is to be closed.
func Open(ctx context.Context, repo, pkg, dir string) (*Builder, error) {
	if pkg == "" || strings.HasPrefix(pkg, "-") {
		return nil, fmt.Errorf("%w: package %q: want the package of the program, as in ./cmd/mine", ErrRepo, pkg)
	}
	full, err := filepath.Abs(repo)
	if err != nil {
		return nil, err
	}
	b := &Builder{repo: full, pkg: pkg, built: map[string]build{}}
	prefix, err := b.git(ctx, "rev-parse", "--show-prefix")
	if err != nil {
		return nil, err
	}
	if b.dir, err = os.MkdirTemp(dir, "lockstep-bisect-*"); err != nil {
		return nil, err
	}
	b.inside = filepath.Join(b.worktree(), filepath.FromSlash(prefix))
	if _, err := b.git(ctx, "worktree", "add", "--detach", "--no-checkout", b.worktree(), "HEAD"); err != nil {
		return nil, errors.Join(err, os.RemoveAll(b.dir))
	}
	return b, nil
}

func (b *Builder) worktree() string { return filepath.Join(b.dir, "source") }

// Close removes the worktree and the programs.
func (b *Builder) Close() error {
	_, err := b.git(context.Background(), "worktree", "remove", "--force", "--force", b.worktree())
	return errors.Join(err, os.RemoveAll(b.dir))
}

// Commit returns the full name of a commit.
func (b *Builder) Commit(ctx context.Context, revision string) (string, error) {
	if revision == "" {
		return "", fmt.Errorf("%w: want the name of a commit", ErrRepo)
	}
	return b.git(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", revision+"^{commit}")
}

// Subject returns the first line of the message of a commit.
func (b *Builder) Subject(ctx context.Context, commit string) (string, error) {
	return b.git(ctx, "show", "--no-patch", "--format=%s", commit)
}

// Between lists the commits behind good up to bad along the first parents, the oldest first.
func (b *Builder) Between(ctx context.Context, good, bad string) ([]string, error) {
	text, err := b.git(ctx, "rev-list", "--first-parent", "--reverse", "--parents", good+".."+bad)
	if err != nil {
		return nil, err
	}
	var list []string
	for line := range strings.Lines(text) {
		names := strings.Fields(line) // the commit and its parents
		if len(list) == 0 && (len(names) < 2 || names[1] != good) {
			break
		}
		list = append(list, names[0])
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%w: %s is not before %s along the first parents: want a good commit in the history of the bad one", ErrRepo, Short(good), Short(bad))
	}
	return list, nil
}

// Build builds the program of a commit, and returns its path, which holds until Close. An
// error of the compiler is ErrBuild.
func (b *Builder) Build(ctx context.Context, commit string) (string, error) {
	if done, ok := b.built[commit]; ok {
		return done.path, done.err
	}
	if _, err := b.run(ctx, b.worktree(), "git", quietly("checkout", "--quiet", "--force", "--detach", commit)...); err != nil {
		return "", err
	}
	if _, err := b.run(ctx, b.worktree(), "git", quietly("clean", "--quiet", "-ffdx")...); err != nil {
		return "", err
	}
	done := build{path: filepath.Join(b.dir, commit)}
	if _, err := b.run(ctx, b.inside, "go", "build", "-buildvcs=false", "-o", done.path, b.pkg); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		done = build{err: fmt.Errorf("%w: %w", ErrBuild, err)}
	}
	b.built[commit] = done
	return done.path, done.err
}

func (b *Builder) git(ctx context.Context, args ...string) (string, error) {
	text, err := b.run(ctx, b.repo, "git", quietly(args...)...)
	if err != nil {
		return "", fmt.Errorf("%w: %s: %w", ErrRepo, b.repo, err)
	}
	return text, nil
}

// quietly has git run no hooks of the repository.
func quietly(args ...string) []string {
	return append([]string{"-c", "core.hooksPath=/dev/null"}, args...)
}

// run runs a command, and returns its output without the last line feed.
func (b *Builder) run(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	out, said := firstBytes{limit: maxOutput}, firstBytes{limit: maxSaid}
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = dir, &out, &said, waitDelay
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case err != nil:
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, bytes.TrimSpace(said.data))
	case out.cut:
		return "", fmt.Errorf("%s %s: %w: its output has more than %d MB: want a good commit nearer to the bad one", name, strings.Join(args, " "), ErrRepo, maxOutput>>20)
	}
	return strings.TrimSuffix(string(out.data), "\n"), nil
}

// Short returns the first digits of the name of a commit.
func Short(commit string) string { return commit[:min(len(commit), 12)] }
