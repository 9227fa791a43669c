package report

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// flatten makes values by path of the text in which a system shows the state of a node.
//
// A JSON value is flattened by the names and numbers of its members. In any other text
// each line is a value, and belongs to the last line before it that is indented less. The
// name of a line ends at its first ": " or " = " if it has no comma up to there, or else at
// its first space. A second line of a name gets a number.
func flatten(text string) map[string]string {
	values := map[string]string{}
	if v, ok := decodeJSON(text); ok {
		flattenJSON(values, "", v)
		return values
	}
	type level struct {
		indent int
		path   string
	}
	var above []level
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n ")
		content := strings.TrimLeft(line, " \t")
		if content == "" {
			continue
		}
		indent := len(line) - len(content)
		for len(above) > 0 && above[len(above)-1].indent >= indent {
			above = above[:len(above)-1]
		}
		name, value := splitLine(content)
		path := name
		if len(above) > 0 {
			path = above[len(above)-1].path + "/" + name
		}
		path = unusedPath(values, path)
		values[path] = value
		above = append(above, level{indent, path})
	}
	return values
}

// decodeJSON decodes a text that is one object of JSON. Numbers keep their digits.
func decodeJSON(text string) (v any, ok bool) {
	if !strings.HasPrefix(strings.TrimSpace(text), "{") || !json.Valid([]byte(text)) {
		return nil, false
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	return v, d.Decode(&v) == nil
}

// splitLine splits a line into its name and its value.
func splitLine(line string) (name, value string) {
	for _, sign := range []string{": ", " = "} {
		if name, value, ok := strings.Cut(line, sign); ok && !strings.Contains(name, ",") {
			return name, value
		}
	}
	name, value, _ = strings.Cut(line, " ")
	return strings.TrimSuffix(name, ":"), value
}

// unusedPath is path, or path with the first number that makes it new.
func unusedPath(values map[string]string, path string) string {
	if _, used := values[path]; !used {
		return path
	}
	for i := 2; ; i++ {
		numbered := fmt.Sprintf("%s #%d", path, i)
		if _, used := values[numbered]; !used {
			return numbered
		}
	}
}

// flattenJSON adds the values below a value of JSON.
func flattenJSON(values map[string]string, path string, v any) {
	below := func(name string) string { return strings.TrimPrefix(path+"/"+name, "/") }
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			flattenJSON(values, below(name), v[name])
		}
	case []any:
		for i, item := range v {
			flattenJSON(values, below(fmt.Sprint(i)), item)
		}
	case string:
		values[path] = v
	default:
		text, _ := json.Marshal(v) // a decoded value can be encoded
		values[path] = string(text)
	}
}
