package report_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/scenarios/report"
	"github.com/lockstep-dst/lockstep/sim/golden"
	"github.com/stretchr/testify/require"
)

// docs/REPORT.md lists the fields of the document as its types have them, with an example
// of each type from the document of a failure. -update writes the lists.
func TestTheReportPage(t *testing.T) {
	const page = "../../docs/REPORT.md"
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	const begin, end = "<!-- the fields, written by go test ./scenarios/report -run ReportPage -update -->\n", "<!-- the fields end -->"
	before, rest, ok := strings.Cut(string(text), begin)
	require.True(t, ok)
	_, after, ok := strings.Cut(rest, end)
	require.True(t, ok)
	golden.Equal(t, page, before+begin+fieldTables(t)+end+after)
}

// fieldTables describes the types of the document.
func fieldTables(t *testing.T) string {
	examples := exampleOfEachType(documentOf(t, "duplicated-commit"), documentOf(t, "shrunk-read"))
	file, err := parser.ParseFile(token.NewFileSet(), "document.go", nil, parser.ParseComments)
	require.NoError(t, err)
	var b strings.Builder
	for _, decl := range file.Decls {
		d, ok := decl.(*ast.GenDecl)
		if !ok || d.Tok != token.TYPE {
			continue
		}
		name := d.Specs[0].(*ast.TypeSpec)
		fmt.Fprintf(&b, "\n### %s\n\n%s\n", name.Name, oneLine(d.Doc.Text()))
		s, ok := name.Type.(*ast.StructType)
		if !ok {
			continue
		}
		b.WriteString("\n| field | type | meaning |\n|---|---|---|\n")
		for _, f := range s.Fields.List {
			tag := reflect.StructTag(strings.Trim(f.Tag.Value, "`")).Get("json")
			words := strings.Split(tag, ",")
			require.NotEmpty(t, words[0], "a field of %s has no name", name.Name)
			require.NotEmpty(t, f.Comment.Text(), "%s has no meaning in %s", words[0], name.Name)
			kind := typeWords(f.Type)
			if slices.Contains(words, "string") {
				kind = "string"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", words[0], kind, strings.ReplaceAll(oneLine(f.Comment.Text()), "|", `\|`))
		}
		if example, ok := examples[name.Name.Name]; ok {
			fmt.Fprintf(&b, "\n```json\n%s\n```\n", example)
		}
	}
	return b.String()
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// typeWords describes a type as JSON has it.
func typeWords(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return typeWords(e.X)
	case *ast.ArrayType:
		return "list of " + typeWords(e.Elt)
	case *ast.MapType:
		return "object of " + typeWords(e.Value)
	case *ast.SelectorExpr:
		return "number"
	case *ast.Ident:
		switch e.Name {
		case "int", "int64", "uint64":
			return "number"
		case "bool":
			return "true"
		}
		return e.Name
	}
	return "?"
}

// exampleOfEachType has an example of most types of a document, in one line.
func exampleOfEachType(d, withSpan *report.Document) map[string]string {
	r := d.Runs[0]
	examples := map[string]any{
		"Shrinking": report.Shrinking{Before: report.PlanSize{Operations: 22, Faults: 8}, After: report.PlanSize{Operations: 1, Overrides: 1}},
		"Lane":      r.Lanes[1], "Event": r.Events[r.Violation.Event], "Message": r.Messages[*r.Events[r.Violation.Event].Message],
		"Mark": r.Marks[len(r.Marks)-1], "Operation": r.Operations[0], "Violation": r.Violation, "Change": r.States.Changes[len(r.States.Changes)-1],
		"Span": withSpan.Runs[0].Spans[0],
	}
	texts := map[string]string{}
	for name, v := range examples {
		text, err := json.Marshal(v)
		if err != nil {
			panic(err) // a value of the document's own types
		}
		texts[name] = string(text)
	}
	return texts
}
