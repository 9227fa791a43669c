package history

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	headKV  = `{"format":"lockstep-history","version":2,"model":"kv"}`
	write1  = `{"client":1,"id":"w","machine":"k","kind":"write","argument":"1","call":1,"return":2,"outcome":"committed"}`
	cas12   = `{"client":1,"id":"c","machine":"k","kind":"cas","argument":"2","expected":"1","call":3,"return":4,"outcome":"rejected","reason":"illegal","state":"3"}`
	read3   = `{"client":1,"id":"r","machine":"k","kind":"read","call":5,"return":6,"outcome":"committed","state":"3"}`
	unnamed = `{"client":1,"id":"u","kind":"write","argument":"1","call":1,"return":2,"outcome":"committed"}`
)

func headOf(m Model) string { return strings.Replace(headKV, "kv", string(m), 1) }

func TestReadRefusesForModel(t *testing.T) {
	replace := func(l, old, new string) string {
		require.Contains(t, l, old)
		return strings.Replace(l, old, new, 1)
	}
	for name, c := range map[string]struct{ text, want string }{
		"no model":         {lines(replace(headKV, `,"model":"kv"`, ``)), "line 1: model: missing: add it"},
		"unknown model":    {lines(headOf("stack")), `line 1: model: "stack" is none of machine, register, cas-register, kv, lock, counter, queue, set, append-list, multi-register and bank`},
		"model is null":    {lines(replace(headKV, `"kv"`, `null`)), "line 1: model: null: want a text in double quotes"},
		"machine needs":    {lines(headOf(ModelMachine)), "line 1: definitions: missing: add it"},
		"model too early":  {lines(replace(headKV, `"version":2`, `"version":1,"definitions":[]`)), "line 1: model: unknown field"},
		"expected, early":  {lines(head, replace(op1, `"argument"`, `"expected":"A","argument"`)), "line 2: expected: unknown field"},
		"definitions":      {lines(replace(headKV, `"kv"`, `"kv","definitions":[{"name":"d","states":["A"],"initial":"A","transitions":[]}]`)), "line 1: definitions: model kv has none: remove them"},
		"propose to kv":    {lines(headKV, replace(write1, `"write"`, `"propose"`)), `line 2: kind: "propose" is none of write, cas, append, delete and read, those of model kv`},
		"cas of register":  {lines(headOf(ModelRegister), cas12), `line 2: kind: "cas" is neither write nor read, those of model register`},
		"writes nothing":   {lines(headKV, replace(write1, `"argument":"1",`, ``)), "line 2: argument: missing: a write needs it: the value written, which is never the empty text"},
		"expects nothing":  {lines(headKV, replace(cas12, `"expected":"1",`, ``)), `line 2: expected: missing: a cas needs it: the value expected, "nil" of a register that was never written`},
		"write expects":    {lines(headKV, replace(write1, `"argument"`, `"expected":"0","argument"`)), `line 2: expected: "0": a write has none: remove it`},
		"write is illegal": {lines(headKV, replace(write1, `"committed"`, `"rejected","reason":"illegal"`)), `line 2: reason: "illegal": a write is never illegal: give another reason`},
		"no key":           {lines(headKV, unnamed), "line 2: machine: missing: add it"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(strings.NewReader(c.text))
			require.ErrorIs(t, err, ErrFormat)
			require.ErrorContains(t, err, "malformed history: "+c.want)
		})
	}
}

func TestReadAcceptsModels(t *testing.T) {
	h, err := Read(strings.NewReader(lines(headKV, write1, cas12, read3)))
	require.NoError(t, err)
	require.Equal(t, History{Model: ModelKV, Operations: []Operation{
		{Client: 1, ID: "w", Machine: "k", Kind: KindWrite, Argument: "1", Call: 1, Return: 2, Outcome: Committed, Version: NoVersion},
		{Client: 1, ID: "c", Machine: "k", Kind: KindCAS, Argument: "2", Expected: "1", Call: 3, Return: 4, Outcome: Rejected, Reason: ReasonIllegal, State: "3", Version: NoVersion},
		{Client: 1, ID: "r", Machine: "k", Kind: KindRead, Call: 5, Return: 6, Outcome: Committed, State: "3", Version: NoVersion},
	}}, h)
	for _, text := range []string{
		lines(headOf(ModelRegister), unnamed), lines(headOf(ModelCASRegister), cas12),
		lines(headOf(ModelCASRegister), write1, strings.Replace(cas12, `"k"`, `"l"`, 1)), // two registers
		lines(headKV, strings.Replace(write1, `"k"`, `""`, 1)),
	} {
		h, err := Read(strings.NewReader(text))
		require.NoError(t, err)
		var again bytes.Buffer
		require.NoError(t, Write(&again, h))
		require.Equal(t, text, again.String())
	}
}

// A history of machines may name its model; it is written without.
func TestMachinesNeedNoNewVersion(t *testing.T) {
	h, err := Read(strings.NewReader(lines(strings.Replace(head, `"version":1`, `"version":2,"model":"machine"`, 1), op1)))
	require.NoError(t, err)
	require.Equal(t, ModelMachine, h.Model)
	var text bytes.Buffer
	require.NoError(t, Write(&text, h))
	require.Equal(t, lines(head, op1), text.String())
}

func TestEveryBadLineIsTold(t *testing.T) {
	text := []string{head, op1, `{"client":1`, strings.Replace(op2, `"call":5`, `"call":2`, 1), op2}
	_, err := Read(strings.NewReader(lines(text...) + op2))
	require.ErrorIs(t, err, ErrFormat)
	require.Equal(t, []string{
		"malformed history: line 3: not a JSON object, so the line is damaged or cut off: delete it, or correct it: unexpected end of JSON input",
		"line 4: call: 2 is before 3, the return of operation c1.1 of the same client: a client has one operation in flight",
		"line 6: does not end in a newline, so the file was cut off: delete the line, or end it if it is whole",
	}, strings.Split(err.Error(), "\n"))

	for range 36 {
		text = append(text, "{}")
	}
	_, err = Read(strings.NewReader(lines(text...)))
	told := strings.Split(err.Error(), "\n")
	require.Len(t, told, maxBadLines+1)
	require.Equal(t, "line 23: client: missing: add it", told[maxBadLines-1])
	require.Equal(t, "and perhaps more: these were 20, so the rest was not read", told[maxBadLines])
}

// A Reader skips a bad line.
func TestReaderGoesOn(t *testing.T) {
	in, err := NewReader(strings.NewReader(lines(head, op1, op1, op2)))
	require.NoError(t, err)
	require.Equal(t, ModelMachine, in.Header.Model)
	var ids []string
	for {
		op, err := in.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			require.ErrorIs(t, err, ErrFormat)
			require.ErrorContains(t, err, "line 3: id: ")
			continue
		}
		ids = append(ids, op.ID)
	}
	require.Equal(t, []string{"c1.1", "c1.2"}, ids)
	_, err = in.Next()
	require.Equal(t, io.EOF, err)
}

// A line that exceeds MaxLine ends the reading.
func TestEndlessLine(t *testing.T) {
	_, err := Read(io.MultiReader(strings.NewReader(lines(head, op1)), strings.NewReader(strings.Repeat("x", MaxLine+1))))
	require.ErrorIs(t, err, ErrFormat)
	require.ErrorContains(t, err, "line 3: longer than 16777216 bytes")
}

// A line on a disk that fails was not cut off.
func TestDiskFailsInALine(t *testing.T) {
	broken := brokenDisk{errors.New("disk on fire")}
	for _, text := range []string{head[:20], lines(head) + op1[:20]} {
		_, err := Read(io.MultiReader(strings.NewReader(text), broken))
		require.ErrorIs(t, err, broken.error)
		require.NotErrorIs(t, err, ErrFormat)
	}
}

// The history is longer than a chunk.
func TestLongHistory(t *testing.T) {
	h := longHistory(3*chunk + 7)
	var text bytes.Buffer
	require.NoError(t, Write(&text, h))
	read, err := Read(&text)
	require.NoError(t, err)
	require.Equal(t, h.Operations, read.Operations)
}

// Interned strings do not change when others come, however many or long.
func TestKeptStrings(t *testing.T) {
	var in interner
	var want, got []string
	for i := range 2 * maxInterned {
		s := fmt.Sprintf("%d%s", i%(maxInterned+100), strings.Repeat("x", i%100))
		want, got = append(want, s), append(got, in.of([]byte(s)))
	}
	long := strings.Repeat("long", arenaBlock)
	want, got = append(want, long), append(got, in.of([]byte(long)))
	require.Equal(t, want, got)
	require.LessOrEqual(t, len(in.known), maxInterned)
}

// The fast parser accepts the lines that recorders write, and parses none
// differently from the strict parser.
func TestFastParserTakesWhatIsUsual(t *testing.T) {
	for _, l := range []string{op1, op2, strings.ReplaceAll(op1, ",", ", "), strings.ReplaceAll(op2, ":", " : "), strings.Replace(op1, "c1.1", "ü", 1)} {
		s := scanner{required: requiredOf(1, true)}
		require.True(t, s.parse([]byte(l), new(Operation)), l)
	}
}

func FuzzParse(f *testing.F) {
	for _, l := range []string{op1, op2, write1, cas12, read3, unnamed, `{"client":01}`, `{"id":"\n"}`, "{\"id\":\"\xff\"}", `{"call":9223372036854775808}`} {
		f.Add([]byte(l), uint8(0))
		f.Add([]byte(l), uint8(1))
	}
	f.Fuzz(func(t *testing.T, text []byte, which uint8) {
		version, named := int64(1+which%2), which%3 > 0
		s := scanner{required: requiredOf(version, named)}
		fast := Operation{Return: NoReturn, Version: NoVersion}
		if !s.parse(text, &fast) {
			return
		}
		strict, err := parseOperation(text, version, named)
		require.NoError(t, err)
		require.Equal(t, strict, fast)
	})
}

// The examples in the documentation are histories.
func TestDocumentedExamples(t *testing.T) {
	text, err := os.ReadFile("../../docs/HISTORY.md")
	require.NoError(t, err)
	parts := strings.Split(string(text), "```jsonl\n")[1:]
	seen := map[Model]bool{}
	for _, part := range parts {
		example, _, found := strings.Cut(part, "```")
		require.True(t, found)
		h, err := Read(strings.NewReader(example))
		require.NoError(t, err)
		seen[h.Model] = true
	}
	for _, g := range Grammars() {
		require.True(t, seen[g.Name], g.Name)
	}
}
