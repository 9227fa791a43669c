package harness

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/node/input"
	"github.com/lockstep-dst/lockstep/scenarios"
)

// keptPlans is the directory of the plans that a test keeps for a system.
type keptPlans struct{ dir string }

// dir returns the directory, with slashes: go test runs in that of the package.
func (o *Options) dir(sys scenarios.System) string {
	if o.Dir != "" {
		return path.Join(o.Dir, sys.Name)
	}
	return path.Join(DefaultDir, sys.Name)
}

// list lists the files in order of their names.
func (k keptPlans) list() ([]string, error) {
	entries, err := os.ReadDir(k.dir)
	if os.IsNotExist(err) {
		return nil, nil
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() && path.Ext(e.Name()) == ".json" {
			names = append(names, path.Join(k.dir, e.Name()))
		}
	}
	slices.Sort(names)
	return names, err
}

// add keeps a plan under a name that is not in use, and returns its file. A plan that was
// kept before keeps its file. With -lockstep.keep=false, or where the directory cannot be
// written, it is a temporary file.
func (k keptPlans) add(name string, plan []byte) (file string, err error) {
	dir := k.dir
	if !testFlags.keep {
		dir = tempDir()
	}
	file, err = addFile(dir, name, plan)
	if err == nil || !testFlags.keep {
		return file, err
	}
	return addFile(tempDir(), name, plan)
}

// tempDir returns the directory for plans that are not kept with the sources.
func tempDir() string { return filepath.ToSlash(filepath.Join(os.TempDir(), "lockstep")) }

func addFile(dir, name string, plan []byte) (string, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", err
	}
	for i := 1; ; i++ {
		file := path.Join(dir, name+".json")
		if i > 1 {
			file = path.Join(dir, fmt.Sprintf("%s-%d.json", name, i))
		}
		old, err := input.ReadFile(file, input.MaxPlan)
		switch {
		case os.IsNotExist(err):
			return file, os.WriteFile(file, plan, 0o666)
		case err != nil:
			return "", err
		case bytes.Equal(old, plan):
			return file, nil
		}
	}
}

// testName returns the name of a subtest for a file.
func testName(file string) string { return strings.TrimSuffix(path.Base(file), ".json") }

// fileName returns a signature as a part of the name of a file.
func fileName(signature string) string { return strings.ReplaceAll(signature, "/", "-") }
