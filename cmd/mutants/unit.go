package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// listed is what the go command says of a package.
type listed struct {
	ImportPath, Dir                                            string
	Deps, TestGoFiles, XTestGoFiles, TestImports, XTestImports []string
}

// testPackages are the packages of a module that have tests.
type testPackages struct {
	module
	all  []listed
	deps map[string][]string // by import path, of all packages of the module

	scratch   string // directory of the original programs
	originals sync.Mutex
}

// listTests lists the packages with tests. Their programs without a mutant are built into
// a directory as they are needed.
func (m module) listTests(ctx context.Context, scratch string) (*testPackages, error) {
	out, err := m.run(ctx, "go", "list", "-json=ImportPath,Dir,Deps,TestGoFiles,XTestGoFiles,TestImports,XTestImports", "./...")
	if err != nil {
		return nil, err
	}
	t := &testPackages{module: m, deps: map[string][]string{}, scratch: scratch}
	for d := json.NewDecoder(strings.NewReader(out)); ; {
		var p listed
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return t, nil
		}
		if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		t.all = append(t.all, p)
		t.deps[p.ImportPath] = p.Deps
	}
}

// path is the path of a package's directory from the root.
func (t *testPackages) path(p *listed) string {
	rel, err := filepath.Rel(t.root, p.Dir)
	if err != nil {
		return p.Dir
	}
	return filepath.ToSlash(rel)
}

// of returns the directories, from the root, of the packages whose tests may notice a
// mutant: those that its file names, or those that have its code in their tests, its
// own package first.
func (t *testPackages) of(m *mutant) ([]string, error) {
	if len(m.tests) > 0 {
		return m.tests, nil
	}
	var own, others []string
	for i := range t.all {
		p := &t.all[i]
		if len(p.TestGoFiles)+len(p.XTestGoFiles) == 0 {
			continue
		}
		switch dir := t.path(p); {
		case slices.ContainsFunc(m.blocks, func(b block) bool { return filepath.Dir(b.file) == dir }):
			own = append(own, dir)
		case t.testsDependOn(p, m):
			others = append(others, dir)
		}
	}
	all := append(own, others...)
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: no package with tests depends on %s; name some in its field tests", m.file, m.blocks[0].file)
	}
	return all, nil
}

// imported returns the import paths of the packages in the test program of p.
func (t *testPackages) imported(p *listed) []string {
	imported := slices.Concat(p.Deps, p.TestImports, p.XTestImports)
	for _, path := range slices.Concat(p.TestImports, p.XTestImports) {
		imported = append(imported, t.deps[path]...)
	}
	return imported
}

// testsDependOn reports whether the test program of a package has code of a mutant.
func (t *testPackages) testsDependOn(p *listed, m *mutant) bool {
	imported := t.imported(p)
	return slices.ContainsFunc(t.all, func(changed listed) bool {
		return slices.Contains(imported, changed.ImportPath) &&
			slices.ContainsFunc(m.blocks, func(b block) bool { return filepath.Dir(b.file) == t.path(&changed) })
	})
}

// flags are those of a package's test program with which it does the same each time, and
// leaves no files of failed checks in the tree.
func (t *testPackages) flags(dir string) []string {
	for i := range t.all {
		if p := &t.all[i]; t.path(p) == dir && slices.Contains(t.imported(p), "pgregory.net/rapid") {
			return []string{"-rapid.seed=1", "-rapid.nofailfile"}
		}
	}
	return nil
}

// unitResult is what the unit tests say of a mutant.
type unitResult struct {
	Status   string   `json:"verdict"` // killed, survived, undecided or broken
	Problem  string   `json:"why,omitempty"`
	Test     string   `json:"test,omitempty"` // package and name of the test that fails
	Packages []string `json:"packages"`       // whose tests were run
	Seconds  float64  `json:"core_seconds"`   // processor time of the tests
}

// test runs the tests of packages, one after the other, with a mutant in them, until
// one fails that passes without the mutant and fails again with it. The tests that its file
// expects to fail come first.
func (t *testPackages) test(ctx context.Context, dir string, m *mutant, cpu time.Duration) unitResult {
	var r unitResult
	if err := t.testAll(ctx, dir, m, cpu, &r); err != nil {
		r.Status, r.Problem = broken, err.Error()
	}
	return r
}

func (t *testPackages) testAll(ctx context.Context, dir string, m *mutant, cpu time.Duration, r *unitResult) error {
	packages, err := t.of(m)
	if err != nil {
		return err
	}
	files, err := m.apply(t.root)
	if err != nil {
		return err
	}
	list, err := t.overlay(dir, files)
	if err != nil {
		return err
	}
	r.Status = survived
	for _, name := range packages {
		p := testProgram{module: t.module, dir: name, path: filepath.Join(dir, "test"), flags: t.flags(name), cpu: cpu}
		if err := p.build(ctx, "-overlay", list); err != nil {
			return err
		}
		r.Packages = append(r.Packages, name)
		test, err := p.failure(ctx, m, &r.Seconds)
		switch {
		case errors.Is(err, errEnded):
			r.Status, r.Problem = undecided, name+": "+err.Error()
			continue
		case err != nil:
			return err
		case test == "":
			continue
		}
		real, err := t.confirm(ctx, &p, test, &r.Seconds)
		if err != nil {
			return err
		}
		if real {
			r.Status, r.Problem, r.Test = killed, "", name+"."+test
			return nil
		}
		r.Status, r.Problem = undecided, fmt.Sprintf("%s.%s failed once, and then not again or not for the mutant", name, test)
	}
	return nil
}

// testProgram is the program with the tests of a package.
type testProgram struct {
	module
	dir   string   // of the package, from the root
	path  string   // of the program
	flags []string // for each run
	cpu   time.Duration
}

func (p *testProgram) build(ctx context.Context, flags ...string) error {
	_, err := p.run(ctx, "go", slices.Concat([]string{"test", "-c", "-vet=off", "-o", p.path}, flags, []string{"./" + p.dir})...)
	return err
}

// errEnded is wrapped by the error about tests that were ended before they had failed
// or passed.
var errEnded = errors.New("the tests did not come to an end")

// testTimeout is the limit of a test program: the one that go test gives it, without which it has
// none.
const testTimeout = 10 * time.Minute

// timedOut is what the testing package says after that.
const timedOut = "panic: test timed out after"

// firstFailure runs the tests that match a pattern, and returns the name of the first
// that fails, or nothing.
func (p *testProgram) firstFailure(ctx context.Context, pattern string, seconds *float64) (name string, err error) {
	args := append([]string{"-test.v", "-test.failfast", "-test.timeout", testTimeout.String(), "-test.run", pattern}, p.flags...)
	cmd := guarded(ctx, p.cpu, p.path, args...)
	cmd.Dir = filepath.Join(p.root, p.dir)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err = cmd.Run()
	*seconds += processorTime(cmd).Seconds()
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case err == nil:
		return "", nil
	case outOfCPU(cmd, p.cpu):
		return "", fmt.Errorf("%w: %w of %v", errEnded, errCPU, p.cpu)
	case bytes.Contains(said.Bytes(), []byte(timedOut)):
		return "", fmt.Errorf("%w: they wait for something", errEnded)
	}
	if name := failedTest(said.String()); name != "" {
		return name, nil
	}
	return "", fmt.Errorf("the tests of %s: %w: %.300s", p.dir, err, said.String())
}

// failure runs the tests that a mutant's file expects to fail, and then all of them. It
// returns the name of the first that fails, or nothing.
func (p *testProgram) failure(ctx context.Context, m *mutant, seconds *float64) (name string, err error) {
	for _, expected := range m.expectedTests(p.dir) {
		if name, err = p.firstFailure(ctx, exactly(expected), seconds); name != "" || err != nil {
			return name, err
		}
	}
	return p.firstFailure(ctx, ".", seconds)
}

// confirm reports whether a test fails again by itself, and passes without the mutant.
func (t *testPackages) confirm(ctx context.Context, p *testProgram, test string, seconds *float64) (bool, error) {
	pattern := exactly(test)
	again, err := p.firstFailure(ctx, pattern, seconds)
	if again == "" || err != nil {
		return false, err
	}
	original, err := t.original(ctx, p)
	if err != nil {
		return false, err
	}
	var unused float64
	without, err := original.firstFailure(ctx, pattern, &unused)
	if err == nil && without != "" {
		err = fmt.Errorf("%s.%s fails without the mutant: nothing can be said of it", p.dir, without)
	}
	return err == nil, err
}

// original returns the test program of the same package without a mutant. It is built once.
func (t *testPackages) original(ctx context.Context, p *testProgram) (testProgram, error) {
	t.originals.Lock()
	defer t.originals.Unlock()
	original := *p
	original.path = filepath.Join(t.scratch, strings.ReplaceAll(p.dir, "/", "-")+".original")
	if _, err := os.Stat(original.path); err == nil {
		return original, nil
	}
	return original, original.build(ctx)
}

// exactly is the pattern for -test.run of one test.
func exactly(test string) string {
	parts := strings.Split(test, "/")
	for i, part := range parts {
		parts[i] = "^" + regexp.QuoteMeta(part) + "$"
	}
	return strings.Join(parts, "/")
}

var (
	failLine = regexp.MustCompile(`(?m)^ *--- FAIL: (\S+)`)
	runLine  = regexp.MustCompile(`(?m)^=== (?:RUN|CONT|NAME) +(\S+)`)
)

// failedTest returns the name of the first test that failed, or that was running when
// the program died; the subtest, if there is one. It is empty if the output has none.
func failedTest(output string) (name string) {
	for _, found := range failLine.FindAllStringSubmatch(output, -1) {
		if name != "" && !strings.HasPrefix(found[1], name+"/") {
			break
		}
		name = found[1]
	}
	if running := runLine.FindAllStringSubmatch(output, -1); name == "" && len(running) > 0 {
		name = running[len(running)-1][1]
	}
	return name
}

var testName = regexp.MustCompile(`([\w/]+)\.(Test[\w/]+)`)

// expectedTests are the tests of a package that a mutant's file expects to fail.
func (m *mutant) expectedTests(dir string) (names []string) {
	for _, found := range testName.FindAllStringSubmatch(m.catch, -1) {
		if found[1] == dir {
			names = append(names, found[2])
		}
	}
	return names
}

// testPaths parses the list of packages in a mutant's file.
func testPaths(field string) (paths []string) {
	for path := range strings.FieldsSeq(field) {
		paths = append(paths, strings.TrimPrefix(filepath.ToSlash(filepath.Clean(path)), "./"))
	}
	return paths
}

// requireTests returns an error about a package that a mutant names and that is not
// there.
func requireTests(root string, m *mutant) error {
	for _, path := range m.tests {
		if found, _ := fs.Glob(os.DirFS(filepath.Join(root, path)), "*_test.go"); len(found) == 0 {
			return fmt.Errorf("%s: tests: %w: %s has no tests: name directories of packages that have, from the module's root", m.file, errMutant, path)
		}
	}
	return nil
}
