package history

import (
	"fmt"
	"strconv"
	"strings"
)

// Grammar is the form of the operations of a model: the kinds there are, and the
// texts that an operation of each kind has. Package checker/model adds the
// behaviour.
type Grammar struct {
	Name     Model
	About    string     // one object of the model, as in "a lock that one client at a time holds"
	Kinds    []KindForm // none: operations of any form
	Named    bool       // operations must name their machine
	Single   bool       // histories of Jepsen have one object of it: their values have no keys
	Versions bool       // responses may have versions
}

// KindForm is the form of the operations of one kind.
type KindForm struct {
	Kind     Kind
	About    string // the effect, or the question
	Argument Field
	Expected Field
	Result   Field  // of the response of a committed operation
	Answers  bool   // a committed operation must have a result
	ReadOnly bool   // operations change nothing
	Illegal  string // the claim of a rejection for ReasonIllegal; empty: there is no such rejection. Unless Answers, it may have a result
}

// Field is a text of an operation.
type Field struct {
	Shape Shape
	About string // its meaning, as in "the value written"
}

// Shape is the form of a text.
type Shape uint8

// Shapes.
const (
	Nothing Shape = iota // the empty text
	Text                 // any text but the empty one
	Integer              // a whole number of 64 bits, in decimal
	Boolean              // true or false
	Element              // an item of a List
	List                 // items in brackets, see Items
)

// Form returns the form of a kind; nil if g does not have the kind.
func (g *Grammar) Form(k Kind) *KindForm {
	for i := range g.Kinds {
		if g.Kinds[i].Kind == k {
			return &g.Kinds[i]
		}
	}
	return nil
}

// Validate returns an error if g cannot be the grammar of a model.
func (g *Grammar) Validate() error {
	if g.Name == "" {
		return fmt.Errorf("a model has no name: give it one")
	}
	for i, f := range g.Kinds {
		if f.Kind == "" || g.Form(f.Kind) != &g.Kinds[i] {
			return fmt.Errorf("model %s: kind %q is empty, or there twice: give each kind a name of its own", g.Name, f.Kind)
		}
		if f.Answers && f.Result.Shape == Nothing {
			return fmt.Errorf("model %s: a committed %s must have a result, but the form of the result is Nothing: give another", g.Name, f.Kind)
		}
	}
	return nil
}

// checkKind returns an error if g does not have op's kind.
func (g *Grammar) checkKind(k Kind) (*KindForm, *fieldError) {
	if len(g.Kinds) == 0 {
		return nil, nil
	}
	if f := g.Form(k); f != nil {
		return f, nil
	}
	var names []string
	for _, f := range g.Kinds {
		names = append(names, string(f.Kind))
	}
	if len(names) == 2 {
		return nil, fieldErrorf("kind", "%q is neither %s nor %s, those of model %s", k, names[0], names[1], g.Name)
	}
	return nil, fieldErrorf("kind", "%q is none of %s, those of model %s", k, joinAnd(names), g.Name)
}

// check returns an error if a text does not have the shape of f.
func (f Field) check(name, text string, k Kind) *fieldError {
	if text == "" {
		if f.Shape != Nothing {
			return fieldErrorf(name, "missing: %s %s needs it: %s, which is never the empty text", article(k), k, f.About)
		}
		return nil
	}
	switch f.Shape {
	case Nothing:
		return fieldErrorf(name, "%q: %s %s has none: remove it", text, article(k), k)
	case Integer:
		if _, err := strconv.ParseInt(text, 10, 64); err != nil {
			return fieldErrorf(name, "%q: want %s: a whole number of at most 64 bits", text, f.About)
		}
	case Boolean:
		if text != "true" && text != "false" {
			return fieldErrorf(name, "%q: want %s: true or false", text, f.About)
		}
	case Element:
		if items, ok := Items("[" + text + "]"); !ok || len(items) != 1 || items[0] != text {
			return fieldErrorf(name, "%q: want %s: one word, a text in double quotes, or items in brackets", text, f.About)
		}
	case List:
		if _, ok := Items(text); !ok {
			return fieldErrorf(name, "%q: want %s: items in brackets, as in [1 2 3]", text, f.About)
		}
	}
	return nil
}

func article(k Kind) string {
	if k != "" && strings.IndexByte("aeiou", k[0]) >= 0 {
		return "an"
	}
	return "a"
}

func joinAnd(names []string) string {
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}
