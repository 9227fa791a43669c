package wire

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/lockstep-dst/lockstep/node"
)

// Bounds of the JSON of any message.
const (
	maxDepth  = 4  // message, value, list of entries, entry
	maxFields = 13 // of an object
	maxList   = max(node.MaxDedupWindow, node.MaxRepairList)
)

// checkStrict refuses JSON that encoding/json accepts: null, a repeated field, a field
// in other letters, and more depth, fields or elements than any message has. b must be
// valid JSON.
func checkStrict(b []byte) error {
	var open [maxDepth]jsonContainer
	depth := 0
	for i := 0; i < len(b); i++ {
		var in *jsonContainer
		if depth > 0 {
			in = &open[depth-1]
		}
		switch b[i] {
		case '{', '[':
			if depth == maxDepth {
				return fmt.Errorf("nested deeper than %d", maxDepth)
			}
			open[depth] = jsonContainer{object: b[i] == '{', nameNext: b[i] == '{'}
			depth++
		case '}', ']':
			depth--
		case ',':
			if err := in.comma(); err != nil {
				return err
			}
		case 'n': // outside of strings only null has it
			return errors.New("null: give a value or leave the field out")
		case '"':
			end := stringEnd(b, i)
			if in != nil && in.nameNext {
				if err := in.field(b[i+1 : end]); err != nil {
					return err
				}
			}
			i = end
		}
	}
	return nil
}

// jsonContainer is an object or a list that is open at the current place.
type jsonContainer struct {
	object   bool
	nameNext bool // the next string is a field's name
	commas   int
	names    [maxFields][]byte
}

func (c *jsonContainer) comma() error {
	c.nameNext = c.object
	c.commas++
	switch {
	case c.object && c.commas == maxFields:
		return fmt.Errorf("more than %d fields", maxFields)
	case c.commas == maxList:
		return fmt.Errorf("list of more than %d", maxList)
	}
	return nil
}

func (c *jsonContainer) field(name []byte) error {
	c.nameNext = false
	for _, x := range name {
		if x < 'a' || x > 'z' {
			return fmt.Errorf("unknown field %.32q", name)
		}
	}
	for _, before := range c.names[:c.commas] {
		if bytes.Equal(before, name) {
			return fmt.Errorf("field %q given twice", name)
		}
	}
	c.names[c.commas] = name
	return nil
}

// stringEnd returns the index of the quote that ends the string beginning at i.
func stringEnd(b []byte, i int) int {
	for i++; b[i] != '"'; i++ {
		if b[i] == '\\' {
			i++
		}
	}
	return i
}
