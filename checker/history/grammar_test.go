package history

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each line breaks one rule of its model's grammar.
func TestReadRefusesByGrammar(t *testing.T) {
	const (
		committed = `,"call":1,"return":2,"outcome":"committed"`
		illegal   = `,"call":1,"return":2,"outcome":"rejected","reason":"illegal"`
		full      = `,"call":1,"return":2,"outcome":"rejected","reason":"full"`
		unknown   = `,"call":1,"outcome":"unknown"`
	)
	for line, want := range map[string]string{
		`lock "kind":"read"` + committed:                                                               `kind: "read" is neither acquire nor release, those of model lock`,
		`lock "kind":"acquire","argument":"x"` + committed:                                             `argument: "x": an acquire has none: remove it`,
		`lock "kind":"acquire","expected":"x"` + committed:                                             `expected: "x": an acquire has none: remove it`,
		`lock "kind":"release","state":"free"` + committed:                                             `state: "free": a release has none: remove it`,
		`lock "kind":"release","state":"free"` + illegal:                                               `state: "free": a release has none: remove it`,
		`lock "kind":"acquire","version":1` + committed:                                                `version: 1: model lock has none: remove it`,
		`lock "kind":"acquire","state":"free"` + unknown:                                               `state: "free": an operation of unknown outcome has none: remove it`,
		`counter "kind":"add"` + committed:                                                             `argument: missing: an add needs it: the number added, which is never the empty text`,
		`counter "kind":"add","argument":"1.5"` + committed:                                            `argument: "1.5": want the number added: a whole number of at most 64 bits`,
		`counter "kind":"add","argument":"x"` + unknown:                                                `argument: "x": want the number added`,
		`counter "kind":"add","argument":"9223372036854775808"` + full:                                 `argument: "9223372036854775808": want the number added`,
		`counter "kind":"add","argument":"1","state":"one"` + committed:                                `state: "one": want the sum: a whole number`,
		`counter "kind":"add","argument":"1"` + illegal:                                                `reason: "illegal": an add is never illegal: give another reason`,
		`counter "kind":"read"` + committed:                                                            `state: missing: a read needs it: the number`,
		`queue "kind":"enqueue"` + unknown:                                                             `argument: missing: an enqueue needs it: the item`,
		`queue "kind":"enqueue","argument":"a"` + illegal:                                              `reason: "illegal": an enqueue is never illegal`,
		`queue "kind":"dequeue"` + committed:                                                           `state: missing: a dequeue needs it: the item`,
		`queue "kind":"dequeue","argument":"a"` + committed:                                            `argument: "a": a dequeue has none: remove it`,
		`queue "kind":"dequeue","state":"a"` + illegal:                                                 `state: "a": a dequeue that was rejected as illegal has none: remove it`,
		`set "kind":"add","argument":"a b"` + committed:                                                `argument: "a b": want the element: one word, a text in double quotes, or items in brackets`,
		`set "kind":"add","argument":"a]"` + committed:                                                 `argument: "a]": want the element`,
		`set "kind":"add","argument":"a","state":"yes"` + committed:                                    `state: "yes": want whether that changed the set: true or false`,
		`set "kind":"contains","argument":"a"` + committed:                                             `state: missing: a contains needs it: whether the set has it`,
		`set "kind":"read","state":"a b"` + committed:                                                  `state: "a b": want the elements, in any order: items in brackets, as in [1 2 3]`,
		`set "kind":"remove","argument":"a"` + illegal:                                                 `reason: "illegal": a remove is never illegal`,
		`append-list "kind":"append","argument":"1","state":"[1"` + committed:                          `state: "[1": want the list after it: items in brackets`,
		`append-list "kind":"append","argument":"1","version":1` + committed:                           `version: 1: model append-list has none: remove it`,
		`append-list "kind":"cas","argument":"1"` + committed:                                          `kind: "cas" is neither append nor read`,
		`multi-register "kind":"txn","argument":"[[w x 1]]","state":"[[w x 2]]"` + committed:           `state: "[[w x 2]]": want the operations of the argument, [[w x 1]], each read with the value that it found`,
		`multi-register "kind":"txn","argument":"[[r x]]","state":"[[r y nil]]"` + committed:           `state: "[[r y nil]]": want the operations of the argument, [[r x]]`,
		`multi-register "kind":"txn","argument":"[[r x]]","state":"[[w x nil]]"` + committed:           `state: "[[w x nil]]": want the operations of the argument, [[r x]]`,
		`multi-register "kind":"txn","argument":"[[r x]]","state":"[[r x nil] [r y nil]]"` + committed: `state: "[[r x nil] [r y nil]]": want the operations of the argument`,
		`kv "machine":"k","kind":"append"` + committed:                                                 `argument: missing: an append needs it: the text added`,
		`kv "machine":"k","kind":"delete","argument":"a"` + committed:                                  `argument: "a": a delete has none: remove it`,
		`kv "machine":"k","kind":"delete"` + illegal:                                                   `reason: "illegal": a delete is never illegal`,
	} {
		t.Run(line, func(t *testing.T) {
			m, fields, _ := strings.Cut(line, " ")
			_, err := Read(strings.NewReader(lines(headOf(Model(m)), `{"client":1,"id":"o",`+fields+"}")))
			require.ErrorIs(t, err, ErrFormat)
			require.ErrorContains(t, err, "malformed history: line 2: "+want)
		})
	}
}

// The header of a bank has balances, and its transfers are between the accounts there.
func TestReadRefusesOfBank(t *testing.T) {
	const want = "want the balance of each account, as in {a 50 b 50}: accounts in braces, each once, with whole numbers from 0 that add up to less than 2^63"
	transfer := func(outcome string) string {
		return `{"client":1,"id":"o","kind":"transfer","argument":"[a zz 1]","call":1,"return":2,"outcome":` + outcome + "}"
	}
	for name, c := range map[string]struct{ initial, line, want string }{
		"no number":       {"{a 1 b x}", transfer(`"committed"`), `line 1: initial: "{a 1 b x}": ` + want},
		"fraction":        {"{a 1.5 b 50}", transfer(`"committed"`), `line 1: initial: "{a 1.5 b 50}": ` + want},
		"negative":        {"{a -5 b 10}", transfer(`"committed"`), `line 1: initial: "{a -5 b 10}": ` + want},
		"large number":    {"{a 9223372036854775808}", transfer(`"committed"`), "line 1: initial: "},
		"large sum":       {"{a 1 b 9223372036854775807}", transfer(`"committed"`), "line 1: initial: "},
		"account twice":   {"{a 1 a 2}", transfer(`"committed"`), "line 1: initial: "},
		"unknown account": {"{a 1 b 1}", transfer(`"committed"`), `line 2: argument: "[a zz 1]": account zz is not in the initial state: add it there, with its balance`},
		"and rejected":    {"{zz 1}", transfer(`"rejected","reason":"illegal"`), `line 2: argument: "[a zz 1]": account a is not in`},
		"no accounts":     {"{}", transfer(`"unknown"`), `line 2: argument: "[a zz 1]": account a is not in`},
	} {
		t.Run(name, func(t *testing.T) {
			header := strings.Replace(headOf(ModelBank), `"version":2`, `"version":3,"initial":"`+c.initial+`"`, 1)
			_, err := Read(strings.NewReader(lines(header, c.line)))
			require.ErrorIs(t, err, ErrFormat)
			require.ErrorContains(t, err, "malformed history: "+c.want)
		})
	}
}

// A model that is not known here can be read and written with its grammar. One
// without kinds has any operations.
func TestGrammarOfAUser(t *testing.T) {
	stack := Grammar{Name: "stack", Kinds: []KindForm{
		{Kind: "push", Argument: Field{Text, "the item"}},
		{Kind: "pop", Result: Field{Text, "the item"}, Answers: true, Illegal: "the stack was empty"},
	}}
	require.NoError(t, stack.Validate())
	text := lines(headOf("stack"), `{"client":1,"id":"o","kind":"pop","call":1,"return":2,"outcome":"committed","state":"a"}`)
	_, err := Read(strings.NewReader(text))
	require.ErrorContains(t, err, `model: "stack" is none of machine, register,`)
	h, err := Read(strings.NewReader(text), stack)
	require.NoError(t, err)
	require.Equal(t, Kind("pop"), h.Operations[0].Kind)

	var written bytes.Buffer
	require.NoError(t, Write(&written, h, stack))
	require.Equal(t, text, written.String())
	written.Reset()
	require.ErrorContains(t, Write(&written, h), `line 1: model: "stack" is none of`)
	require.Equal(t, text, written.String(), "it is evidence all the same")

	_, err = Read(strings.NewReader(strings.Replace(text, `"pop"`, `"peek"`, 1)), stack)
	require.ErrorContains(t, err, `line 2: kind: "peek" is neither push nor pop, those of model stack`)
	_, err = Read(strings.NewReader(strings.Replace(text, `"pop"`, `"peek"`, 1)), Grammar{Name: "stack"})
	require.NoError(t, err)
}
