package settings

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxFile bounds the size of a file, in bytes.
const maxFile = 1 << 20

// Content is the content of a file: keys with their values as text for flags.
type Content struct {
	entries []entry
}

// entry is one key of a file.
type entry struct {
	key, text string
	place     string // name and line
}

// Len returns the number of keys.
func (c *Content) Len() int { return len(c.entries) }

// ReadFile reads a file. Its errors name the file, and the line if there is one.
func ReadFile(name string) (*Content, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return nil, err
	case len(data) > maxFile:
		return nil, fmt.Errorf("%s: longer than %d bytes: it is no file of settings", name, maxFile)
	}
	return Parse(name, data)
}

// Parse reads the content of a file with a name: one YAML mapping. The value of a key is
// a scalar, as for the flag, or for lists as 1=a,2=b a sequence or a mapping. A file of
// comments alone has no keys.
func Parse(name string, data []byte) (*Content, error) {
	var document yaml.Node
	in := yaml.NewDecoder(bytes.NewReader(data))
	switch err := in.Decode(&document); {
	case errors.Is(err, io.EOF):
		return &Content{}, nil
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := in.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: more than one document: want one mapping of settings", name)
	}
	root := document.Content[0]
	switch {
	case root.Kind == yaml.ScalarNode && root.Tag == "!!null":
		return &Content{}, nil
	case root.Kind != yaml.MappingNode:
		return nil, fmt.Errorf("%s:%d: want a mapping of settings, as in consensus-timeout: 2s", name, root.Line)
	}
	c := &Content{}
	for i := 0; i < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		place := fmt.Sprintf("%s:%d", name, key.Line)
		if key.Kind != yaml.ScalarNode || key.Tag != "!!str" {
			return nil, fmt.Errorf("%s: %q: want the name of a setting", place, key.Value)
		}
		text, err := flatten(value)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", place, key.Value, err)
		}
		c.entries = append(c.entries, entry{key.Value, text, place})
	}
	return c, nil
}

// Errors of values.
var (
	errNoValue = errors.New("no value: give one, or leave the setting out")
	errNested  = errors.New("want a value, a list of values, or a mapping of names to values")
	errComma   = errors.New("a value of a list must have no comma")
	errTwice   = errors.New("the name is there twice")
)

// flatten returns a value as text for a flag.
func flatten(n *yaml.Node) (string, error) {
	switch n.Kind {
	case yaml.ScalarNode:
		return scalar(n)
	case yaml.SequenceNode, yaml.MappingNode:
		return list(n)
	}
	return "", errNested
}

func scalar(n *yaml.Node) (string, error) {
	switch n.Tag {
	case "!!null":
		return "", errNoValue
	case "!!str", "!!int", "!!float", "!!bool", "!!timestamp":
		return n.Value, nil
	}
	return "", fmt.Errorf("tag %s: %w", n.Tag, errNested)
}

// list returns a sequence as a,b and a mapping as 1=a,2=b.
func list(n *yaml.Node) (string, error) {
	var parts, names []string
	for i, item := range n.Content {
		if item.Kind != yaml.ScalarNode {
			return "", errNested
		}
		text, err := scalar(item)
		switch {
		case err != nil:
			return "", err
		case strings.Contains(text, ","):
			return "", fmt.Errorf("%q: %w", text, errComma)
		case n.Kind == yaml.SequenceNode:
			parts = append(parts, text)
		case i%2 == 0:
			names = append(names, text)
		default:
			parts = append(parts, names[len(names)-1]+"="+text)
		}
	}
	for i, name := range names {
		for _, other := range names[:i] {
			if name == other {
				return "", fmt.Errorf("%q: %w", name, errTwice)
			}
		}
	}
	if len(parts) == 0 {
		return "", errNoValue
	}
	return strings.Join(parts, ","), nil
}
