// Package definition parses definitions of machines that people write, in YAML or
// JSON (which is YAML too). Its errors point at the line.
//
//	name: lamp
//	states: [off, on, broken]
//	initial: off
//	terminal: [broken]
//	transitions:
//	  - {from: off, to: on}
//	  - {from: on, to: off}
//	  - {from: on, to: broken}
//
// A transition may also be a string, "off -> on".
package definition

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/node/fsm"
	"go.yaml.in/yaml/v3"
)

// ErrInvalid is wrapped by all errors of the package.
var ErrInvalid = errors.New("invalid definition")

// Read parses one definition from data. Errors begin with the name of the file and,
// where one is to blame, the line.
func Read(file string, data []byte) (fsm.Definition, error) {
	r := reader{file: file}
	if len(data) > MaxFile {
		return fsm.Definition{}, errTooLong(file)
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	var doc, more yaml.Node
	switch err := d.Decode(&doc); {
	case err == io.EOF:
		return fsm.Definition{}, fmt.Errorf("%s: %w: the file is empty: want name, states, initial and transitions", file, ErrInvalid)
	case err != nil:
		return fsm.Definition{}, fmt.Errorf("%s: %w: %s", file, ErrInvalid, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if d.Decode(&more) != io.EOF {
		return fsm.Definition{}, r.fail(&more, "a second document: give each definition a file of its own")
	}
	def, err := r.definition(doc.Content[0])
	if err != nil {
		return fsm.Definition{}, err
	}
	if _, err := def.Text(); err != nil { // defects that no single line is to blame for
		return fsm.Definition{}, fmt.Errorf("%s: %w: %w", file, ErrInvalid, err)
	}
	return def, nil
}

// MaxFile is the longest text that Read parses, in bytes, comments included: four times
// that of a definition, fsm.MaxText.
const MaxFile = 4 * fsm.MaxText

func errTooLong(file string) error {
	return fmt.Errorf("%s: %w: more than %d bytes: definitions have at most %d without spaces and comments: give each a file of its own, or split the machine", file, ErrInvalid, MaxFile, fsm.MaxText)
}

type reader struct{ file string }

func (r *reader) fail(n *yaml.Node, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %w: %s", r.file, max(n.Line, 1), ErrInvalid, fmt.Sprintf(format, args...))
}

// definition parses the top level.
func (r *reader) definition(n *yaml.Node) (d fsm.Definition, err error) {
	fields, err := r.object(n, "a definition", "name", "states", "initial", "transitions", "terminal")
	if err != nil {
		return d, err
	}
	for _, name := range []string{"name", "states", "initial"} {
		if fields[name] == nil {
			return d, r.fail(n, "%s: missing", name)
		}
	}
	if d.Name, err = r.name(fields["name"], "definition"); err != nil {
		return d, err
	}
	if d.States, err = r.names(fields["states"], "states", nil); err != nil {
		return d, err
	}
	if len(d.States) == 0 {
		return d, r.fail(fields["states"], "0 states: want 1 to %d", fsm.MaxStates)
	}
	if d.Initial, err = r.state(fields["initial"], "initial", d.States); err != nil {
		return d, err
	}
	if d.Transitions, err = r.transitions(fields["transitions"], d.States); err != nil {
		return d, err
	}
	if d.Terminal, err = r.names(fields["terminal"], "terminal", d.States); err != nil {
		return d, err
	}
	if err := r.checkTerminal(fields, &d); err != nil {
		return d, err
	}
	return d, r.checkReachable(n, fields, &d)
}

// checkReachable rejects a definition without transitions from the initial state,
// or with unreachable states. It could not be changed once that is noticed, and a
// campaign on its machines would pass without doing anything. Definitions in old
// clusters and plans may be so; they are not read from files.
func (r *reader) checkReachable(n *yaml.Node, fields map[string]*yaml.Node, d *fsm.Definition) error {
	if len(d.Transitions) == 0 {
		return r.fail(cmp.Or(fields["transitions"], n), "transitions: none, so no machine could ever leave %s: want at least one, as in \"%s -> STATE\"", d.Initial, d.Initial)
	}
	met := d.Reachable()
	if len(met) == 1 && !d.Legal(d.Initial, d.Initial) {
		return r.fail(fields["initial"], "initial: no transition leaves %s, where every machine begins: add one, or begin elsewhere", d.Initial)
	}
	for i, s := range d.States {
		if !slices.Contains(met, s) {
			return r.fail(fields["states"].Content[i], "states: no machine can ever come to %s from %s: add a transition that leads there, or drop the state", s, d.Initial)
		}
	}
	return nil
}

// checkTerminal rejects transitions that leave a terminal state.
func (r *reader) checkTerminal(fields map[string]*yaml.Node, d *fsm.Definition) error {
	for i, t := range d.Transitions {
		if slices.Contains(d.Terminal, t.From) {
			return r.fail(fields["transitions"].Content[i], "%s → %s leaves a terminal state: drop the one or the other", t.From, t.To)
		}
	}
	return nil
}

// object parses the fields of n, each at most once and no others than allowed.
func (r *reader) object(n *yaml.Node, what string, allowed ...string) (map[string]*yaml.Node, error) {
	if err := r.checkAlias(n); err != nil {
		return nil, err
	}
	if n.Kind != yaml.MappingNode {
		return nil, r.fail(n, "%s: want an object with %s", what, strings.Join(allowed, ", "))
	}
	fields := map[string]*yaml.Node{}
	for i := 0; i < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if !slices.Contains(allowed, key.Value) {
			return nil, r.fail(key, "unknown field %q: want %s", key.Value, strings.Join(allowed, ", "))
		}
		if fields[key.Value] != nil {
			return nil, r.fail(key, "%s: given twice", key.Value)
		}
		fields[key.Value] = value
	}
	return fields, nil
}

// checkAlias rejects an alias: of a few lines it can make any number of nodes.
func (r *reader) checkAlias(n *yaml.Node) error {
	if n.Kind == yaml.AliasNode {
		return r.fail(n, "*%s: aliases are not read here: write it out", n.Value)
	}
	return nil
}

// name parses a name as it is written: on is the state "on", not true.
func (r *reader) name(n *yaml.Node, what string) (string, error) {
	if err := r.checkAlias(n); err != nil {
		return "", err
	}
	if n.Kind != yaml.ScalarNode {
		return "", r.fail(n, "want the name of a %s", what)
	}
	if err := fsm.CheckName(what, n.Value); err != nil {
		return "", r.fail(n, "%v", err)
	}
	return n.Value, nil
}

// names parses a list of distinct states, all of them in known unless that is nil.
func (r *reader) names(n *yaml.Node, what string, known []string) (list []string, err error) {
	if n == nil {
		return nil, nil
	}
	if err := r.checkAlias(n); err != nil {
		return nil, err
	}
	if n.Kind != yaml.SequenceNode {
		return nil, r.fail(n, "%s: want a list of states", what)
	}
	if len(n.Content) > fsm.MaxStates {
		return nil, r.fail(n, "%d %s: want at most %d", len(n.Content), what, fsm.MaxStates)
	}
	for _, item := range n.Content {
		name, err := r.name(item, "state")
		if err != nil {
			return nil, err
		}
		if slices.Contains(list, name) {
			return nil, r.fail(item, "%s: %s is listed twice", what, name)
		}
		if known != nil && !slices.Contains(known, name) {
			return nil, r.failState(item, what, name, known)
		}
		list = append(list, name)
	}
	return list, nil
}

// failState is the error about a state that is not among the definition's.
func (r *reader) failState(n *yaml.Node, what, name string, states []string) error {
	if len(states) > maxListed {
		return r.fail(n, "%s: %s is not among the %d states", what, name, len(states))
	}
	return r.fail(n, "%s: %s is not among the states %v", what, name, states)
}

// maxListed is the number of states that an error lists.
const maxListed = 16

func (r *reader) state(n *yaml.Node, what string, states []string) (string, error) {
	name, err := r.name(n, "state")
	if err == nil && !slices.Contains(states, name) {
		err = r.failState(n, what, name, states)
	}
	return name, err
}

func (r *reader) transitions(n *yaml.Node, states []string) (list []fsm.Transition, err error) {
	if n == nil {
		return nil, nil
	}
	if err := r.checkAlias(n); err != nil {
		return nil, err
	}
	if n.Kind != yaml.SequenceNode {
		return nil, r.fail(n, "transitions: want a list of {from: STATE, to: STATE} or \"STATE -> STATE\"")
	}
	met := make(map[fsm.Transition]bool, len(n.Content))
	for _, item := range n.Content {
		t, err := r.transition(item, states)
		if err != nil {
			return nil, err
		}
		if met[t] {
			return nil, r.fail(item, "transitions: %s → %s is listed twice", t.From, t.To)
		}
		met[t] = true
		list = append(list, t)
	}
	return list, nil
}

func (r *reader) transition(n *yaml.Node, states []string) (t fsm.Transition, err error) {
	from, to := n, n
	if n.Kind == yaml.ScalarNode {
		a, b, found := strings.Cut(strings.ReplaceAll(n.Value, "→", "->"), "->")
		if !found {
			return t, r.fail(n, "transition %q: want \"STATE -> STATE\"", n.Value)
		}
		from = &yaml.Node{Kind: yaml.ScalarNode, Value: strings.TrimSpace(a), Line: n.Line}
		to = &yaml.Node{Kind: yaml.ScalarNode, Value: strings.TrimSpace(b), Line: n.Line}
	} else {
		fields, err := r.object(n, "a transition", "from", "to")
		if err != nil {
			return t, err
		}
		if from, to = fields["from"], fields["to"]; from == nil || to == nil {
			return t, r.fail(n, "a transition: want from and to")
		}
	}
	if t.From, err = r.state(from, "from", states); err != nil {
		return t, err
	}
	t.To, err = r.state(to, "to", states)
	return t, err
}
