package history

import (
	"fmt"
	"slices"
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
	Initial  Field      // of History.Initial; Nothing: objects always begin in the same state
	Given    bool       // a history must have History.Initial
	Versions bool       // responses may have versions

	accounts []Entry // that transfers may name, in order; nil: any
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
	Nothing  Shape = iota // the empty text
	Text                  // any text but the empty one
	Integer               // a whole number of 64 bits, in decimal
	Boolean               // true or false
	Element               // an item of a List
	List                  // items in brackets, see Items
	Map                   // keys with values, in braces, see Entries
	MicroOps              // reads and writes of a transaction, see Transaction
	Payment               // from, to and amount of a transfer, see Transfer
	Balances              // accounts with balances, see ParseBalances
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

// CheckInitial returns an error if text cannot be History.Initial of a history of
// g's model.
func (g *Grammar) CheckInitial(text string) error {
	switch {
	case text == "" && g.Given:
		return fieldErrorf("initial", "missing: model %s needs %s", g.Name, g.Initial.About)
	case text == "":
		return nil
	case g.Initial.Shape == Nothing:
		return fieldErrorf("initial", "%q: model %s begins in a state of its own: remove it", text, g.Name)
	}
	if problem := g.Initial.problem(text); problem != "" {
		return fieldErrorf("initial", "%s", problem)
	}
	return nil
}

// WithInitial returns the grammar of histories that begin in an initial state, for which
// CheckInitial has no error: operations must fit it.
func (g Grammar) WithInitial(initial string) Grammar {
	if g.Initial.Shape == Balances && initial != "" {
		entries, _ := Entries(initial)
		g.accounts = append([]Entry{}, entries...)
	}
	return g
}

// checkAccounts returns an error if a transfer names an account that is not in the
// initial state.
func (g *Grammar) checkAccounts(op *Operation) *fieldError {
	if g.accounts == nil {
		return nil
	}
	t, _ := ParseTransfer(op.Argument)
	for _, account := range []string{t.From, t.To} {
		if _, found := slices.BinarySearchFunc(g.accounts, account, func(e Entry, name string) int { return strings.Compare(e.Key, name) }); !found {
			return fieldErrorf("argument", "%q: account %s is not in the initial state: add it there, with its balance", op.Argument, account)
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
	if f.Shape == Nothing {
		return fieldErrorf(name, "%q: %s %s has none: remove it", text, article(k), k)
	}
	if problem := f.problem(text); problem != "" {
		return fieldErrorf(name, "%s", problem)
	}
	return nil
}

// problem returns the problem of a text that does not have the shape of f, and
// the remedy; empty if it has.
func (f Field) problem(text string) string {
	fits, want := true, ""
	switch f.Shape {
	case Integer:
		_, err := strconv.ParseInt(text, 10, 64)
		fits, want = err == nil, "a whole number of at most 64 bits"
	case Boolean:
		fits, want = text == "true" || text == "false", "true or false"
	case Element:
		items, ok := Items("[" + text + "]")
		fits, want = ok && len(items) == 1 && items[0] == text, "one word, a text in double quotes, or items in brackets"
	case List:
		fits = isList(text)
		want = "items in brackets, as in [1 2 3]"
	case Map:
		_, fits = Entries(text)
		want = "keys with values in braces, each key once, as in {x 1 y 2}"
	case MicroOps:
		_, fits = Transaction(text)
		want = "reads and writes, as in [[r x 1] [w y 2]]"
	case Payment:
		_, fits = ParseTransfer(text)
		want = "from, to and amount, a whole number above 0, as in [a b 5]"
	case Balances:
		_, fits = ParseBalances(text)
		want = "accounts in braces, each once, with whole numbers from 0 that add up to less than 2^63"
	}
	if fits {
		return ""
	}
	return fmt.Sprintf("%q: want %s: %s", text, f.About, want)
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
