package scenarios_test

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/lockstep-dst/lockstep/sim/golden"
	"github.com/stretchr/testify/require"
)

const schemaFile = "plan.schema.json"

// plan.schema.json is derived from the types: their fields, the fields'
// comments, and the rules of Decode. go test ./scenarios -update writes it.
func TestTheSchemaIsThatOfTheTypes(t *testing.T) {
	m := newSchemaMaker(t)
	made := m.document()
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	require.NoError(t, e.Encode(made))
	golden.Equal(t, schemaFile, text.String())
}

// Every plan of the project obeys the schema.
func TestPlansObeyTheSchema(t *testing.T) {
	root := readSchema(t)
	plans := samples(t)
	require.Greater(t, len(plans), 20)
	for name, text := range plans {
		require.NoError(t, root.check(root, decoded(t, text), ""), name)
	}
}

// The schema refuses the plans that Decode refuses.
func TestTheSchemaRefuses(t *testing.T) {
	root := readSchema(t)
	text, err := os.ReadFile("../testdata/plans/lost-commit.json")
	require.NoError(t, err)
	for _, c := range []struct{ old, new, want string }{
		{`"nodes": 3`, `"nodes": "3"`, "nodes: want integer"},
		{`"nodes": 3,`, ``, "nodes: required"},
		{`"seed"`, `"seeds"`, "seeds: unknown"},
		{`"at": "0s"`, `"at": "soon"`, "operations[0].at: want a match of"},
		{`"kind": "propose"`, `"kind": "ask"`, "operations[0].kind: want one of"},
		{`"fate": "drop"`, `"fate": "lose"`, "overrides[0].override.fate: want one of"},
		{`"heal":`, `"faults": [{"at": "0s", "for": "1s", "kind": "pause"}], "heal":`, "faults[0].nodes: required"},
		{`"heal":`, `"faults": [{"at": "0s", "for": "1s", "kind": "wipe", "nodes": [1], "live": true}], "heal":`, "faults[0].live: not with wipe"},
		{`"1>3 commit`, `"1-3 commit`, "overrides[0].message: want a match of"},
	} {
		changed := strings.Replace(string(text), c.old, c.new, 1)
		require.NotEqual(t, string(text), changed)
		require.ErrorContains(t, root.check(root, decoded(t, []byte(changed)), ""), c.want)
		_, err := scenarios.Decode([]byte(changed))
		require.ErrorIs(t, err, scenarios.ErrPlan)
	}
}

// schema is the part of JSON Schema that plans need.
type schema struct {
	Schema      string     `json:"$schema,omitempty"`
	Title       string     `json:"title,omitempty"`
	Description string     `json:"description,omitempty"`
	Ref         string     `json:"$ref,omitempty"`
	Type        string     `json:"type,omitempty"`
	Enum        []string   `json:"enum,omitempty"`
	Pattern     string     `json:"pattern,omitempty"`
	Minimum     *int64     `json:"minimum,omitempty"`
	Maximum     *int64     `json:"maximum,omitempty"`
	Items       *schema    `json:"items,omitempty"`
	Properties  properties `json:"properties,omitempty"`
	Required    []string   `json:"required,omitempty"`
	Closed      *bool      `json:"additionalProperties,omitempty"`
	OneOf       []variant  `json:"oneOf,omitempty"`
	Defs        properties `json:"$defs,omitempty"`
}

// variant is what an object with one word as its kind must and may have.
type variant struct {
	Description string `json:"description"`
	Properties  struct {
		Kind struct {
			Const string `json:"const"`
		} `json:"kind"`
	} `json:"properties"`
	Required []string `json:"required,omitempty"`
	Names    struct {
		Enum []string `json:"enum"`
	} `json:"propertyNames"`
}

// properties keeps the order of the types' fields.
type properties []property

type property struct {
	name string
	*schema
}

func (p properties) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, f := range p {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%q:", f.name)
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(f.schema); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func (p *properties) UnmarshalJSON(data []byte) error {
	var m map[string]*schema
	if err := json.Unmarshal(data, &m); err != nil {
		return err
	}
	for name, s := range m {
		*p = append(*p, property{name, s})
	}
	return nil
}

func (p properties) named(name string) *schema {
	for _, f := range p {
		if f.name == name {
			return f.schema
		}
	}
	return nil
}

// schemaMaker derives schemas from types.
type schemaMaker struct {
	t        *testing.T
	comments map[string]string   // by package.Type.Field
	words    map[string][]string // by package.Type: the constants of a string type
	meanings map[string]string   // by package.Type.word: the comment of the constant
	required map[string][]string // by package.Type
	defs     properties
}

func newSchemaMaker(t *testing.T) *schemaMaker {
	m := &schemaMaker{t: t, comments: map[string]string{}, words: map[string][]string{}, meanings: map[string]string{}}
	for _, dir := range []string{"scenarios", "netmodel", "sim", "sim/disk", "node/fsm"} {
		m.read(dir)
	}
	m.required = required(t)
	return m
}

// read collects the comments of fields and the words of string types from a
// package.
func (m *schemaMaker) read(dir string) {
	files, err := filepath.Glob("../" + dir + "/*.go")
	require.NoError(m.t, err)
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		require.NoError(m.t, err)
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.TypeSpec:
				if s, ok := n.Type.(*ast.StructType); ok {
					m.readFields(f.Name.Name+"."+n.Name.Name, s)
				}
			case *ast.ValueSpec:
				if typ, ok := n.Type.(*ast.Ident); ok && len(n.Values) == 1 {
					if lit, ok := n.Values[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
						word, _ := strconv.Unquote(lit.Value)
						key := f.Name.Name + "." + typ.Name
						m.words[key] = append(m.words[key], word)
						m.meanings[key+"."+word] = strings.TrimSpace(n.Comment.Text())
					}
				}
			}
			return true
		})
	}
}

func (m *schemaMaker) readFields(typ string, s *ast.StructType) {
	for _, f := range s.Fields.List {
		text := f.Comment.Text()
		if text == "" {
			text = f.Doc.Text()
		}
		for _, name := range f.Names {
			m.comments[typ+"."+name.Name] = strings.Join(strings.Fields(text), " ")
		}
	}
}

func (m *schemaMaker) document() *schema {
	root := m.object(reflect.TypeFor[scenarios.Plan]())
	root.Schema, root.Title = "https://json-schema.org/draft/2020-12/schema", "A plan of lockstep, version "+strconv.Itoa(scenarios.Version)
	root.Properties.named("format").Enum = []string{scenarios.Format}
	root.Defs = m.defs
	return root
}

func (m *schemaMaker) object(t reflect.Type) *schema {
	closed := false
	s := &schema{Type: "object", Closed: &closed, Required: m.required[t.String()]}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		p := m.of(f.Type)
		p.Description = m.comments[t.String()+"."+f.Name]
		s.Properties = append(s.Properties, property{name, p})
	}
	if t == reflect.TypeFor[scenarios.Fault]() {
		s.OneOf = m.kindsOfFaults()
	}
	return s
}

// kindsOfFaults derives the fields of each kind of faults from the table of kinds.
func (m *schemaMaker) kindsOfFaults() (variants []variant) {
	for _, kind := range scenarios.FaultKinds() {
		needed, optional := kind.Fields()
		v := variant{Description: m.meanings["scenarios.FaultKind."+string(kind)], Required: needed}
		require.NotEmpty(m.t, v.Description, "the comment of the constant %s", kind)
		v.Properties.Kind.Const = string(kind)
		v.Names.Enum = slices.Concat([]string{"at", "for", "kind", "aim"}, needed, optional)
		variants = append(variants, v)
	}
	return variants
}

// of returns the schema of a type; that of a structure is a reference.
func (m *schemaMaker) of(t reflect.Type) *schema {
	switch t {
	case reflect.TypeFor[netmodel.Duration]():
		return &schema{Type: "string", Pattern: `^-?([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`}
	case reflect.TypeFor[netmodel.Link]():
		return &schema{Type: "string", Pattern: `^[0-9]+>[0-9]+$`}
	case reflect.TypeFor[sim.Address]():
		return &schema{Type: "string", Pattern: `^[0-9]+>[0-9]+ [^ ]+ [^ ]+ [^ ]+ #[0-9]+$`}
	case reflect.TypeFor[netmodel.PPM]():
		return between(0, int64(netmodel.Always))
	case reflect.TypeFor[netmodel.ID]():
		return between(1, netmodel.MaxID)
	}
	if words := texts(t); len(words) > 0 {
		return &schema{Type: "string", Enum: words}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return m.of(t.Elem())
	case reflect.Slice:
		return &schema{Type: "array", Items: m.of(t.Elem())}
	case reflect.String:
		return &schema{Type: "string", Enum: m.words[t.String()]}
	case reflect.Bool:
		return &schema{Type: "boolean"}
	case reflect.Struct:
		name := t.String()
		if m.defs.named(name) == nil {
			s := &schema{}
			m.defs = append(m.defs, property{name, s})
			*s = *m.object(t)
		}
		return &schema{Ref: "#/$defs/" + name}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return &schema{Type: "integer", Minimum: new(int64)}
	}
	return &schema{Type: "integer"}
}

func between(lo, hi int64) *schema { return &schema{Type: "integer", Minimum: &lo, Maximum: &hi} }

// texts lists the words of an enumeration of numbers.
func texts(t reflect.Type) (words []string) {
	if t.Kind() != reflect.Uint8 || !t.Implements(reflect.TypeFor[encoding.TextMarshaler]()) {
		return nil
	}
	for i := range uint64(256) {
		v := reflect.New(t).Elem()
		v.SetUint(i)
		text, err := v.Interface().(encoding.TextMarshaler).MarshalText()
		if err == nil && reflect.New(t).Interface().(encoding.TextUnmarshaler).UnmarshalText(text) == nil {
			words = append(words, string(text))
		}
	}
	return words
}

// required finds the mandatory fields, by type: Decode refuses every sample without
// them.
func required(t *testing.T) map[string][]string {
	given, missed := map[string]int{}, map[string]int{}
	var names []string
	for _, text := range samples(t) {
		tree := decoded(t, text)
		without(reflect.TypeFor[scenarios.Plan](), tree, func(name string) {
			if given[name]++; given[name] == 1 {
				names = append(names, name)
			}
			less, err := json.Marshal(tree)
			require.NoError(t, err)
			if _, err := scenarios.Decode(less); err != nil {
				missed[name]++
			}
		})
	}
	slices.Sort(names)
	needed := map[string][]string{}
	for _, name := range names {
		if given[name] == missed[name] {
			dot := strings.LastIndex(name, ".")
			needed[name[:dot]] = append(needed[name[:dot]], name[dot+1:])
		}
	}
	return needed
}

// without removes each field that is always written from each object of a tree in
// turn, calls f with package.Type.field, and puts it back.
func without(t reflect.Type, tree any, f func(name string)) {
	switch tree := tree.(type) {
	case []any:
		for i := range min(len(tree), 3) { // they are alike
			without(t.Elem(), tree[i], f)
		}
	case map[string]any:
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		for i := range t.NumField() {
			name, omit, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
			value, ok := tree[name]
			if !ok {
				continue
			}
			if omit == "" {
				delete(tree, name)
				f(t.String() + "." + name)
				tree[name] = value
			}
			without(t.Field(i).Type, value, f)
		}
	}
}

// samples returns all plans in testdata, and some of the generator's.
func samples(t *testing.T) map[string][]byte {
	plans := map[string][]byte{}
	for _, pattern := range []string{"../testdata/plans/*.json", "../testdata/regressions/*.json"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, name := range files {
			text, err := os.ReadFile(name)
			require.NoError(t, err)
			var artefact struct{ Plan json.RawMessage }
			require.NoError(t, json.Unmarshal(text, &artefact))
			if artefact.Plan != nil {
				text = artefact.Plan
			}
			if bytes.Contains(text, []byte(`"version": 1,`)) {
				continue // the schema is of the latest version
			}
			plans[name] = text
		}
	}
	for seed := range uint64(10) {
		p := scenarios.Generate(seed, scenarios.Shape{
			System: "any", Definitions: []fsm.Definition{fsm.Lifecycle()}, Profile: scenarios.All, Versions: true, Majority: true, ProvesLoss: true,
		})
		plans[fmt.Sprint("seed ", seed)] = scenarios.Encode(p)
	}
	return plans
}

func readSchema(t *testing.T) *schema {
	text, err := os.ReadFile(schemaFile)
	require.NoError(t, err)
	s := new(schema)
	require.NoError(t, json.Unmarshal(text, s))
	return s
}

func decoded(t *testing.T, text []byte) any {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var tree any
	require.NoError(t, d.Decode(&tree))
	return tree
}

// check reports the first place where a tree does not obey s.
func (s *schema) check(root *schema, tree any, at string) error {
	if name, ok := strings.CutPrefix(s.Ref, "#/$defs/"); ok {
		return root.Defs.named(name).check(root, tree, at)
	}
	is := map[string]bool{}
	switch tree := tree.(type) {
	case map[string]any:
		is["object"] = true
		return s.checkObject(root, tree, at, is)
	case []any:
		is["array"] = true
		for i, x := range tree {
			if s.Items == nil {
				break
			}
			if err := s.Items.check(root, x, fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
	case string:
		is["string"] = true
		if len(s.Enum) > 0 && !slices.Contains(s.Enum, tree) {
			return fmt.Errorf("%s: want one of %v", at, s.Enum)
		}
		if s.Pattern != "" && !regexp.MustCompile(s.Pattern).MatchString(tree) {
			return fmt.Errorf("%s: want a match of %s", at, s.Pattern)
		}
	case bool:
		is["boolean"] = true
	case json.Number:
		is["integer"] = !strings.ContainsAny(string(tree), ".eE")
		if n, err := tree.Int64(); err == nil && (s.Minimum != nil && n < *s.Minimum || s.Maximum != nil && n > *s.Maximum) {
			return fmt.Errorf("%s: %d is out of bounds", at, n)
		}
	}
	if !is[s.Type] {
		return fmt.Errorf("%s: want %s", at, s.Type)
	}
	return nil
}

func (s *schema) checkObject(root *schema, tree map[string]any, at string, is map[string]bool) error {
	if !is[s.Type] {
		return fmt.Errorf("%s: want %s", at, s.Type)
	}
	place := func(name string) string { return strings.TrimPrefix(at+"."+name, ".") }
	for _, name := range s.Required {
		if _, ok := tree[name]; !ok {
			return fmt.Errorf("%s: required", place(name))
		}
	}
	for _, v := range s.OneOf {
		if err := v.check(tree, place); v.Properties.Kind.Const == tree["kind"] && err != nil {
			return err
		}
	}
	for name, x := range tree {
		f := s.Properties.named(name)
		if f == nil {
			return fmt.Errorf("%s: unknown", place(name))
		}
		if err := f.check(root, x, place(name)); err != nil {
			return err
		}
	}
	return nil
}

// check reports a field of an object that the variant demands or does not have.
func (v *variant) check(tree map[string]any, place func(string) string) error {
	for _, name := range v.Required {
		if _, ok := tree[name]; !ok {
			return fmt.Errorf("%s: required", place(name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		if !slices.Contains(v.Names.Enum, name) {
			return fmt.Errorf("%s: not with %s", place(name), v.Properties.Kind.Const)
		}
	}
	return nil
}
