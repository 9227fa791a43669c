package definition_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/node/definition"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/stretchr/testify/require"
)

var lamp = fsm.Definition{
	Name: "lamp", States: []string{"off", "on", "broken"}, Initial: "off", Terminal: []string{"broken"},
	Transitions: []fsm.Transition{{From: "off", To: "on"}, {From: "on", To: "off"}, {From: "on", To: "broken"}},
}

func TestTheSameDefinitionInManyForms(t *testing.T) {
	for name, text := range map[string]string{
		"yaml": `
# a lamp
name: lamp
states:
  - off
  - on
  - broken
initial: off
terminal: [broken]
transitions:
  - off -> on
  - on → off
  - {from: on, to: broken}
`,
		"json": `{"name": "lamp", "states": ["off", "on", "broken"], "initial": "off", "terminal": ["broken"],
"transitions": [{"from": "off", "to": "on"}, {"from": "on", "to": "off"}, {"from": "on", "to": "broken"}]}`,
	} {
		d, err := definition.Read("lamp.yaml", []byte(text))
		require.NoError(t, err, name)
		require.Equal(t, lamp, d, name)
	}
}

func TestErrorsPointAtTheLine(t *testing.T) {
	head := "name: lamp\nstates: [off, on]\ninitial: off\n"
	for text, want := range map[string]string{
		"":                                     "lamp.yaml: invalid definition: the file is empty",
		"name: [":                              "lamp.yaml: invalid definition: line 1",
		"[1, 2]":                               "lamp.yaml:1: invalid definition: a definition: want an object",
		"name: lamp\n":                         "lamp.yaml:1: invalid definition: states: missing",
		"name: a/b\nstates: [a]\ninitial: a\n": `lamp.yaml:1: invalid definition: definition name "a/b"`,
		"name: lamp\nstates: off\ninitial: off\n":                     "lamp.yaml:2: invalid definition: states: want a list",
		"name: lamp\nstates: []\ninitial: off\n":                      "lamp.yaml:2: invalid definition: 0 states",
		"name: lamp\nstates:\n - off\n - off\ninitial: off\n":         "lamp.yaml:4: invalid definition: states: off is listed twice",
		"name: lamp\nstates: [off]\ninitial: on\n":                    "lamp.yaml:3: invalid definition: initial: on is not among the states [off]",
		head + "colour: red\n":                                        `lamp.yaml:4: invalid definition: unknown field "colour"`,
		head + "initial: on\n":                                        "lamp.yaml:4: invalid definition: initial: given twice",
		head + "transitions: off\n":                                   "lamp.yaml:4: invalid definition: transitions: want a list",
		head + "transitions:\n - off -> on\n - off\n":                 `lamp.yaml:6: invalid definition: transition "off": want`,
		head + "transitions:\n - off -> dim\n":                        "lamp.yaml:5: invalid definition: to: dim is not among",
		head + "transitions:\n - {from: off}\n":                       "lamp.yaml:5: invalid definition: a transition: want from and to",
		head + "transitions:\n - off -> on\n - {from: off, to: on}\n": "lamp.yaml:6: invalid definition: transitions: off → on is listed twice",
		head + "transitions:\n - off -> on\nterminal: [off]\n":        "lamp.yaml:5: invalid definition: off → on leaves a terminal state",
		head + "terminal: [dim]\n":                                    "lamp.yaml:4: invalid definition: terminal: dim is not among",
		head + "---\nname: x\n":                                       "lamp.yaml:4: invalid definition: a second document",
		head:                                                          `lamp.yaml:1: invalid definition: transitions: none, so no machine could ever leave off: want at least one, as in "off -> STATE"`,
		head + "transitions: []\n":                                    "lamp.yaml:4: invalid definition: transitions: none",
		head + "transitions: [on -> off, on -> on]\n":                 "lamp.yaml:3: invalid definition: initial: no transition leaves off, where every machine begins: add one, or begin elsewhere",
		head + "transitions: [off -> off]\n":                          "lamp.yaml:2: invalid definition: states: no machine can ever come to on from off: add a transition that leads there, or drop the state",
		"name: lamp\nstates:\n - off\n - on\n - lost\n - dim\ninitial: off\ntransitions: [off -> on, lost -> dim, dim -> lost]\n": "lamp.yaml:5: invalid definition: states: no machine can ever come to lost",
		strings.Replace(head, "lamp", "lifecycle", 1) + "transitions: [off -> on]\n":                                              "built in",
		strings.Replace(head, "lamp", "definition", 1) + "transitions: [off -> on]\n":                                             "built in",
	} {
		_, err := definition.Read("lamp.yaml", []byte(text))
		require.ErrorIs(t, err, definition.ErrInvalid, text)
		require.ErrorContains(t, err, want, text)
	}
	clock, err := definition.Read("f", []byte("name: clock\nstates: [ticks]\ninitial: ticks\ntransitions: [ticks -> ticks]\n"))
	require.NoError(t, err, "a machine may stay where it is and count")
	require.Equal(t, []string{"ticks"}, clock.Reachable())
	many := "name: lamp\ninitial: s0\nstates:\n"
	transitions := "transitions:\n"
	for i := range 200 {
		many += fmt.Sprintf(" - s%d\n", i)
		for j := range 5 {
			transitions += fmt.Sprintf(" - s%d -> s%d\n", i, (i+1+j)%200)
		}
	}
	_, err = definition.Read("lamp.yaml", []byte(many+transitions))
	require.ErrorContains(t, err, "its text has")
}

// Any file is either an error or a definition that a cluster accepts.
func FuzzRead(f *testing.F) {
	f.Add([]byte("name: lamp\nstates: [off, on]\ninitial: off\ntransitions: [off -> on]\n"))
	f.Add([]byte("{\"name\": \"x\", \"states\": [\"a\"], \"initial\": \"a\"}"))
	f.Add([]byte("a: &x [*x]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := definition.Read("f", data)
		if err != nil {
			require.ErrorIs(t, err, definition.ErrInvalid)
			return
		}
		text, err := d.Text()
		require.NoError(t, err)
		again, err := fsm.Parse(text)
		require.NoError(t, err)
		require.Equal(t, text, func() string { s, _ := again.Text(); return s }())
	})
}
