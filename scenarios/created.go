package scenarios

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lockstep-dst/lockstep/node/fsm"
)

// definitionKey is the key of the machine that holds a created definition.
func definitionKey(name string) string { return fsm.MetaName + "/" + name }

// IsCreated reports whether the definition of a machine is one that clients create.
func (p *Plan) IsCreated(machine string) bool {
	name, _, _ := strings.Cut(machine, "/")
	return slices.Contains(p.Created, name)
}

// Configured lists the definitions that nodes are configured with.
func (p *Plan) Configured() []fsm.Definition {
	return slices.DeleteFunc(slices.Clone(p.Definitions), func(d fsm.Definition) bool { return slices.Contains(p.Created, d.Name) })
}

// Requested is the state that a proposal requests, or the text of the definition
// that it creates. It is empty for a read.
func (p *Plan) Requested(o *Operation) string {
	if o.Kind != Define {
		return o.Argument
	}
	d := p.requestedDefinition(o)
	if d == nil {
		return ""
	}
	text, _ := d.Text() // valid: see checkCreated
	return text
}

// requestedDefinition is the definition that o would create; nil if the plan has none of
// that name, or number.
func (p *Plan) requestedDefinition(o *Operation) *fsm.Definition {
	list, number := p.Definitions, 0
	if o.Argument != "" {
		number, _ = strconv.Atoi(o.Argument)
		if number < 1 || number > len(p.Competing) || strconv.Itoa(number) != o.Argument {
			return nil
		}
		list = p.Competing[number-1 : number]
	}
	i := slices.IndexFunc(list, func(d fsm.Definition) bool { return definitionKey(d.Name) == o.Key })
	if i < 0 {
		return nil
	}
	return &list[i]
}

// Texts lists the texts of definitions that clients may create with a name: that of
// Definitions first.
func (p *Plan) Texts(name string) (texts []string) {
	for _, list := range [][]fsm.Definition{p.Definitions, p.Competing} {
		for i := range list {
			if list[i].Name == name {
				text, _ := list[i].Text()
				texts = append(texts, text)
			}
		}
	}
	return texts
}

func (p *Plan) checkCreated() error {
	for i, name := range p.Created {
		at := slices.IndexFunc(p.Definitions, func(d fsm.Definition) bool { return d.Name == name })
		if at < 0 {
			return fmt.Errorf("created[%d]: %q: want the name of one of the definitions", i, name)
		}
		if slices.Contains(p.Created[:i], name) {
			return fmt.Errorf("created[%d]: %q is listed twice", i, name)
		}
		if _, err := p.Definitions[at].Text(); err != nil {
			return fmt.Errorf("created[%d]: %w", i, err)
		}
	}
	return p.checkCompeting()
}

func (p *Plan) checkCompeting() error {
	for i := range p.Competing {
		d := &p.Competing[i]
		text, err := d.Text()
		switch {
		case err != nil:
			return fmt.Errorf("competing[%d]: %w", i, err)
		case !slices.Contains(p.Created, d.Name):
			return fmt.Errorf("competing[%d]: %q: want one of the names in created", i, d.Name)
		}
		for j := range p.Definitions {
			if other, _ := p.Definitions[j].Text(); other == text {
				return fmt.Errorf("competing[%d]: %q is the same as in definitions: want another one of that name", i, d.Name)
			}
		}
		for j := range p.Competing[:i] {
			if other, _ := p.Competing[j].Text(); other == text {
				return fmt.Errorf("competing[%d]: %q is the same as competing[%d]", i, d.Name, j)
			}
		}
	}
	return nil
}

// checkDefine checks an operation on the machine of a created definition.
func (p *Plan) checkDefine(o *Operation) error {
	meta := strings.HasPrefix(o.Key, definitionKey(""))
	switch {
	case o.Kind != Define && o.Kind != Read && meta:
		return fmt.Errorf("kind: %q: a machine that holds a definition takes %q or %q", o.Kind, Define, Read)
	case o.Kind != Define:
		return nil
	case !meta:
		return fmt.Errorf("key: %q: want %s, with the name of one of created", o.Key, definitionKey("NAME"))
	case o.Argument != "" && p.requestedDefinition(o) == nil:
		return fmt.Errorf("argument: %q: want the number of one of competing with that name, from 1, or nothing for the one of definitions", o.Argument)
	case o.Expect != nil:
		return fmt.Errorf("expect: %d: the creation of a definition expects no version: leave it out", *o.Expect)
	case o.IDScheme != SessionID && o.IDScheme != NoID:
		return fmt.Errorf("id_scheme: %q: want %q or nothing", o.IDScheme, NoID)
	}
	return nil
}

// generateCreated gives some of the machines a definition that clients create, and
// has some of the operations create or read it: before, while and after others use
// its machines.
func generateCreated(c Choices, p *Plan, shape Shape) {
	if !shape.Creates || shape.Profile == None || !c.Often("created?", 12) {
		return
	}
	moved := map[string]string{} // keys of machines, by their key before
	for i, key := range p.Machines() {
		if i == 0 || c.Part("created", i).Often("moved?", 50) {
			_, name, _ := fsm.SplitKey(key)
			moved[key] = definitionOfUser + "/" + name
		}
	}
	d, _ := p.Definition(p.Operations[0].Key)
	d.Name = definitionOfUser
	for i := range p.Operations {
		o := &p.Operations[i]
		from, _ := p.Definition(o.Key)
		if key, ok := moved[o.Key]; ok && sameStates(from, d) {
			o.Key = key
		}
	}
	p.Definitions = append(slices.Clone(p.Definitions), d)
	p.Created = []string{d.Name}
	if c.Often("competing?", 60) {
		p.Competing = competing(c, d)
	}
	generateConfigured(c, p)
	percent := []uint64{8, 3, 25}[c.Choose("creations", 3)]
	for i := range p.Operations {
		o, c := &p.Operations[i], c.Part("creation", i)
		if o.IDScheme == OwnID || o.IDScheme == ForgedID || !c.Often("creates?", percent) {
			continue
		}
		o.Key, o.Argument, o.Expect = definitionKey(d.Name), "", nil
		if o.Kind == Propose {
			o.Kind, o.Argument = Define, p.chooseCompeting(c, d.Name)
		}
	}
}

// competing chooses one or two definitions with the name and the states of d, and other
// transitions: the reverse ones, from another state on, and none.
func competing(c Choices, d fsm.Definition) []fsm.Definition {
	other := fsm.Definition{Name: d.Name, States: d.States, Initial: d.States[len(d.States)-1], Transitions: []fsm.Transition{}}
	for _, t := range d.Transitions {
		if t.From != t.To {
			other.Transitions = append(other.Transitions, fsm.Transition{From: t.To, To: t.From})
		}
	}
	list := []fsm.Definition{other}
	if c.Often("third?", 30) {
		list = append(list, fsm.Definition{Name: d.Name, States: d.States, Initial: d.Initial, Terminal: d.States, Transitions: []fsm.Transition{}})
	}
	for i := range list {
		text, err := list[i].Text()
		if same, _ := d.Text(); err != nil || text == same {
			return list[:i]
		}
	}
	return list
}

// chooseCompeting chooses the argument of an operation that creates a definition.
func (p *Plan) chooseCompeting(c Choices, name string) string {
	if len(p.Competing) == 0 {
		return ""
	}
	i := int(c.Choose("text", uint64(1+len(p.Competing))))
	if i == 0 || p.Competing[i-1].Name != name {
		return ""
	}
	return strconv.Itoa(i)
}

// definitionOfUser is the name of the definition that generated plans create.
const definitionOfUser = "made"

func sameStates(a, b fsm.Definition) bool { return slices.Equal(a.States, b.States) }
