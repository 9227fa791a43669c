package guarantee

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/sim/fieldtest"
)

// lines has one line of each kind.
var lines = map[string]string{
	"state":      `{"observe":"state","source":"w1","time":10,"machine":"lifecycle/a","version":0,"state":"Init"}`,
	"transition": `{"observe":"transition","source":"w1","time":20,"machine":"lifecycle/a","version":1,"from":"Init","state":"Running","operation":"c1.1"}`,
	"gap":        `{"observe":"gap","source":"w1","time":30,"machine":"lifecycle/a","first":2,"version":4}`,
	"resume":     `{"observe":"resume","source":"w1","time":40}`,
	"end":        `{"observe":"end","source":"w1","time":50,"machine":"lifecycle/a"}`,
	"local":      `{"observe":"local","source":"n1.1","time":60,"machine":"lifecycle/a","version":4,"state":"Running"}`,
	"entry":      `{"observe":"entry","source":"n1","time":70,"machine":"lifecycle/a","version":4,"state":"Running","operation":"c1.4"}`,
	"final":      `{"observe":"final","source":"n1","time":70,"machine":"lifecycle/a","version":4,"state":"Running"}`,
}

func TestLinesAreReadAsTheyAreWritten(t *testing.T) {
	var all []*Observation
	for name, text := range lines {
		t.Run(name, func(t *testing.T) {
			o, err := ParseLine([]byte(text))
			require.NoError(t, err)
			all = append(all, &o)
			require.Equal(t, Kind(name), o.Kind)
			require.Equal(t, "before"+text+"\n", string(AppendLine([]byte("before"), o)))
		})
	}
	require.Empty(t, fieldtest.Unset(fieldtest.Walker{}, all), "no line has such a field")
	escaped, err := ParseLine([]byte(` { "source" : "w\u0031\"\\" , "observe":"resume","time" : 1 } ` + "\r\n"))
	require.NoError(t, err)
	require.Equal(t, Observation{Kind: Resume, Source: `w1"\`, Time: 1}, escaped)
	rapid.Check(t, func(t *rapid.T) {
		for _, o := range anyWorld(t).observations {
			read, err := ParseLine(AppendLine(nil, o))
			require.NoError(t, err)
			require.Equal(t, o, read)
		}
	})
}

func TestParseLineRefuses(t *testing.T) {
	for name, c := range map[string]struct{ of, old, new, want string }{
		"no object":        {"state", `{"observe"`, `7,{"observe"`, "not a JSON object"},
		"cut off":          {"state", `"Init"}`, `"In`, "not a JSON object, so the line is damaged or cut off: delete it, or correct it: unexpected end of JSON input"},
		"two on a line":    {"state", `"Init"}`, `"Init"}{}`, "has text after the object: give each its own line"},
		"not UTF-8":        {"state", `w1`, "w\xff", "not UTF-8: save it as such"},
		"unknown field":    {"state", `"time"`, `"x":1,"time"`, "x: unknown field: remove it"},
		"field twice":      {"state", `"time":10`, `"time":10,"time":11`, "time: is there twice: remove one"},
		"null":             {"state", `10`, `null`, "time: null: want a whole number, without quotes or fraction"},
		"no braces":        {"state", lines["state"], `"x"`, "not a JSON object, so the line is damaged or cut off: delete it, or correct it: want an object, in braces"},
		"empty":            {"state", lines["state"], ``, "not a JSON object"},
		"nothing":          {"state", lines["state"], `{}`, "observe: missing: add it"},
		"list":             {"state", `10`, `[1]`, "time: [1]: want a whole number"},
		"object":           {"state", `"w1"`, `{"x":1}`, "source: {\"x\":1}: want a text"},
		"capitals":         {"state", `"time"`, `"Time"`, "Time: unknown field: remove it"},
		"exponent":         {"state", `10`, `1e3`, "time: 1e3: want a whole number"},
		"too large":        {"state", `10`, `9223372036854775808`, "time: 9223372036854775808: want a whole number"},
		"fraction":         {"state", `10`, `1.5`, "time: 1.5: want a whole number"},
		"quoted number":    {"state", `10`, `"10"`, `time: "10": want a whole number`},
		"bare text":        {"state", `"w1"`, `1`, "source: 1: want a text in double quotes, not empty"},
		"empty text":       {"state", `"w1"`, `""`, `source: "": want a text in double quotes, not empty`},
		"null text":        {"state", `"w1"`, `null`, "source: null: want a text"},
		"no kind":          {"state", `"observe":"state",`, ``, "observe: missing: add it"},
		"unknown kind":     {"state", `"state","source"`, `"watch","source"`, `observe: "watch" is none of state, transition, gap`},
		"no source":        {"state", `"source":"w1",`, ``, "source: missing: name the stream or the node"},
		"no time":          {"state", `"time":10,`, ``, "time: missing: add it"},
		"negative time":    {"state", `10`, `-1`, "time: -1 is not within 0 to 2^62"},
		"no machine":       {"state", `"machine":"lifecycle/a",`, ``, "machine: missing: name it, definition/name"},
		"not a machine":    {"state", `lifecycle/a`, `a`, `machine: machine "a": invalid: want definition/name`},
		"no version":       {"state", `"version":0,`, ``, "version: missing: add it"},
		"negative version": {"state", `"version":0`, `"version":-2`, "version: -2 is not within 0 to 2^62"},
		"no state":         {"state", `,"state":"Init"`, ``, "state: missing: give the state at that version"},
		"state from":       {"state", `"state":"Init"`, `"from":"Init","state":"Init"`, `from: "Init": only a transition has one: remove it`},
		"state by":         {"state", `"state":"Init"`, `"state":"Init","operation":"c"`, `operation: "c": only a transition or an entry has one: remove it`},
		"state first":      {"state", `"version"`, `"first":0,"version"`, `first: 0: only a gap has one: remove it`},
		"made 0":           {"transition", `"version":1`, `"version":0`, "version: 0: nothing makes version 0; give the version that was made"},
		"gap state":        {"gap", `"version":4`, `"version":4,"state":"Init"`, `state: "Init": gap has none: remove it`},
		"gap without":      {"gap", `"first":2,`, ``, "first: 0 is not within 1 to version, 4: give the first version that is left out"},
		"gap backwards":    {"gap", `"first":2`, `"first":5`, "first: 5 is not within 1 to version, 4"},
		"resume of one":    {"resume", `"time"`, `"machine":"lifecycle/a","time"`, `machine: "lifecycle/a": a resume is of the whole stream: remove it`},
		"resume at 0":      {"resume", `"time"`, `"version":0,"time"`, "version: 0: resume has none: remove it"},
		"end at 7":         {"end", `"time"`, `"version":7,"time"`, "version: 7: end has none: remove it"},
		"end of none":      {"end", `,"machine":"lifecycle/a"`, ``, "machine: missing: name it, definition/name"},
		"entry by nobody":  {"entry", `,"operation":"c1.4"`, ``, "operation: missing: name the operation that made the version"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, lines[c.of], c.old)
			_, err := ParseLine([]byte(strings.Replace(lines[c.of], c.old, c.new, 1)))
			require.ErrorIs(t, err, ErrObservation)
			require.ErrorContains(t, err, "malformed observation: "+c.want)
		})
	}
}

func FuzzParseLine(f *testing.F) {
	for _, text := range lines {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		o, err := ParseLine([]byte(text))
		if err != nil {
			require.ErrorIs(t, err, ErrObservation)
			return
		}
		again, err := ParseLine(AppendLine(nil, o))
		require.NoError(t, err)
		require.Equal(t, o, again)
	})
}

// The example in the documentation can be read and judged.
func TestDocumentedExample(t *testing.T) {
	text, err := os.ReadFile("../../docs/GUARANTEES.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(text), "```jsonl\n")
	require.True(t, found)
	example, _, found := strings.Cut(rest, "```")
	require.True(t, found)
	c, err := New(history.History{Definitions: []fsm.Definition{fsm.Lifecycle()}}, Options{Open: true, Deadline: 1})
	require.NoError(t, err)
	kinds := map[Kind]bool{}
	for line := range strings.Lines(example) {
		o, err := ParseLine([]byte(line))
		require.NoError(t, err)
		require.NoError(t, c.Add(o))
		kinds[o.Kind] = true
	}
	require.Len(t, kinds, len(lines))
	for _, v := range c.Results() {
		require.Equal(t, Holds, v.Status, v.Explanation)
	}
}

// Every class of violation is in the documentation.
func TestDocumentedClasses(t *testing.T) {
	text, err := os.ReadFile("../../docs/GUARANTEES.md")
	require.NoError(t, err)
	for _, g := range guarantees {
		require.Contains(t, string(text), "**`"+string(g)+"`**")
	}
	for _, class := range classes {
		_, name, _ := strings.Cut(class, "/")
		require.Contains(t, string(text), "`"+name+"`", class)
	}
}
