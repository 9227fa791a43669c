package history

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/sim/fieldtest"
)

const (
	head = `{"format":"lockstep-history","version":1,"definitions":[{"name":"d","states":["A","B"],"initial":"A","transitions":[{"from":"A","to":"B"}]}]}`
	op1  = `{"client":1,"id":"c1.1","machine":"d/m","kind":"propose","argument":"B","call":1,"return":3,"outcome":"committed","version":1}`
	op2  = `{"client":1,"id":"c1.2","machine":"d/m","kind":"read","call":5,"return":7,"outcome":"committed","state":"B"}`
)

func lines(l ...string) string { return strings.Join(l, "\n") + "\n" }

func TestReadRefuses(t *testing.T) {
	replace := func(l, old, new string) string {
		require.Contains(t, l, old)
		return strings.Replace(l, old, new, 1)
	}
	for name, c := range map[string]struct{ text, want string }{
		"nothing":            {"", "line 1: the file is empty: the first line must be the header"},
		"cut in a line":      {head + "\n" + op1[:40], "line 2: does not end in a newline, so the file was cut off: delete the line, or end it if it is whole"},
		"cut at its newline": {head + "\n" + op1, "line 2: does not end in a newline"},
		"cut in the header":  {head[:40], "line 1: does not end in a newline"},
		"broken JSON":        {lines(head, op1[:40], op2), "line 2: not a JSON object, so the line is damaged or cut off: delete it, or correct it: unexpected end of JSON input"},
		"no object":          {lines(head, `7`), "line 2: not a JSON object"},
		"no text":            {lines(head, "", op1), "line 2: empty: delete it"},
		"two on a line":      {lines(head, op1+op2), "line 2: has text after the object: give each its own line"},
		"not UTF-8":          {lines(head, replace(op1, "c1.1", "c\xff")), "line 2: not UTF-8"},

		"no header":            {lines(op1), "line 1: header: format: missing: add it"},
		"other format":         {lines(replace(head, "lockstep-history", "plan")), `line 1: format: "plan": this is not a history: want "lockstep-history"`},
		"newer format":         {lines(replace(head, `"version":1`, `"version":5,"new":1`)), "line 1: version: 5 is newer than 4, the newest known here: use a newer lockstep"},
		"older format":         {lines(replace(head, `"version":1`, `"version":0`)), "line 1: version: 0: versions begin at 1"},
		"no definitions":       {lines(`{"format":"lockstep-history","version":1}`), "line 1: definitions: missing"},
		"unknown header field": {lines(replace(head, `"version":1`, `"version":1,"x":1`)), "line 1: x: unknown field: remove it"},
		"bad definition":       {lines(replace(head, `"initial":"A"`, `"initial":"C"`)), `line 1: definitions: [0]: definition "d": invalid: initial state "C"`},
		"unknown in definition": {lines(replace(head, `"initial"`, `"x":1,"initial"`)),
			`line 1: definitions: json: unknown field "x": want a list of definitions`},
		"defined twice": {lines(replace(head, `}]}]}`, `}]},{"name":"d","states":["A"],"initial":"A","transitions":[]}]}`)), `line 1: definitions: [1]: "d" is defined twice: remove one`},

		"unknown field":      {lines(head, op1, replace(op2, `"call"`, `"x":1,"call"`)), "line 3: x: unknown field: remove it"},
		"field in capitals":  {lines(head, replace(op1, `"call"`, `"Call"`)), "line 2: Call: unknown field"},
		"field twice":        {lines(head, replace(op1, `"call"`, `"call":1,"call"`)), "line 2: call: is there twice: remove one"},
		"null":               {lines(head, replace(op1, `"version":1`, `"version":null`)), "line 2: version: null: want a whole number"},
		"fraction":           {lines(head, replace(op1, `"call":1`, `"call":1.5`)), "line 2: call: 1.5: want a whole number, without quotes or fraction"},
		"quoted number":      {lines(head, replace(op1, `"call":1`, `"call":"1"`)), `line 2: call: "1": want a whole number`},
		"negative":           {lines(head, replace(op1, `"return":3`, `"return":-1`)), "line 2: return: -1: negative: omit it if there is none"},
		"bare text":          {lines(head, replace(op1, `"c1.1"`, `7`)), "line 2: id: 7: want a text in double quotes"},
		"no client":          {lines(head, replace(op1, `"client":1,`, ``)), "line 2: client: missing: add it"},
		"no call":            {lines(head, replace(op1, `"call":1,`, ``)), "line 2: call: missing: add it"},
		"no return":          {lines(head, replace(op1, `"return":3,`, ``)), "line 2: return: missing, but the operation was committed: give the time, or make the outcome unknown"},
		"return before call": {lines(head, replace(op1, `"return":3`, `"return":0`)), "line 2: return: 0 is not within the call, 1, to 2^62"},
		"unknown returned before call": {lines(head, replace(replace(op1, `"return":3`, `"return":0`), `"committed","version":1`, `"unknown"`)),
			"line 2: return: 0 is not within the call, 1, to 2^62: omit it if the client never gave up"},
		"call too late":      {lines(head, replace(op1, `"call":1`, `"call":4611686018427387905`)), "line 2: call: 4611686018427387905 is not within 0 to 2^62"},
		"kind":               {lines(head, replace(op1, `"propose"`, `"write"`)), `line 2: kind: "write" is neither propose nor read`},
		"outcome":            {lines(head, replace(op1, `"committed"`, `"ok"`)), `line 2: outcome: "ok" is none of committed, rejected and unknown`},
		"no argument":        {lines(head, replace(op1, `"argument":"B",`, ``)), "line 2: argument: missing: a propose needs it: the state requested, which is never the empty text"},
		"read with argument": {lines(head, replace(op2, `"read",`, `"read","argument":"B",`)), `line 2: argument: "B": a read has none: remove it`},
		"read sees nothing":  {lines(head, replace(op2, `,"state":"B"`, ``)), "line 2: state: missing: a read needs it: the state, which"},
		"read is illegal":    {lines(head, replace(op2, `"committed"`, `"rejected","reason":"illegal"`)), `line 2: reason: "illegal": a read is never illegal`},
		"committed why":      {lines(head, replace(op1, `"committed"`, `"committed","reason":"x"`)), `line 2: reason: "x": a committed operation has none`},
		"rejected why":       {lines(head, replace(op1, `"committed"`, `"rejected"`)), "line 2: reason: missing: a rejection has one"},
		"unknown tells state": {lines(head, replace(op2, `"committed"`, `"unknown"`)),
			`line 2: state: "B": an operation of unknown outcome has none: remove it`},
		"unknown tells version": {lines(head, replace(op1, `"committed"`, `"unknown"`)),
			`line 2: version: 1: an operation of unknown outcome has none: remove it`},

		"empty id":       {lines(head, replace(op1, `"c1.1"`, `""`)), "line 2: id: empty"},
		"same id":        {lines(head, op1, replace(op2, "c1.2", "c1.1")), `line 3: id: "c1.1" is that of line 2 too: ids must differ`},
		"no such":        {lines(head, replace(op1, "d/m", "e/m")), `line 2: machine: definition "e" is not among those of the header: add it`},
		"not a machine":  {lines(head, replace(op1, "d/m", "dm")), `line 2: machine: machine "dm": invalid: want definition/name`},
		"no such state":  {lines(head, op1, replace(op2, `"B"`, `"C"`)), `line 3: state: "C" is no state of definition "d": it has A, B`},
		"no such target": {lines(head, replace(op1, `"B"`, `"C"`)), `line 2: argument: "C" is no state of definition "d": it has A, B`},
		"not sorted":     {lines(head, op2, op1), "line 3: call: 1 is before 5, the call of the line above: sort the lines by call"},
		"overlap":        {lines(head, op1, replace(op2, `"call":5`, `"call":2`)), "line 3: call: 2 is before 3, the return of operation c1.1 of the same client: a client has one operation in flight"},
		"still waiting": {lines(head, replace(op1, `"return":3,"outcome":"committed","version":1`, `"outcome":"unknown"`), op2),
			"line 3: client: 1 was still waiting for operation c1.1, which never returned: give that one a return, when the client gave up"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(strings.NewReader(c.text))
			require.ErrorIs(t, err, ErrFormat)
			require.ErrorContains(t, err, "malformed history: "+c.want)
		})
	}
}

func TestReadAccepts(t *testing.T) {
	gaveUp := `{"client":1,"id":"c1.1","machine":"d/m","kind":"propose","argument":"B","call":1,"return":5,"outcome":"unknown","reason":"timeout"}`
	h, err := Read(strings.NewReader(strings.ReplaceAll(lines(head, gaveUp, op2), "\n", "\r\n")))
	require.NoError(t, err)
	require.Equal(t, []Operation{
		{Client: 1, ID: "c1.1", Machine: "d/m", Kind: KindPropose, Argument: "B", Call: 1, Return: 5, Outcome: Unknown, Reason: "timeout", Version: NoVersion},
		{Client: 1, ID: "c1.2", Machine: "d/m", Kind: KindRead, Call: 5, Return: 7, Outcome: Committed, State: "B", Version: NoVersion},
	}, h.Operations)
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := anyHistory(t, rapid.IntRange(0, 20).Draw(t, "operations"))
		var text bytes.Buffer
		require.NoError(t, Write(&text, h))
		read, err := Read(bytes.NewReader(text.Bytes()))
		require.NoError(t, err)
		require.Equal(t, h, read)
		var again bytes.Buffer
		require.NoError(t, Write(&again, read))
		require.Equal(t, text.String(), again.String())
	})
}

// Write keeps a history that Read would refuse: it is evidence of a broken
// system.
func TestWriteKeepsEvidence(t *testing.T) {
	h := History{Definitions: []fsm.Definition{fsm.Lifecycle()}, Operations: []Operation{
		{ID: "c1.1", Machine: "lifecycle/a", Kind: KindRead, Call: 1, Return: 2, Outcome: Committed, State: "Rubbish", Version: 0},
	}}
	var text bytes.Buffer
	err := Write(&text, h)
	require.ErrorIs(t, err, ErrFormat)
	require.ErrorContains(t, err, `line 2: state: "Rubbish" is no state`)
	require.Contains(t, text.String(), "Rubbish")
}

type brokenDisk struct{ error }

func (d brokenDisk) Write([]byte) (int, error) { return 0, d.error }
func (d brokenDisk) Read([]byte) (int, error)  { return 0, d.error }

func TestErrorsOfTheDisk(t *testing.T) {
	broken := brokenDisk{errors.New("disk on fire")}
	require.ErrorIs(t, Write(broken, History{}), broken.error)
	_, err := Read(broken)
	require.ErrorIs(t, err, broken.error)
	require.NotErrorIs(t, err, ErrFormat)
}

func FuzzRead(f *testing.F) {
	f.Add(lines(head, op1, op2))
	f.Add(lines(head, op1[:40]))
	if valid, err := os.ReadFile("../testdata/valid.jsonl"); err == nil {
		f.Add(string(valid))
	}
	f.Add(lines(headKV, write1, cas12, read3))
	f.Add(lines(headOf(ModelRegister), unnamed))
	f.Add(lines(headOf(ModelSet), `{"client":1,"id":"o","kind":"read","call":1,"return":2,"outcome":"committed","state":"[1 \"a b\"]"}`))
	f.Fuzz(func(t *testing.T, text string) {
		h, err := Read(strings.NewReader(text))
		if err != nil {
			require.ErrorIs(t, err, ErrFormat)
			return
		}
		var written bytes.Buffer
		require.NoError(t, Write(&written, h))
		again, err := Read(&written)
		require.NoError(t, err)
		require.Equal(t, h, again)
	})
}

// A field that the parser ignores would be lost silently.
func TestEveryFieldSurvives(t *testing.T) {
	kv := kvGrammar()
	for _, p := range (fieldtest.Walker{}).Places(reflect.TypeFor[Operation]()) {
		op := Operation{Return: NoReturn, Version: NoVersion}
		p.Set(&op)
		text, err := json.Marshal(op.toJSON(&kv))
		require.NoError(t, err)
		read, err := parseOperation(text, formatVersion, true)
		require.NoError(t, err)
		require.Equal(t, op, read, p.Path)
	}
}
