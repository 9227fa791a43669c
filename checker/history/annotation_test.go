package history

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node/fsm"
)

// Annotations of every model come back as they were, in the header of version 4.
func TestAnnotations(t *testing.T) {
	notes := []Annotation{{Start: 0, End: 7, Text: "partition of <1> from 2"}, {Start: 3, End: 3, Text: "crash"}}
	for _, h := range []History{
		{Model: ModelMachine, Definitions: []fsm.Definition{fsm.Lifecycle()}},
		{Model: ModelRegister, Initial: "5"},
	} {
		h.Annotations = notes
		var text bytes.Buffer
		require.NoError(t, Write(&text, h))
		require.True(t, strings.HasPrefix(text.String(), `{"format":"lockstep-history","version":4,"model":"`+string(h.Model)), text.String())
		read, err := Read(&text)
		require.NoError(t, err)
		require.Equal(t, h, read)
	}
}

func TestAnnotationsThatAreRefused(t *testing.T) {
	for _, c := range []struct{ version, annotations, want string }{
		{"3", `[]`, "annotations: unknown field: remove it"},
		{"4", `[{"from":1}]`, "annotations[0]: text: missing: say what happened"},
		{"4", `[{"from":1,"text":"a"},{"text":"b"}]`, "annotations[1]: from: missing"},
		{"4", `[{"from":-1,"text":"a"}]`, "annotations[0]: from: -1: want 0 to"},
		{"4", `[{"from":5,"to":4,"text":"a"}]`, "annotations[0]: to: 4: want 5, its begin, to"},
		{"4", `[{"from":5,"till":6,"text":"a"}]`, `annotations: json: unknown field "till": want a list of objects with from, to and text`},
		{"4", `7`, "want a list of objects with from, to and text"},
	} {
		_, err := Read(strings.NewReader(`{"format":"lockstep-history","version":` + c.version + `,"model":"register","annotations":` + c.annotations + "}\n"))
		require.ErrorIs(t, err, ErrFormat)
		require.ErrorContains(t, err, c.want)
	}
}
