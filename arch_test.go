package lockstep_test

import (
	"go/parser"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// layer lists the imports that a package may have. Tests are free.
type layer struct {
	pure     bool     // a function of its input: see purity
	internal []string // packages of this module that it may import; "..." stands for all
	external []string // packages of other modules that it may import
}

// layers is the architecture: it lists every package with the imports that the
// package may have. It may list packages that do not exist yet.
var layers = map[string]layer{
	".":    {},
	"docs": {},

	"node/arena":         {pure: true},
	"node/hash64":        {pure: true},
	"checker/jsonobject": {pure: true},

	// Leaves of one tree.
	"node/internal/frame":           {pure: true},
	"node/internal/invariant":       {pure: true},
	"node/access":                   {pure: true, internal: []string{"node/fsm", "node/op"}},
	"node/internal/clientlimit":     {pure: true, internal: []string{"node/internal/invariant"}},
	"node/internal/connlimit":       {pure: true, internal: []string{"node/internal/invariant"}},
	"node/internal/tlv":             {pure: true},
	"node/internal/changemodel":     {pure: true, internal: []string{"node/hash64"}},
	"node/input":                    {},
	"node/printable":                {}, // a lock beside what is pure
	"node/internal/attacker":        {internal: []string{"node", "node/member", "node/wire"}},
	"node/internal/waltest":         {internal: []string{"node/wal"}},
	"node/files/internal/filestest": {internal: []string{"node/wal"}, external: []string{"github.com/stretchr/testify/require"}},
	"sim/internal/memo":             {}, // a lock in place of purity: the results that it keeps are those of pure functions
	"scenarios/internal/shrink":     {pure: true, internal: []string{"netmodel", "node/fsm", "scenarios", "sim"}},

	"netmodel/keyed": {pure: true, internal: []string{"node/hash64"}},
	"netmodel":       {pure: true, internal: []string{"netmodel/keyed"}},
	"sim/disk":       {pure: true, internal: []string{"netmodel", "netmodel/keyed"}},
	"sim":            {pure: true, internal: []string{"netmodel", "netmodel/keyed", "sim/disk"}},
	"sim/kit":        {pure: true, internal: []string{"netmodel", "netmodel/keyed", "sim", "sim/disk", "sim/internal/memo"}},
	"sim/bubble":     {internal: []string{"netmodel", "netmodel/keyed", "sim", "sim/disk"}},
	"sim/fieldtest":  {},
	"sim/golden":     {external: []string{"github.com/stretchr/testify/require"}},

	"node/fsm":           {pure: true},
	"node/wal":           {pure: true, internal: []string{"node/internal/invariant"}},
	"node/op":            {pure: true, internal: []string{"node/hash64"}},
	"node/configuration": {pure: true, internal: []string{"node/fsm", "node/op"}},
	"node":               {pure: true, internal: []string{"node/arena", "node/configuration", "node/hash64", "node/fsm", "node/internal/invariant", "node/op", "node/wal"}},
	"node/member":        {pure: true, internal: []string{"node/configuration", "node/hash64", "node/internal/tlv", "node", "node/internal/invariant", "node/wal"}},
	"node/watch":         {pure: true},
	"node/service":       {pure: true, internal: []string{"node", "node/configuration", "node/fsm", "node/member", "node/wal", "node/watch"}},
	"node/httpapi":       {pure: true, internal: []string{"node/fsm", "node/op", "node/watch"}},
	"node/wire":          {pure: true, internal: []string{"node/configuration", "node/internal/frame", "node/internal/tlv", "node", "node/fsm", "node/member"}, external: []string{"github.com/fxamacker/cbor/v2"}},
	"node/streamserver":  {pure: true, internal: []string{"node/fsm", "node/op", "node/service", "node/stream", "node/watch"}},
	"node/stream":        {pure: true, internal: []string{"node/arena", "node/internal/frame", "node/op", "node/watch"}},
	"node/session":       {pure: true, internal: []string{"node/arena", "node/hash64", "node/op"}},

	"node/definition": {internal: []string{"node/input", "node/fsm"}, external: []string{"go.yaml.in/yaml/v3"}},

	"node/tcp":              {internal: []string{"node", "node/member", "node/wire"}},
	"node/internal/memnet":  {},
	"node/certificate":      {internal: []string{"node/access", "node/op"}},
	"node/tlsfiles":         {internal: []string{"node/certificate", "node/op"}},
	"node/tlsfiles/tlstest": {internal: []string{"node/access", "node/certificate", "node/op", "node/tlsfiles"}, external: []string{"github.com/stretchr/testify/require"}},
	"node/tcp/tcptest":      {external: []string{"github.com/stretchr/testify/require"}},
	"node/flock":            {},
	"node/files":            {internal: []string{"node/flock", "node/wal"}},
	"node/backup":           {internal: []string{"node", "node/configuration", "node/files", "node/fsm", "node/member", "node/wal"}, external: []string{"github.com/klauspost/compress/zstd"}},
	"node/server": {
		internal: []string{"node", "node/access", "node/certificate", "node/configuration", "node/definition", "node/files", "node/fsm", "node/httpapi", "node/internal/clientlimit", "node/internal/connlimit", "node/member", "node/op", "node/service", "node/stream", "node/streamserver", "node/tcp", "node/tlsfiles", "node/wal", "node/watch", "node/wire"},
		external: []string{
			"github.com/prometheus/client_golang/prometheus",
			"github.com/prometheus/client_golang/prometheus/promhttp",
		},
	},
	"node/client": {internal: []string{"node/fsm", "node/httpapi", "node/op", "node/session", "node/stream", "node/watch"}},

	"checker/history":   {pure: true, internal: []string{"checker/jsonobject", "node/fsm"}},
	"checker/jepsen":    {pure: true, internal: []string{"checker/history", "checker/jsonobject", "node/fsm"}},
	"checker/model":     {pure: true, internal: []string{"checker/history", "node/fsm"}, external: []string{"github.com/anishathalye/porcupine"}},
	"checker/etcd":      {pure: true, internal: []string{"checker/history", "checker/jsonobject", "checker/model"}},
	"checker":           {internal: []string{"node/printable", "checker/history", "checker/model", "node/fsm"}, external: []string{"github.com/anishathalye/porcupine"}},
	"checker/guarantee": {pure: true, internal: []string{"checker", "checker/history", "checker/jsonobject", "node/fsm"}},

	"scenarios":           {pure: true, internal: []string{"checker/history", "checker/jsonobject", "checker/model", "netmodel", "netmodel/keyed", "node/fsm", "sim", "sim/disk"}},
	"scenarios/workload":  {pure: true, internal: []string{"checker/history", "checker/model", "scenarios"}},
	"scenarios/canary":    {pure: true, internal: systemImports},
	"scenarios/origin":    {pure: true, internal: systemImports},
	"scenarios/lockstep":  {pure: true, internal: systemImports},
	"scenarios/systemkit": {pure: true, internal: []string{"scenarios", "sim", "sim/kit"}},
	"scenarios/rapidplan": {internal: []string{"scenarios"}, external: []string{"pgregory.net/rapid"}},
	"scenarios/play":      {internal: []string{"checker", "checker/history", "checker/model", "node/arena", "netmodel", "netmodel/keyed", "node/fsm", "scenarios", "sim", "sim/disk"}},
	"scenarios/report":    {internal: []string{"checker", "checker/history", "checker/model", "docs", "netmodel", "node/printable", "scenarios", "scenarios/internal/pageparts", "scenarios/play", "sim"}},
	"scenarios/campaign":  {internal: []string{"node/input", "checker", "checker/history", "netmodel", "netmodel/keyed", "scenarios", "scenarios/play", "scenarios/internal/shrink", "sim"}},

	"scenarios/harness/cli": {internal: []string{"node/printable"}, external: []string{"github.com/spf13/cobra", "github.com/spf13/pflag", "golang.org/x/term"}},
	"scenarios/harness/check": {
		internal: []string{"node/input", "node/printable", "checker", "checker/etcd", "checker/guarantee", "checker/history", "checker/jepsen", "checker/model", "node/definition", "node/fsm", "scenarios/harness/cli", "scenarios/report"},
		external: []string{"github.com/klauspost/compress/gzip", "github.com/klauspost/compress/zstd", "github.com/spf13/cobra", "github.com/spf13/pflag"},
	},
	"scenarios/harness/board":      {internal: []string{"node/input", "scenarios", "scenarios/campaign", "scenarios/internal/pageparts"}},
	"scenarios/internal/pageparts": {},

	"scenarios/internal/pageparts/pagetest": {external: []string{
		"github.com/chromedp/cdproto/log", "github.com/chromedp/cdproto/network", "github.com/chromedp/cdproto/runtime",
		"github.com/chromedp/chromedp", "github.com/stretchr/testify/require",
	}},
	"scenarios/harness": {
		internal: []string{"node/input", "node/definition", "node/fsm", "scenarios", "scenarios/campaign", "scenarios/harness/board", "scenarios/harness/check", "scenarios/harness/cli", "scenarios/play", "scenarios/report", "sim", "sim/disk"},
		external: []string{"github.com/spf13/cobra", "github.com/spf13/pflag"},
	},

	"scenarios/fleet":           {internal: []string{"netmodel/keyed", "node/input", "scenarios", "scenarios/campaign", "scenarios/harness/cli", "scenarios/play"}},
	"scenarios/fleet/bisect":    {internal: []string{"scenarios/harness/cli"}},
	"scenarios/fleet/fleettest": {internal: []string{"scenarios", "scenarios/harness"}, external: []string{"github.com/stretchr/testify/require"}},
	"scenarios/fleet/steward": {
		internal: []string{"scenarios/campaign", "scenarios/fleet", "scenarios/fleet/bisect", "scenarios/harness/board"},
		external: []string{"github.com/prometheus/client_golang/prometheus"},
	},
	"scenarios/fleet/natsqueue": {
		internal: []string{"scenarios/fleet"},
		external: []string{"github.com/nats-io/nats-server/v2/server", "github.com/nats-io/nats.go", "github.com/nats-io/nats.go/jetstream", "github.com/nats-io/nkeys"},
	},

	"examples/kv": {pure: true, internal: []string{"checker/history", "scenarios", "scenarios/harness", "scenarios/systemkit", "scenarios/workload", "sim", "sim/kit"}},

	"cmd/mutants":        {external: []string{"github.com/spf13/cobra"}},
	"cmd/mutants/driver": {internal: []string{"scenarios/play", "scenarios", "scenarios/campaign", "scenarios/lockstep"}},

	"cmd/lockstep-fleet": {
		internal: []string{"node/flock", "scenarios/campaign", "scenarios/fleet", "scenarios/fleet/bisect", "scenarios/fleet/natsqueue", "scenarios/fleet/steward", "scenarios/harness/board", "scenarios/harness/cli"},
		external: []string{"github.com/nats-io/nats.go", "github.com/prometheus/client_golang/prometheus", "github.com/prometheus/client_golang/prometheus/promhttp", "github.com/spf13/cobra"},
	},

	"cmd/lockstep/internal/settings": {external: []string{"github.com/spf13/pflag", "go.yaml.in/yaml/v3"}},

	"cmd/lockstep": {internal: []string{"..."}, external: []string{"github.com/HdrHistogram/hdrhistogram-go", "github.com/spf13/cobra", "github.com/spf13/pflag"}},
}

// systemImports lists the packages that a system under test connects: plans and the
// simulator to nodes.
var systemImports = []string{
	"node/arena", "netmodel", "netmodel/keyed", "scenarios", "sim", "sim/disk",
	"node", "node/configuration", "node/fsm", "node/httpapi", "node/member", "node/op", "node/service", "node/session", "node/stream", "node/streamserver", "node/wal", "node/watch", "node/wire",
}

func TestArchitectureOfImports(t *testing.T) {
	src := newTypeChecker()
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

// A program that imports the client gets what HTTP needs, and little more: no server, log
// or metrics. go list names what a build would link.
func TestArchitectureOfTheClient(t *testing.T) {
	list := func(pkg string) []string {
		out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", pkg).Output()
		require.NoError(t, err)
		return fields(string(out))
	}
	standard := list("net/http")
	var added, ours []string
	for _, pkg := range list("./node/client") {
		if in, ok := strings.CutPrefix(pkg, module+"/"); ok {
			ours = append(ours, in)
		} else if !slices.Contains(standard, pkg) {
			added = append(added, pkg)
		}
	}
	require.ElementsMatch(t, fields("node/arena node/client node/fsm node/hash64 node/httpapi node/internal/frame node/op node/session node/stream node/watch"), ours)
	require.LessOrEqual(t, len(added), 4, "besides net/http and its imports: %v", added)
}

func TestArchitectureOfPurePackages(t *testing.T) {
	src := newTypeChecker()
	present := packageDirs(t)
	for _, dir := range slices.Sorted(maps.Keys(layers)) {
		if !layers[dir].pure || !slices.Contains(present, dir) {
			continue
		}
		c, err := src.load(module+"/"+dir, dir)
		require.NoError(t, err)
		report(t, src.purity(c))
		for _, name := range c.ignoredFiles {
			t.Errorf("%s/%s: left out of the build here: a pure package is the same code everywhere", dir, name)
		}
	}
}

// The rules find each planted violation, and report nothing else.
func TestArchitectureRulesSeeViolations(t *testing.T) {
	src := newTypeChecker()
	for _, p := range ruleCases {
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

// doc.go is the map of all packages.
func TestTheMapHasAllPackages(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	for _, dir := range packageDirs(t) {
		if dir != "." {
			require.Contains(t, string(text), "["+module+"/"+dir+"]", "doc.go: a package that the map does not have")
		}
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
