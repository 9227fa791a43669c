package main

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// jsonValue is a JSON value that keeps the order of its fields.
type jsonValue struct {
	kind   json.Delim // { or [, or 0 for others
	names  []string   // of the fields of an object
	values []jsonValue
	text   string // of others
}

// openFields have objects whose fields are data, or described elsewhere.
var openFields = []string{"hits", "marks", "plan", "account"}

// readJSON reads all values of a text.
func readJSON(t *testing.T, text string) (all []jsonValue) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	for {
		token, err := d.Token()
		if err == io.EOF {
			return all
		}
		require.NoError(t, err, text)
		all = append(all, readValue(t, d, token))
	}
}

func readValue(t *testing.T, d *json.Decoder, token json.Token) (v jsonValue) {
	kind, ok := token.(json.Delim)
	if !ok {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		require.NoError(t, e.Encode(token))
		return jsonValue{text: strings.TrimSpace(b.String())}
	}
	v.kind = kind
	for d.More() {
		next, err := d.Token()
		require.NoError(t, err)
		if kind == '{' {
			v.names = append(v.names, next.(string))
			next, err = d.Token()
			require.NoError(t, err)
		}
		v.values = append(v.values, readValue(t, d, next))
	}
	_, err := d.Token() // its end
	require.NoError(t, err)
	return v
}

// fields returns the paths of all fields of values, as in .machines[].key. Objects with a
// field "type" are told apart by it.
func fields(all []jsonValue) []string {
	met := map[string]bool{}
	for _, v := range all {
		v.addFields(v.typeName(), met)
	}
	var paths []string
	for path := range met {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return paths
}

func (v jsonValue) addFields(path string, met map[string]bool) {
	for i, x := range v.values {
		if v.kind == '[' {
			x.addFields(path+"[]", met)
			continue
		}
		met[path+"."+v.names[i]] = true
		if !slices.Contains(openFields, v.names[i]) {
			x.addFields(path+"."+v.names[i], met)
		}
	}
}

func (v jsonValue) typeName() string {
	if i := slices.Index(v.names, "type"); i >= 0 {
		return v.values[i].text
	}
	return ""
}

// condense leaves out the values that have no field that is new. Of scalars it keeps a few.
func condense(all []jsonValue) (some []jsonValue) {
	for _, v := range all {
		scalar := v.kind == 0 && len(some) < 4
		if len(some) == 0 || scalar || len(fields(append(slices.Clip(some), v))) > len(fields(some)) {
			some = append(some, v)
		}
	}
	for i, v := range some {
		some[i] = v.shortened()
	}
	return some
}

// shortened returns a value with fewer elements, and without most of the fields that are
// data. The token in it opens nothing; readers of secrets in texts need not find it.
func (v jsonValue) shortened() jsonValue {
	if v.kind == '[' {
		v.values = condense(v.values)
		return v
	}
	for i, x := range v.values {
		if slices.Contains(openFields, v.names[i]) && len(x.names) > 2 {
			x.names, x.values = x.names[:2], x.values[:2]
		}
		if v.names[i] == "token" {
			x.text = `"lockstep_..."`
		}
		v.values[i] = x.shortened()
	}
	return v
}

// format returns a value in one line, or in several if it is long.
func (v jsonValue) format(indent string) string {
	const width = 140
	if line := v.line(); v.kind == 0 || len(indent)+len(line) <= width {
		return line
	}
	open, end := "{", "}"
	if v.kind == '[' {
		open, end = "[", "]"
	}
	var b strings.Builder
	b.WriteString(open + "\n")
	for i, x := range v.values {
		b.WriteString(indent + "  ")
		if v.kind == '{' {
			b.WriteString(`"` + v.names[i] + `": `)
		}
		b.WriteString(x.format(indent + "  "))
		if i < len(v.values)-1 {
			b.WriteString(",")
		}
		b.WriteString("\n")
	}
	return b.String() + indent + end
}

func (v jsonValue) line() string {
	var parts []string
	for i, x := range v.values {
		if v.kind == '{' {
			parts = append(parts, `"`+v.names[i]+`": `+x.line())
		} else {
			parts = append(parts, x.line())
		}
	}
	switch v.kind {
	case '{':
		return "{" + strings.Join(parts, ", ") + "}"
	case '[':
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return v.text
}
