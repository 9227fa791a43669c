package model

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/sim/golden"
)

// The transcripts tell, for each model, which operations are possible in which
// states, one after the other. The command model names the model, and maybe the
// initial state. Of the others the words are
//
//	CLIENT KIND [ARGUMENT] [expecting VALUE] [-> RESULT] [at VERSION] [illegal|unknown]
//
// and the output is the state after it.
func TestTranscripts(t *testing.T) {
	golden.Transcripts(t, "testdata/*.txt", func(t *testing.T) func(words []string) string {
		var m *Model
		var state any
		return func(words []string) string {
			if words[0] == "model" {
				h := history.History{Model: history.Model(words[1]), Definitions: []fsm.Definition{fsm.Lifecycle()}, Initial: strings.Join(words[2:], "")}
				m, _ = Of(&h)
				require.NotNil(t, m, words[1])
				require.NoError(t, m.Validate())
				require.NoError(t, m.CheckInitial(h.Initial))
				state = m.Init("lifecycle/a")
				return m.Describe(state)
			}
			op := parseOperation(t, words)
			require.NoError(t, op.Judgeable(&m.Grammar))
			next, possible := m.Step(state, &op)
			if !possible {
				return "impossible"
			}
			if m.Key != nil {
				require.Equal(t, m.Equal(state, next), m.Key(state) == m.Key(next))
			}
			state = next
			return m.Describe(state)
		}
	})
}

func parseOperation(t *testing.T, words []string) history.Operation {
	op := history.Operation{ID: "o", Machine: "lifecycle/a", Outcome: history.Committed, Version: history.NoVersion, Call: 1, Return: 2}
	_, err := fmt.Sscan(words[0], &op.Client)
	require.NoError(t, err)
	op.Kind = history.Kind(words[1])
	for rest := words[2:]; len(rest) > 0; {
		word := rest[0]
		rest = rest[1:]
		switch word {
		case "illegal":
			op.Outcome, op.Reason = history.Rejected, history.ReasonIllegal
		case "unknown":
			op.Outcome = history.Unknown
		case "expecting":
			op.Expected, rest = rest[0], rest[1:]
		case "->":
			op.State, rest = rest[0], rest[1:]
		case "at":
			_, err := fmt.Sscan(rest[0], &op.Version)
			require.NoError(t, err)
			rest = rest[1:]
		default:
			op.Argument = word
		}
	}
	return op
}

// Every grammar has a model, and every model its grammar.
func TestModelsOfGrammars(t *testing.T) {
	for _, g := range history.Grammars() {
		m, known := Of(&history.History{Model: g.Name})
		require.True(t, known, g.Name)
		require.Equal(t, g, m.Grammar)
		require.NoError(t, m.Validate())
		require.NotEmpty(t, g.About)
		require.False(t, m.Equal != nil && m.Key == nil, "the judge compares states of %s with all others", g.Name)
	}
	_, known := Of(&history.History{Model: "stack"})
	require.False(t, known)
}

// A model of Porcupine's is of any operations, of one object unless it divides
// them, and has Porcupine's own rules.
func TestFromPorcupine(t *testing.T) {
	p := porcupine.Model{
		Init: func() any { return 0 },
		Step: func(state, input, output any) (bool, any) {
			return output == "" || output == fmt.Sprint(state), state.(int) + input.(int)
		},
		DescribeState: func(state any) string { return fmt.Sprint("count ", state) },
	}
	m := FromPorcupine("fetch-and-add", p, func(op *history.Operation) (any, any) {
		n := 0
		_, err := fmt.Sscan(op.Argument, &n)
		require.NoError(t, err)
		return n, op.State
	})
	require.NoError(t, m.Validate())
	require.Equal(t, "count 0", m.Describe(m.Init("any")))
	next, possible := m.Step(3, &history.Operation{Argument: "4", State: "3"})
	require.True(t, possible)
	require.Equal(t, 7, next)
	_, possible = m.Step(3, &history.Operation{Argument: "4", State: "7"})
	require.False(t, possible)

	ops := []*history.Operation{{ID: "1", Argument: "1"}, {ID: "2", Argument: "2"}, {ID: "3", Argument: "3"}}
	require.Equal(t, [][]*history.Operation{ops}, m.Partition(ops))
	p.Partition = func(ops []porcupine.Operation) (parts [][]porcupine.Operation) {
		for i := range ops {
			parts = append(parts, ops[i:i+1])
		}
		return parts
	}
	m = FromPorcupine("fetch-and-add", p, nil)
	require.Equal(t, [][]*history.Operation{ops[:1], ops[1:2], ops[2:]}, m.Partition(ops))
}

func TestValidateRefuses(t *testing.T) {
	good := func() *Model { return Counter() }
	for want, spoil := range map[string]func(m *Model){
		"a model has no name":                 func(m *Model) { m.Name = "" },
		"model counter lacks Init or Step":    func(m *Model) { m.Init = nil },
		"lacks Init or Step: give both":       func(m *Model) { m.Step = nil },
		`kind "add" is empty, or there twice`: func(m *Model) { m.Kinds = append(slices.Clone(m.Kinds), m.Kinds[0]) },
		"the form of the result is Nothing":   func(m *Model) { m.Kinds = []history.KindForm{{Kind: "get", Answers: true}} },
	} {
		m := good()
		spoil(m)
		err := m.Validate()
		require.True(t, errors.Is(err, ErrModel))
		require.True(t, strings.Contains(err.Error(), want), err)
	}
	p := FromPorcupine("other", porcupine.Model{}, nil)
	require.ErrorIs(t, p.Validate(), ErrModel)
}
