package lockstep_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/canary"
	"github.com/lockstep-dst/lockstep/scenarios/lockstep"
	"github.com/lockstep-dst/lockstep/scenarios/origin"
)

// docs/GLOSSARY.md explains every coverage mark and every signature that the command
// prints, and no others.
func TestGlossaryIsComplete(t *testing.T) {
	text, err := os.ReadFile("docs/GLOSSARY.md")
	require.NoError(t, err)
	_, lists, found := strings.Cut(string(text), "\n## Coverage marks\n")
	require.True(t, found)
	marks, signatures, found := strings.Cut(lists, "\n## Signatures\n")
	require.True(t, found)
	var printed []string
	for _, s := range []([]string){lockstep.System().Marks, origin.System().Marks, canary.System().Marks} {
		printed = append(printed, s...)
	}
	assert.ElementsMatch(t, printed, listed(marks), "coverage marks")

	assert.ElementsMatch(t, signaturesOf(t), listed(signatures), "signatures")
}

// Every signature of a standard system has a sentence for the demand of its property, and the
// tables have no others. A sentence stands by itself: reports put it behind "Expected:".
func TestEverySignatureHasAnExpectation(t *testing.T) {
	signatures := signaturesOf(t)
	properties := map[string]bool{}
	for _, s := range signatures {
		property, _, _ := strings.Cut(s, "/")
		properties[property] = true
		found := slices.ContainsFunc([]scenarios.System{lockstep.System(), origin.System(), canary.System()}, func(sys scenarios.System) bool {
			return sys.Expectation(s).Sentence != ""
		})
		assert.True(t, found, "%s has no expectation: add it to Expected of its system", s)
	}
	for _, sys := range []scenarios.System{lockstep.System(), origin.System(), canary.System()} {
		for name, e := range sys.Expected {
			assert.True(t, properties[name] || slices.Contains(signatures, name), "%s expects something of %s, which nothing violates", sys.Name, name)
			assert.Regexp(t, `^[A-Z].*[^.]$`, e.Sentence, name)
		}
	}
}

// listed returns the names that a part of the glossary lists, each with the group
// before it, as in `node/`.
func listed(text string) (names []string) {
	group := ""
	for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(text, -1) {
		if strings.HasSuffix(m[1], "/") {
			group = m[1]
			continue
		}
		names = append(names, group+m[1])
	}
	return names
}

// signaturesOf collects, from the source, the property and class of every violation.
func signaturesOf(t *testing.T) []string {
	all := map[string]bool{}
	fset := token.NewFileSet()
	for _, dir := range packageDirs(t) {
		if !strings.HasPrefix(dir, "scenarios") && dir != "checker" && dir != "sim" {
			continue
		}
		for _, name := range goFiles(t, dir) {
			f, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
			require.NoError(t, err)
			ast.Inspect(f, func(n ast.Node) bool {
				for _, s := range signaturesAt(n) {
					all[s] = true
				}
				return true
			})
			// Violations of clients, and of agreement in the origin, are made by a
			// local function that knows the property.
			for group, only := range map[string]string{"client": "scenarios/lockstep/", "agreement": "scenarios/origin/"} {
				if strings.HasPrefix(name, only) {
					for _, class := range closureClasses(f) {
						all[group+"/"+class] = true
					}
				}
			}
		}
	}
	require.Greater(t, len(all), 50)
	return slices.Sorted(maps.Keys(all))
}

// signaturesAt returns the signatures at one place: in a violation literal, in a
// call of violation or breach(property, class, ...), or in a class of the linearizability
// checker or of misuse of the simulator.
func signaturesAt(n ast.Node) []string {
	switch n := n.(type) {
	case *ast.CompositeLit:
		fields := map[string]string{}
		for _, e := range n.Elts {
			if kv, ok := e.(*ast.KeyValueExpr); ok {
				if key, ok := kv.Key.(*ast.Ident); ok {
					fields[key.Name] = literal(kv.Value)
				}
			}
		}
		if fields["Property"] != "" && fields["Class"] != "" {
			return []string{fields["Property"] + "/" + fields["Class"]}
		}
	case *ast.CallExpr:
		if f, ok := n.Fun.(*ast.SelectorExpr); ok && (f.Sel.Name == "violation" || f.Sel.Name == "breach") && literal(n.Args[1]) != "" {
			return []string{literal(n.Args[0]) + "/" + literal(n.Args[1])}
		}
	case *ast.ValueSpec:
		if strings.HasPrefix(n.Names[0].Name, "Misuse") && len(n.Values) == 1 {
			return []string{"harness/" + literal(n.Values[0])}
		}
		if strings.HasPrefix(n.Names[0].Name, "Class") && len(n.Values) == 1 {
			return []string{"linearizability/" + literal(n.Values[0])}
		}
	}
	return nil
}

// closureClasses returns the first arguments of the calls of a local function
// violation.
func closureClasses(f *ast.File) (classes []string) {
	ast.Inspect(f, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if fun, ok := call.Fun.(*ast.Ident); ok && fun.Name == "violation" {
				classes = append(classes, literal(call.Args[0]))
			}
		}
		return true
	})
	return classes
}

// literal returns the text of a string literal, or of the one that a concatenation
// begins with.
func literal(e ast.Expr) string {
	if sum, ok := e.(*ast.BinaryExpr); ok {
		return literal(sum.X)
	}
	if l, ok := e.(*ast.BasicLit); ok && l.Kind == token.STRING {
		s, err := strconv.Unquote(l.Value)
		if err == nil {
			return s
		}
	}
	return ""
}
