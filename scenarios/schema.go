package scenarios

import (
	_ "embed" // of the schema of plans
	"encoding/json"
	"fmt"
	"strings"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/checker/model"
)

//go:embed plan.schema.json
var planSchema []byte

// Schema returns the JSON Schema of the plans of s, for editors: that of all plans,
// with the system's workload, the kinds of its operations, and its knobs.
func (s *System) Schema() []byte {
	root := object{}
	if err := json.Unmarshal(planSchema, &root); err != nil {
		panic(fmt.Sprintf("scenarios: the embedded schema: %v", err))
	}
	root["title"] = fmt.Sprintf("A plan of system %s, version %d", s.Name, Version)
	root.in("properties")["system"] = word("", s.Name)
	s.knobsSchema(root.in("$defs", "scenarios.Setting", "properties"))
	if m := s.Objects().Model(); m != nil {
		root.in("properties")["workload"] = word("", s.Objects().Name())
		root["required"] = append(root["required"].([]any), "workload")
		operationsSchema(root.in("$defs", "scenarios.Operation", "properties"), m)
	}
	text, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("scenarios: a schema that does not encode: %v", err))
	}
	return append(text, '\n')
}

// object is an object of a JSON Schema.
type object map[string]any

// in returns the object at a path.
func (o object) in(path ...string) object {
	for _, name := range path {
		o = o[name].(map[string]any)
	}
	return o
}

// word is the schema of a string that is one of a few.
func word(description string, words ...string) object {
	w := object{"type": "string", "enum": append([]string{}, words...)}
	if description != "" {
		w["description"] = description
	}
	return w
}

// knobsSchema describes the system's knobs in the schema of a setting.
func (s *System) knobsSchema(setting object) {
	var names, lines []string
	for _, k := range s.Knobs {
		names = append(names, k.Name)
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s: %s", k.Name, k.about())))
	}
	setting["name"] = word(strings.Join(lines, "\n"), names...)
}

// about describes a knob in a line, as in "the time between two heartbeats (time, 1ms
// to 1s, default 50ms)".
func (k Knob) about() string {
	field := "value"
	if k.Unit == Time {
		field = "time"
	}
	return strings.TrimSpace(fmt.Sprintf("%s (%s, %s to %s, default %s)", k.About, field, k.words(k.Min), k.words(k.Max), k.words(k.Default)))
}

// operationsSchema narrows the schema of operations to the kinds of a model, if its
// grammar says which there are.
func operationsSchema(operation object, m *model.Model) {
	for _, name := range []string{"expect", "id_scheme", "id_of", "watermark"} {
		delete(operation, name) // for machines
	}
	if len(m.Kinds) == 0 {
		return
	}
	var names, lines []string
	for _, f := range m.Kinds {
		names = append(names, string(f.Kind))
		lines = append(lines, fmt.Sprintf("%s: %s%s", f.Kind, f.About, fieldWords(f)))
	}
	operation["kind"] = word(strings.Join(lines, "\n"), names...)
}

// fieldWords says which fields operations of a kind have.
func fieldWords(f history.KindForm) string {
	var words []string
	for _, field := range []struct {
		name string
		form history.Field
	}{{"argument", f.Argument}, {"expected", f.Expected}} {
		if field.form.Shape != history.Nothing {
			words = append(words, field.name+": "+field.form.About)
		}
	}
	if len(words) == 0 {
		return ""
	}
	return " (" + strings.Join(words, "; ") + ")"
}
