package settings

import (
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"
)

// WriteYAML writes settings as a file that Parse reads, with the source of each as a
// comment. A secret setting is a comment altogether.
func WriteYAML(out io.Writer, all []Setting) error {
	root := &yaml.Node{Kind: yaml.MappingNode}
	comment := ""
	for _, s := range all {
		if s.Value == hidden {
			comment += fmt.Sprintf("%s: %s, %s\n", s.Name, s.Value, s.from())
			continue
		}
		root.Content = append(root.Content,
			&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s.Name},
			&yaml.Node{Kind: yaml.ScalarNode, Tag: tag(s.Type), Value: s.Value, LineComment: s.from()})
	}
	root.FootComment = comment
	return yaml.NewEncoder(out).Encode(root)
}

// from names the source of a value.
func (s Setting) from() string {
	if s.Place == "" {
		return s.Source.String()
	}
	return s.Source.String() + " " + s.Place
}

// tag returns the YAML tag of the values of a type of flags.
func tag(kind string) string {
	switch kind {
	case "bool":
		return "!!bool"
	case "int", "uint", "int64", "uint64", "uint16", "uint32", "int32":
		return "!!int"
	}
	return "!!str"
}
