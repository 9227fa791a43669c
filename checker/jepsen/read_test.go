package jepsen

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lockstep-dst/lockstep/checker"
	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/node/fsm"
)

func read(t *testing.T, text string, o Options) history.History {
	t.Helper()
	r, err := Read(strings.NewReader(text), o)
	require.NoError(t, err)
	return r.History
}

// register is a history; registerOps are its operations.
const register = `{:type :invoke, :f :read, :value nil, :process 0, :time 10, :index 0}
{:type :invoke, :f :write, :value 4, :process 2, :time 10, :index 1}
{:type :ok, :f :read, :value nil, :process 0, :time 30, :index 2}
{:type :info, :f :write, :value 4, :process 2, :time 40, :error :timeout, :index 3}
{:type :invoke, :f :cas, :value [4 1], :process 0, :time 50, :index 4}
{:type :fail, :f :cas, :value [4 1], :process 0, :time 60, :index 5}
{:type :invoke, :f :read, :value nil, :process 7, :time 70, :index 6}
`

var registerOps = []history.Operation{
	{Client: 0, ID: "p0.0", Kind: history.KindRead, Call: 10, Return: 30, Outcome: history.Committed, State: "nil", Version: history.NoVersion},
	{Client: 2, ID: "p2.1", Kind: history.KindWrite, Argument: "4", Call: 11, Return: 40, Outcome: history.Unknown, Reason: "timeout", Version: history.NoVersion},
	{Client: 0, ID: "p0.4", Kind: history.KindCAS, Expected: "4", Argument: "1", Call: 50, Return: 60, Outcome: history.Rejected, Reason: "fail", Version: history.NoVersion},
	{Client: 7, ID: "p7.6", Kind: history.KindRead, Call: 70, Return: history.NoReturn, Outcome: history.Unknown, Version: history.NoVersion},
}

func TestFormsOfOneHistory(t *testing.T) {
	for name, text := range map[string]string{
		"maps":             register,
		"no last newline":  strings.TrimSuffix(register, "\n"),
		"vector":           "[" + register + "]",
		"vector, indented": "\n [" + strings.ReplaceAll(register, ", ", ",\n  ") + "] ; end\n",
		"list":             "(" + register + ")\n",
		"records":          strings.ReplaceAll(register, "{:type", "#jepsen.history.Op{:type"),
		"windows":          strings.ReplaceAll(register, "\n", "\r\n"),
		"comments, blanks": "; a history\n\n" + register,
	} {
		h := read(t, text, Options{})
		require.Equal(t, history.ModelCASRegister, h.Model, name)
		require.Equal(t, registerOps, h.Operations, name)
	}
}

// The order of events counts, whatever the clock shows.
func TestTimesAgreeWithTheOrder(t *testing.T) {
	h := read(t, strings.Replace(register, ":time 30", ":time 5", 1), Options{})
	require.Equal(t, [2]int64{11, 12}, [2]int64{h.Operations[1].Call, h.Operations[0].Return})
}

// Logs have no times, so the position of the event stands for them.
func TestLogs(t *testing.T) {
	log := `INFO  jepsen.core - starting
INFO  jepsen.util - 0	:invoke	:read	nil
2017-03-01 10:00:00,001 INFO [jepsen worker 2] jepsen.util - 2	:invoke	:write	4
[jepsen worker 0] jepsen.util: 0	:ok	:read	nil
jepsen.util: :nemesis	:info	:start	nil
   at some.trace :ok there
2 :info :write 4 :timed-out
0 :invoke :cas [4 1]
0 :fail :cas :timed-out
7	:invoke	:read	nil
`
	r, err := Read(strings.NewReader(log), Options{FailedIllegal: true})
	require.NoError(t, err)
	want := append([]history.Operation{}, registerOps...)
	for i, times := range [][2]int64{{0, 2}, {1, 4}, {5, 6}, {7, history.NoReturn}} {
		want[i].Call, want[i].Return = times[0], times[1]
		want[i].ID = fmt.Sprintf("p%d.%d", want[i].Client, times[0])
	}
	want[1].Reason, want[2].Reason = "timed-out", "timed-out"
	require.Equal(t, want, r.History.Operations)
	require.Equal(t, []history.Annotation{{Start: 3, End: 3, Text: "nemesis: start"}}, r.History.Annotations)
	require.Equal(t, 2, r.Skipped)
}

// A :cas that failed claims nothing, unless FailedIllegal is set.
func TestFailedCAS(t *testing.T) {
	require.Equal(t, "fail", read(t, register, Options{}).Operations[2].Reason)
	require.Equal(t, history.ReasonIllegal, read(t, register, Options{FailedIllegal: true}).Operations[2].Reason)
	failed := strings.Replace(register, ":time 60", ":time 60, :error :illegal", 1)
	require.Equal(t, "fail", read(t, failed, Options{FailedIllegal: true}).Operations[2].Reason, "an error says that it was not compared")
}

func TestKeys(t *testing.T) {
	text := `{:process 0 :type :invoke :f :write :value [:x 3]}
{:process 1 :type :invoke :f :cas :value #jepsen.independent.MapEntry{:key :x, :val [3 (4 5)]}}
{:process 0 :type :ok :f :write :value [:x 3]}
{:process 1 :type :ok :f :cas :value [:x [3 [4, 5]]]}
{:process 0 :type :invoke :f :read :value ["y" nil]}
{:process 0 :type :ok :f :read :value ["y" nil]}
`
	h := read(t, text, Options{Model: history.ModelKV})
	require.Equal(t, history.History{Model: history.ModelKV, Operations: []history.Operation{
		{Client: 0, ID: "p0.0", Machine: ":x", Kind: history.KindWrite, Argument: "3", Call: 0, Return: 2, Outcome: history.Committed, Version: history.NoVersion},
		{Client: 1, ID: "p1.1", Machine: ":x", Kind: history.KindCAS, Expected: "3", Argument: "[4 5]", Call: 1, Return: 3, Outcome: history.Committed, Version: history.NoVersion},
		{Client: 0, ID: "p0.4", Machine: `"y"`, Kind: history.KindRead, Call: 4, Return: 5, Outcome: history.Committed, State: "nil", Version: history.NoVersion},
	}}, h)
}

func TestMachines(t *testing.T) {
	text := `{:process 0 :type :invoke :f :propose :value [:a :Running]}
{:process 0 :type :ok :f :propose :value [:a :Running]}
{:process 1 :type :invoke :f :propose :value ["lifecycle/a" "Init"]}
{:process 1 :type :fail :f :propose :value ["lifecycle/a" "Init"] :error :illegal}
{:process 1 :type :invoke :f :read :value [a nil]}
{:process 1 :type :ok :f :read :value [a Running]}
`
	h := read(t, text, Options{Model: history.ModelMachine, Definition: fsm.Lifecycle()})
	require.Equal(t, []fsm.Definition{fsm.Lifecycle()}, h.Definitions)
	require.Equal(t, checker.Result{Status: checker.Linearizable}, checker.Check(t.Context(), h, checker.Options{}))
	require.Equal(t, []string{"lifecycle/a", "lifecycle/a", "lifecycle/a"}, []string{h.Operations[0].Machine, h.Operations[1].Machine, h.Operations[2].Machine})
	require.Equal(t, history.ReasonIllegal, h.Operations[1].Reason)

	_, err := Read(strings.NewReader(strings.Replace(text, ":Running]", ":Walking]", 1)), Options{Model: history.ModelMachine, Definition: fsm.Lifecycle()})
	require.ErrorContains(t, err, "line 1: :value: :Walking is no state of definition lifecycle: it has Init, Running, Stopped")
	_, err = Read(strings.NewReader(strings.Replace(text, "lifecycle/a", "lamp/a", 1)), Options{Model: history.ModelMachine, Definition: fsm.Lifecycle()})
	require.ErrorContains(t, err, "line 3: :value: machine lamp/a is not of definition lifecycle")
}

// The effect of an action of the nemesis lasts until the action that undoes it has ended, or
// as long as its own two events tell if there is none.
func TestEffectsOfTheNemesis(t *testing.T) {
	text := ""
	for i, f := range []string{"kill", "kill", "start-partition", "start-partition", "check-disk", "check-disk", "start", "start", "stop-partition", "stop-partition"} {
		text += fmt.Sprintf("{:process :nemesis :type :info :f :%s :value nil :time %d}\n", f, i)
	}
	r, err := Read(strings.NewReader(text+"{:process 0 :type :invoke :f :read :value nil :time 20}\n"), Options{})
	require.NoError(t, err)
	require.Equal(t, []history.Annotation{
		{Start: 0, End: 7, Text: "nemesis: kill"}, {Start: 2, End: 9, Text: "nemesis: start-partition"}, {Start: 4, End: 5, Text: "nemesis: check-disk"},
		{Start: 6, End: 7, Text: "nemesis: start"}, {Start: 8, End: 9, Text: "nemesis: stop-partition"},
	}, r.History.Annotations)
}

func TestNemesis(t *testing.T) {
	text := `{:process :nemesis :type :info :f :start :value nil :time 5}
{:process 0 :type :invoke :f :read :value nil :time 6}
{:process :nemesis :type :info :f :start :value [:cut "n1"] :time 7}
{:process :nemesis :type :info :f :stop :value nil :time 9}
`
	r, err := Read(strings.NewReader(text), Options{})
	require.NoError(t, err)
	require.Equal(t, []history.Annotation{
		{Start: 5, End: 9, Text: `nemesis: start [:cut "n1"]`}, {Start: 9, End: 9, Text: "nemesis: stop"},
	}, r.History.Annotations)
}

func TestReadRefuses(t *testing.T) {
	invoke := `{:process 0 :type :invoke :f :write :value 1}` + "\n"
	event := func(fields string) string { return "{" + fields + "}\n" }
	for name, c := range map[string]struct {
		text, want string
		model      history.Model
	}{
		"nothing":         {text: "", want: "line 1: the file ends, and there was no operation in it"},
		"no history":      {text: "dear\ndiary\n", want: "line 2: the file ends, and there was no operation in it"},
		"no map":          {text: "#{1}\n", want: "line 1: #{1}: want a map"},
		"no process":      {text: event(":type :ok :f :read"), want: "line 1: :process: missing: add it"},
		"no type":         {text: event(":process 0 :f :read"), want: "line 1: :type: missing: add it"},
		"no function":     {text: event(":process 0 :type :ok"), want: "line 1: :f: missing: add it"},
		"type":            {text: event(":process 0 :f :read :type :done"), want: "line 1: :type: :done is none of :invoke, :ok, :fail and :info"},
		"process":         {text: event(":process -1 :f :read :type :ok"), want: "line 1: :process: -1: want a number from 0, or a keyword"},
		"Latin-1 process": {text: ":\xe8 :ok :x 1\n", want: "line 1: " + errUTF8.Error()},
		"text process":    {text: event(`:process "a" :f :read :type :ok`), want: `line 1: :process: "a": want a number`},
		"time":            {text: event(":process 0 :f :read :type :invoke :time 1.5"), want: "line 1: :time: 1.5: want a whole number"},
		"late":            {text: event(":process 0 :f :read :type :invoke :time 4611686018427387905"), want: "line 1: :time: 4611686018427387905: want a whole number from 0 to 2^62"},
		"index":           {text: event(":process 0 :f :read :type :invoke :index 3") + event(":process 1 :f :read :type :invoke :index 3"), want: "line 2: :index: 3 after 3: sort the history by it"},
		"function":        {text: event(":process 0 :f :append :type :invoke"), want: "line 1: :f: :append is not known to model cas-register: want :write, :cas or :read"},
		"no cas":          {text: event(":process 0 :f :cas :value [1 2] :type :invoke"), model: history.ModelRegister, want: "line 1: :f: :cas is not known to model register: want :write or :read"},
		"cas of what":     {text: event(":process 0 :f :cas :value 1 :type :invoke"), want: "line 1: :value: 1: want [expected new]"},
		"read has value":  {text: event(":process 0 :f :read :value [1 nil] :type :invoke"), want: "line 1: :value: [1 nil]: :read is invoked with nil; if keys come with values, the model is kv"},
		"no key":          {text: invoke, model: history.ModelKV, want: "line 1: :value: 1: model kv wants [key value], or [key nil]"},
		"twice":           {text: invoke + invoke, want: "line 2: :process: 0 still waits for its :write, operation p0.0: it has one operation in flight"},
		"not invoked":     {text: event(":process 0 :f :read :type :ok"), want: "line 1: :process: 0 waits for nothing"},
		"other function":  {text: invoke + event(":process 0 :f :read :type :ok"), want: "line 2: :f: :read, but operation p0.0 of process 0 is :write"},
		"other value":     {text: invoke + event(":process 0 :f :write :value 2 :type :ok"), want: "line 2: :value: 2, but operation p0.0 was invoked with 1: which of them took effect?"},
		"other key": {text: event(":process 0 :type :invoke :f :read :value [1 nil]") + event(":process 0 :type :ok :f :read :value [2 nil]"), model: history.ModelKV,
			want: "line 2: :value: the key is 2, but operation p0.0 was invoked with 1"},
		"text after":    {text: strings.TrimSpace(invoke) + "x\n", want: "line 1: x: want a map"},
		"split":         {text: "{:process\n0}\n", want: "line 1: :type: missing: add it"},
		"open":          {text: "{:process\n" + invoke, want: "line 1: not EDN: delete it, or correct it: ends within a value"},
		"cut map":       {text: invoke + invoke[:20], want: "line 2: does not end in a newline, so the file was cut off"},
		"cut vector":    {text: "[" + invoke, want: "line 2: not EDN: correct it: ends within a value, so it was cut off"},
		"after vector":  {text: "[" + invoke + "]\n1", want: "line 3: has text after the vector: remove it"},
		"cut log":       {text: "0 :invoke :write 12", want: "line 1: does not end in a newline, so the file was cut off"},
		"log":           {text: "0 :invoke\n", want: "line 1: want a function and a value after :invoke"},
		"log, no value": {text: "0 :invoke :read\n", want: "line 1: want a value after :read"},
		"log, bad rest": {text: "0 :ok :read 1 ]\n", want: `line 1: want an error or nothing after the value: ']' closes nothing`},
		"log, longer":   {text: "0 :ok :read 1 :e x\n", want: `line 1: has "x" after the error: remove it`},
		"not UTF-8":     {text: invoke + "{:process \xff}\n", want: "line 2: not UTF-8"},
		"vector not":    {text: "[" + invoke + "\xff]", want: "line 2: not UTF-8"},
		"log not":       {text: "0 :ok :read \xff\n", want: "line 1: not UTF-8"},
		"endless":       {text: strings.Repeat("x", history.MaxLine+1), want: "line 1: longer than 16777216 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(strings.NewReader(c.text), Options{Model: c.model})
			require.ErrorIs(t, err, history.ErrFormat)
			require.ErrorContains(t, err, "malformed history: "+c.want)
		})
	}
}

func TestEveryBadLineIsTold(t *testing.T) {
	_, err := Read(strings.NewReader(register+"{}\n{:a\n"+strings.Repeat("{}\n", 30)), Options{})
	told := strings.Split(err.Error(), "\n")
	require.Len(t, told, 21)
	require.Equal(t, "malformed history: line 8: :process: missing: add it", told[0])
	require.Contains(t, told[1], "line 9: not EDN")
	require.Equal(t, "and perhaps more: these were 20, so the rest was not read", told[20])
}

// endless repeats a text for ever. It fails the test if too much of it is read.
type endless struct {
	t    *testing.T
	text string
	read int
}

func (e *endless) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		n += copy(p[n:], e.text[(e.read+n)%len(e.text):])
	}
	e.read += n
	require.Less(e.t, e.read, 2<<20, "a file of bad lines is read on")
	return n, nil
}

// A file of another kind is not read to its end, in whatever form it is.
func TestBadFilesAreNotReadToTheEnd(t *testing.T) {
	for name, text := range map[string]string{
		"maps":         "{:process 0 :type :invoke}\n",
		"one line":     "{:process 0 :type :invoke}",
		"log":          "0 :invoke :jump nil\n",
		"vector":       "{:process 0 :type :invoke}\n",
		"vector, JSON": `{"process":0},`,
		"JSON":         `{"process":0,"type":"jump"}` + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			var in io.Reader = &endless{t: t, text: text}
			if strings.HasPrefix(name, "vector") {
				in = io.MultiReader(strings.NewReader("["), in)
			}
			if name == "one line" {
				in = strings.NewReader(strings.Repeat(text, 100_000) + "\n")
			}
			_, err := Read(in, Options{})
			require.ErrorIs(t, err, history.ErrFormat)
			require.ErrorContains(t, err, "and perhaps more: these were 20, so the rest was not read")
		})
	}
}

// The fast parser reads what it accepts as the other does, and accepts the usual.
func TestFastParserAgrees(t *testing.T) {
	slow := func(text string, s syntax) (event, error) {
		if s.json {
			if !json.Valid([]byte(text)) {
				return event{}, errors.New("not JSON")
			}
			return parseObject([]byte(text))
		}
		p := parser{in: []byte(text)}
		v, err := p.next()
		if err == nil && (!p.ended() || !utf8.ValidString(text)) {
			err = errors.New("not one map")
		}
		if err != nil {
			return event{}, err
		}
		return parseEvent(v)
	}
	agree := func(t require.TestingT, text string, s syntax) bool {
		fast := fastParser{syntax: s, words: &parser{}}
		var e event
		if !fast.event([]byte(text), &e) {
			return false
		}
		want, err := slow(text, s)
		require.NoError(t, err, text)
		e.process = want.process // which only those of a nemesis have
		require.Equal(t, want, e, text)
		return true
	}
	for _, text := range []string{
		`{:type :invoke, :f :read, :value nil, :process 0, :time 10, :index 0}`, `#jepsen.history.Op{:index 3 :process 12, :type :ok :f :cas :value [1 [2 "x y"]]} `,
		`{:f :txn :process 3 :type :fail :value [[:r :x nil] [:append 5 -7]]}`, "{:process 0\n\t:type :info,:f :w,:value 1.50}",
	} {
		require.True(t, agree(t, text, ednSyntax), text)
	}
	for _, text := range []string{
		`{"type":"invoke","f":"read","value":null,"process":0,"time":10,"index":0}`, ` {"process" : 7 , "type" : "ok" , "f" : "cas" , "value" : [ 1 , ["k", -2, true] ] } `,
	} {
		require.True(t, agree(t, text, jsonSyntax), text)
	}
	parts := []string{
		"{", "}", "[", "]", ":type", ":f", ":process", ":value", ":time", ":index", ":key", ":invoke", ":ok", ":read", " ", ",", "\n", "0", "7", "-3", "007", "1.0", "0x10",
		`"a b"`, `"\""`, "#", "#_", "#a.B", "#{", "nil", "null", "true", ";", "\\a", "\x01", "\xff", "é", `"type":`, `"invoke"`, `"f":`, `"read"`, `"process":`, `"value":`, ":", "a",
	}
	bases := []string{"{:type :invoke :f :read :process 0 :value [1 2]}", `{"type":"invoke","f":"read","process":0,"value":[1,2]}`}
	rapid.Check(t, func(t *rapid.T) {
		which := rapid.IntRange(0, 1).Draw(t, "form")
		text := bases[which]
		for range rapid.IntRange(0, 3).Draw(t, "changes") {
			at := rapid.IntRange(0, len(text)).Draw(t, "at")
			cut := rapid.IntRange(0, min(3, len(text)-at)).Draw(t, "cut")
			text = text[:at] + rapid.SampledFrom(parts).Draw(t, "part") + text[at+cut:]
		}
		agree(t, text, syntax{json: which == 1})
	})
}

// What is read does not depend on the pieces in which it comes.
func TestPiecesOfFiles(t *testing.T) {
	for _, text := range []string{
		register, "[" + strings.ReplaceAll(register, ", ", ", ; so\n  ") + "] ; end\n", "[" + register + "] 1",
		`[{"process":0,"type":"invoke","f":"write","value":1}, {"process":0,"type":"ok","f":"write","value":1}]`,
		`{"process":0,"type":"invoke","f":"write","value":{"a":"é"}} {"process":0,"type":"ok","f":"write","value":{"a":"é"}}`, `[{"process":0} {}]`, `[{}`, "",
	} {
		whole, err := Read(strings.NewReader(text), Options{})
		pieces, same := Read(iotest.OneByteReader(strings.NewReader(text)), Options{})
		require.Equal(t, err, same, text)
		require.Equal(t, whole, pieces, text)
		if err != nil {
			continue
		}
		_, err = Read(io.MultiReader(strings.NewReader(text), iotest.ErrReader(errors.New("disk gone"))), Options{})
		require.ErrorContains(t, err, "disk gone")
		require.NotErrorIs(t, err, history.ErrFormat)
	}
}

// A completion of a bad invocation is not another error.
func TestCompletionOfBadInvocation(t *testing.T) {
	_, err := Read(strings.NewReader("0 :invoke :append 1\n0 :ok :append 1\n0 :ok :append 1\n"), Options{})
	require.Equal(t, []string{
		"malformed history: line 1: :f: :append is not known to model cas-register: want :write, :cas or :read; it is known to model kv, append-list",
		"line 3: :process: 0 waits for nothing: every completion has an :invoke before it",
	}, strings.Split(err.Error(), "\n"))
}

// A process may come back after :info, though it does not in Jepsen.
func TestProcessComesBack(t *testing.T) {
	h := read(t, "0 :invoke :write 1\n0 :info :write 1\n0 :invoke :write 2\n0 :ok :write 2\n", Options{Model: history.ModelRegister})
	require.Equal(t, history.Unknown, h.Operations[0].Outcome)
	require.Equal(t, history.Committed, h.Operations[1].Outcome)
	require.NoError(t, history.Write(io.Discard, h))
}

func TestOptions(t *testing.T) {
	for _, o := range []Options{{Model: "stack"}, {Independent: true}, {Model: history.ModelRegister, Independent: true}, {Model: history.ModelMachine}} {
		_, err := Read(strings.NewReader(register), o)
		require.Error(t, err)
		require.NotErrorIs(t, err, history.ErrFormat)
	}
}

type brokenDisk struct{ error }

func (d brokenDisk) Read([]byte) (int, error) { return 0, d.error }

func TestErrorsOfTheDisk(t *testing.T) {
	broken := brokenDisk{errors.New("disk on fire")}
	for _, text := range []string{"", register, register[:20], "[" + register} {
		_, err := Read(io.MultiReader(strings.NewReader(text), broken), Options{})
		require.ErrorIs(t, err, broken.error)
		require.NotErrorIs(t, err, history.ErrFormat)
	}
}

// Every history that is accepted can be written to a file.
func FuzzRead(f *testing.F) {
	f.Add(register, uint8(2))
	f.Add("["+register+"]", uint8(16+2))
	f.Add("x 0 :invoke :cas [1 2]\n0 :fail :cas :timed-out\n:nemesis :info :start nil\n", uint8(2))
	f.Add("{:process 1 :type :invoke :f :write :value [1 2]}", uint8(3))
	f.Add("{:process 1 :type :invoke :f :propose :value [a Running]}", uint8(0))
	f.Add("0 :invoke :txn [[:append :x [1 2]]]\n0 :ok :txn [[:append :x [1 2]]]\n0 :invoke :txn [[:r :x nil]]\n0 :ok :txn [[:r :x [[1 2]]]]\n", uint8(8))
	f.Add("0 :invoke :dequeue nil\n0 :fail :dequeue nil :empty\n", uint8(6))
	f.Add("0 :invoke :contains \"a b\"\n0 :ok :contains [\"a b\" true]\n1 :invoke :read nil\n1 :ok :read #{1}\n", uint8(7))
	f.Add("INFO\n{:a\n 1}\n0 :invoke :txn [[:r 1 nil] [:w 1 0x1]]\n0 :ok :txn [[:r 1 2/4] [:w 1 1]]\n", uint8(9))
	f.Add(`[{"process":0,"type":"invoke","f":"write","value":{"a":[1.50,null]}}]`, uint8(1))
	f.Add(":\xe8 :ok x1]:\n", uint8(5))
	f.Add("0 :invoke :inc nil\n0 :ok :inc 1\n0 :invoke :acquire [1 2]\n0 :fail :acquire [1 2]\n", uint8(5+32))
	models := history.Grammars()
	f.Fuzz(func(t *testing.T, text string, which uint8) {
		g := models[int(which&15)%len(models)]
		o := Options{Model: g.Name, Definition: fsm.Lifecycle(), FailedIllegal: which&16 != 0, Independent: which&32 != 0 && !g.Single, NilReads: which&64 != 0}
		if g.Given {
			o.Initial = "{0 10, 1 10}"
		}
		r, err := Read(strings.NewReader(text), o)
		if err != nil {
			require.ErrorIs(t, err, history.ErrFormat)
			return
		}
		h := r.History
		var kept bytes.Buffer
		require.NoError(t, history.Write(&kept, h))
		again, err := history.Read(&kept)
		require.NoError(t, err)
		require.Equal(t, h, again)
	})
}

func BenchmarkRead(b *testing.B) {
	var text bytes.Buffer
	const operations = 100_000
	for i := range operations {
		p := i % 10
		if i >= 10 {
			fmt.Fprintf(&text, "{:type :ok, :f :write, :value %d, :process %d, :time %d, :index %d}\n", (i-10)%7, p, 2000*i, 2*i)
		}
		fmt.Fprintf(&text, "{:type :invoke, :f :write, :value %d, :process %d, :time %d, :index %d}\n", i%7, p, 2000*i+1000, 2*i+1)
	}
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for range b.N {
		r, err := Read(bytes.NewReader(text.Bytes()), Options{})
		if err != nil || len(r.History.Operations) != operations {
			b.Fatal(err)
		}
	}
	b.ReportMetric(operations*float64(b.N)/b.Elapsed().Seconds(), "operations/s")
}
