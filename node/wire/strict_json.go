package wire

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/lockstep-dst/lockstep/node"
)

// Bounds of JSON that could be a message.
const (
	maxDepth  = 4  // message, value, recent, entry
	maxFields = 13 // of one object
	maxList   = max(node.MaxDedupWindow, node.MaxRepairList)
)

// checkStrict refuses what encoding/json lets pass: null, a field given twice or
// in other letters, and more than any message has. b is sound JSON.
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
		case 'n': // nothing else begins with it, or has it inside
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

// jsonContainer is an object or a list that is open at some place of the text.
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

// stringEnd is the place of the quote that ends the string beginning at i.
func stringEnd(b []byte, i int) int {
	for i++; b[i] != '"'; i++ {
		if b[i] == '\\' {
			i++
		}
	}
	return i
}
