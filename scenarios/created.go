package scenarios

import (
	"fmt"
	"slices"
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
	i := p.createdBy(o)
	if i < 0 {
		return ""
	}
	text, _ := p.Definitions[i].Text() // valid: see checkCreated
	return text
}

// createdBy is the index of the definition that o creates, or -1.
func (p *Plan) createdBy(o *Operation) int {
	return slices.IndexFunc(p.Definitions, func(d fsm.Definition) bool { return definitionKey(d.Name) == o.Key })
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
	case o.Argument != "":
		return fmt.Errorf("argument: %q: the definition is the one of definitions: leave it out", o.Argument)
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
	percent := []uint64{8, 3, 25}[c.Choose("creations", 3)]
	for i := range p.Operations {
		o, c := &p.Operations[i], c.Part("creation", i)
		if o.IDScheme == OwnID || o.IDScheme == ForgedID || !c.Often("creates?", percent) {
			continue
		}
		o.Key, o.Argument, o.Expect = definitionKey(d.Name), "", nil
		if o.Kind == Propose {
			o.Kind = Define
		}
	}
}

// definitionOfUser is the name of the definition that generated plans create.
const definitionOfUser = "made"

func sameStates(a, b fsm.Definition) bool { return slices.Equal(a.States, b.States) }
