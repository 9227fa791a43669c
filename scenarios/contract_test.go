package scenarios_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/scenarios"
)

// docs/CONTRACT.md names every family of faults, every field of System and every interface
// of the package, and the package's documentation the interfaces of a system.
func TestTheContractIsComplete(t *testing.T) {
	page, err := os.ReadFile("../docs/CONTRACT.md")
	require.NoError(t, err)
	contract := string(page)
	for _, f := range scenarios.AllFamilies() {
		require.Contains(t, contract, "`"+f.String()+"`", "a family of faults")
	}
	files := sourceFiles(t)
	doc := files["doc.go"].Doc.Text()
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok || !spec.Name.IsExported() {
				return true
			}
			name := spec.Name.Name
			switch def := spec.Type.(type) {
			case *ast.InterfaceType:
				require.Contains(t, contract, "`"+name+"`", "an interface")
				if name != "Source" { // of the generator
					require.Contains(t, doc, "["+name+"]", "an interface")
				}
			case *ast.StructType:
				for _, field := range def.Fields.List {
					if name == "System" {
						require.Regexp(t, `\b`+field.Names[0].Name+`\b`, contract, "a field of System")
					}
				}
			}
			return true
		})
	}
}

// sourceFiles parses the package, without tests.
func sourceFiles(t *testing.T) map[string]*ast.File {
	names, err := filepath.Glob("*.go")
	require.NoError(t, err)
	files := map[string]*ast.File{}
	for _, name := range names {
		if !strings.HasSuffix(name, "_test.go") {
			files[name], err = parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
			require.NoError(t, err)
		}
	}
	return files
}
