package backup

import (
	"fmt"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/fsm"
)

// Record is one machine of a backup.
type Record struct {
	Key   string
	Value *node.Value

	// Definition is set if the machine holds a definition. It comes before all machines
	// of that definition.
	Definition *fsm.Definition
}

// content checks that the records of a backup are of one cluster: values that a
// machine can have, definitions before their machines, and nothing twice.
type content struct {
	first   uint64 // from which serials are counted
	known   map[string]*fsm.Definition
	last    string // key of the last machine that holds no definition
	summary Summary
}

func newContent(first uint64) content {
	lifecycle, meta := fsm.Lifecycle(), fsm.MetaDefinition()
	return content{first: first, known: map[string]*fsm.Definition{lifecycle.Name: &lifecycle, meta.Name: &meta}}
}

// has reports whether there is a definition of that name.
func (c *content) has(name string) bool { return c.known[name] != nil }

// add takes a machine, and returns its record. definition says that it holds one.
func (c *content) add(key string, v *node.Value, definition bool) (Record, error) {
	name, _, err := fsm.SplitKey(key)
	if err != nil {
		return Record{}, fmt.Errorf("%w: %w", ErrContent, err)
	}
	def := c.known[name]
	if def == nil {
		return Record{}, fmt.Errorf("%w: %s: its definition %q is not before it", ErrContent, key, name)
	}
	if v.Serial == c.first {
		return Record{}, fmt.Errorf("%w: %s: it has no entry", ErrContent, key)
	}
	if err := node.CheckValue(v, def, c.first); err != nil {
		return Record{}, fmt.Errorf("%w: %s: %w", ErrContent, key, err)
	}
	if definition {
		return c.addDefinition(key, v)
	}
	if name == fsm.MetaName && v.State != fsm.Undefined && v.State != fsm.Retired {
		return Record{}, fmt.Errorf("%w: %s: it holds a definition, and is not marked so", ErrContent, key)
	}
	if key <= c.last {
		return Record{}, fmt.Errorf("%w: %s comes after %s: want the order of keys, each once", ErrContent, key, c.last)
	}
	c.last = key
	c.summary.Machines++
	return Record{Key: key, Value: v}, nil
}

func (c *content) addDefinition(key string, v *node.Value) (Record, error) {
	d, err := fsm.Parse(v.State)
	switch {
	case err != nil:
		return Record{}, fmt.Errorf("%w: %s: %w", ErrContent, key, err)
	case key != fsm.MetaName+"/"+d.Name:
		return Record{}, fmt.Errorf("%w: %s: it holds the definition %q", ErrContent, key, d.Name)
	case c.known[d.Name] != nil:
		return Record{}, fmt.Errorf("%w: %s: the definition is there twice", ErrContent, key)
	}
	c.known[d.Name] = &d
	c.summary.Definitions++
	return Record{Key: key, Value: v, Definition: &d}, nil
}

// holdsDefinition reports whether the machine holds a definition in that value.
func holdsDefinition(key string, v *node.Value) bool {
	name, _, err := fsm.SplitKey(key)
	return err == nil && name == fsm.MetaName && v.State != fsm.Undefined && v.State != fsm.Retired
}
