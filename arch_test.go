package lockstep_test

import (
	"go/parser"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// layer is what a package may be made of. Tests are free.
type layer struct {
	pure   bool     // a function of its input: see purity
	module []string // packages of this module that it may import; "..." stands for all
	others []string // packages of other modules that it may import
}

// layers is the architecture: every package is here, and knows no more of the
// others than this. Packages that are yet to come may be here already.
var layers = map[string]layer{
	".": {},

	"netmodel/keyed": {pure: true},
	"netmodel":       {pure: true, module: []string{"netmodel/keyed"}},
	"sim":            {pure: true, module: []string{"netmodel", "netmodel/keyed"}},
	"sim/fieldtest":  {},
	"sim/golden":     {others: []string{"github.com/stretchr/testify/require"}},

	"node/fsm":         {pure: true},
	"node/wal":         {pure: true},
	"node/wal/waltest": {module: []string{"node/wal"}},
	"node":             {pure: true, module: []string{"node/fsm", "node/wal"}},
	"node/member":      {pure: true, module: []string{"node", "node/wal"}},
	"node/watch":       {pure: true, module: []string{"node"}},
	"node/wire":        {pure: true, module: []string{"node", "node/fsm", "node/member"}, others: []string{"github.com/fxamacker/cbor/v2"}},
	"node/session":     {pure: true, module: []string{"node", "node/fsm"}},

	"node/definition": {module: []string{"node/fsm"}, others: []string{"go.yaml.in/yaml/v3"}},

	"node/tcp":             {module: []string{"node", "node/member", "node/wire"}},
	"node/tcp/tcptest":     {others: []string{"github.com/stretchr/testify/require"}},
	"node/files":           {module: []string{"node/wal"}},
	"node/files/filestest": {module: []string{"node/wal"}, others: []string{"github.com/stretchr/testify/require"}},
	"node/server": {
		module: []string{"node", "node/definition", "node/files", "node/fsm", "node/member", "node/tcp", "node/wal", "node/watch", "node/wire"},
		others: []string{
			"github.com/prometheus/client_golang/prometheus", "github.com/prometheus/client_golang/prometheus/collectors",
			"github.com/prometheus/client_golang/prometheus/promhttp",
		},
	},
	"node/client": {module: []string{"node", "node/fsm", "node/server", "node/session"}},

	"checker":        {module: []string{"node/fsm"}, others: []string{"github.com/anishathalye/porcupine"}},
	"checker/jepsen": {pure: true, module: []string{"checker", "node/fsm"}},

	"checker/guarantee": {pure: true, module: []string{"checker", "node/fsm"}},

	"scenarios":           {pure: true, module: []string{"netmodel", "netmodel/keyed", "node/fsm", "sim"}},
	"scenarios/canary":    {pure: true, module: system},
	"scenarios/origin":    {pure: true, module: system},
	"scenarios/lockstep":  {pure: true, module: system},
	"scenarios/shrink":    {pure: true, module: []string{"netmodel", "node/fsm", "scenarios", "sim"}},
	"scenarios/rapidplan": {module: []string{"scenarios"}, others: []string{"pgregory.net/rapid"}},
	"scenarios/campaign":  {module: []string{"checker", "netmodel", "netmodel/keyed", "node/fsm", "scenarios", "scenarios/shrink", "sim"}},

	"cmd/mutants":        {others: []string{"github.com/spf13/cobra"}},
	"cmd/mutants/driver": {module: []string{"scenarios", "scenarios/campaign", "scenarios/lockstep"}},

	"cmd/lockstep": {
		module: []string{"..."},
		others: []string{
			"github.com/klauspost/compress/gzip", "github.com/klauspost/compress/zstd",
			"github.com/spf13/cobra", "github.com/spf13/pflag", "golang.org/x/term",
		},
	},
}

// system is what a system under test joins: plans and the simulator to nodes.
var system = []string{
	"netmodel", "netmodel/keyed", "scenarios", "sim",
	"node", "node/fsm", "node/member", "node/session", "node/wal", "node/watch", "node/wire",
}

func TestArchitectureOfImports(t *testing.T) {
	src := newSource()
	for _, dir := range packageDirs(t) {
		l, known := layers[dir]
		if !known {
			t.Errorf("%s: a package that the architecture does not know: add it to layers in arch_test.go, deliberately", dir)
			continue
		}
		for _, name := range goFiles(t, dir) {
			f, err := parser.ParseFile(src.fset, name, nil, parser.ImportsOnly)
			require.NoError(t, err)
			report(t, src.imports(dir, l, f))
		}
	}
}

func TestArchitectureOfPurePackages(t *testing.T) {
	src := newSource()
	present := packageDirs(t)
	for _, dir := range slices.Sorted(maps.Keys(layers)) {
		if !layers[dir].pure || !slices.Contains(present, dir) {
			continue
		}
		c, err := src.load(module+"/"+dir, dir)
		require.NoError(t, err)
		report(t, src.purity(c))
		for _, name := range c.left {
			t.Errorf("%s/%s: left out of the build here: a pure package is the same code everywhere", dir, name)
		}
	}
}

// The rules see what they are for, and only that.
func TestArchitectureRulesSeeViolations(t *testing.T) {
	src := newSource()
	for _, p := range planted {
		t.Run(p.name, func(t *testing.T) {
			f, err := parser.ParseFile(src.fset, "planted.go", "package planted\n"+p.code, parser.SkipObjectResolution)
			require.NoError(t, err)
			dir := p.dir
			if dir == "" {
				dir = "sim"
			}
			found := src.imports(dir, layers[dir], f)
			if layers[dir].pure {
				found = append(found, src.purity(src.check("planted", f))...)
			}
			var said []string
			for _, v := range found {
				said = append(said, v.String())
			}
			all := strings.Join(said, "\n")
			if p.want == "" {
				require.Empty(t, all)
			}
			require.Contains(t, all, p.want)
		})
	}
}

func report(t *testing.T, found []violation) {
	t.Helper()
	for _, v := range found {
		t.Error(v)
	}
}

// packageDirs lists the directories of the module that hold a package.
func packageDirs(t *testing.T) []string {
	dirs := []string{}
	require.NoError(t, walkPackages(os.DirFS("."), func(dir string) { dirs = append(dirs, dir) }))
	require.Contains(t, dirs, "sim")
	return dirs
}
