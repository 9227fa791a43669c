package jepsen

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/checker"
	"github.com/lockstep-dst/lockstep/checker/history"
)

// ok returns an operation with its response, as maps.
func ok(process int, f, value string) string {
	return strings.NewReplacer("P", fmt.Sprint(process), "F", f, "V", value).Replace("{:process P, :type :invoke, :f :F, :value V}\n{:process P, :type :ok, :f :F, :value V}\n")
}

// read returns a read that finds a value.
func readOf(process int, value string) string {
	return fmt.Sprintf("{:process %d, :type :invoke, :f :read, :value nil}\n{:process %d, :type :ok, :f :read, :value %s}\n", process, process, value)
}

// judged describes a history and its verdict.
func judged(t *testing.T, text string, o Options) string {
	t.Helper()
	r, err := Read(strings.NewReader(text), o)
	require.NoError(t, err)
	return fmt.Sprintf("%s, %d operations, %d skipped", checker.Check(t.Context(), r.History, checker.Options{}).Status, len(r.History.Operations), r.Skipped)
}

// Files of many tools, with the verdicts that they have.
func TestForeignFiles(t *testing.T) {
	const mark = "\ufeff"
	for name, c := range map[string]struct {
		text string
		o    Options
		want string
	}{
		"byte order mark":    {mark + ok(0, "write", "3"), Options{}, "linearizable, 1 operations, 0 skipped"},
		"mark and vector":    {mark + "[" + ok(0, "write", "3") + "]", Options{}, "linearizable, 1 operations, 0 skipped"},
		"commas":             {ok(0, "write", "1") + strings.ReplaceAll(readOf(0, "7"), "{", " ,,{"), Options{}, "violated, 2 operations, 0 skipped"},
		"several on a line":  {strings.ReplaceAll(ok(0, "write", "1")+readOf(0, "7"), "\n", " ") + "\n", Options{}, "violated, 2 operations, 0 skipped"},
		"over several lines": {strings.ReplaceAll(ok(0, "write", "1")+readOf(0, "7"), ", ", ",\n  "), Options{}, "violated, 2 operations, 0 skipped"},
		"no indentation":     {strings.ReplaceAll(ok(0, "write", "1")+readOf(0, "7"), ", ", "\n"), Options{}, "violated, 2 operations, 0 skipped"},
		"records":            {strings.ReplaceAll(ok(0, "write", "1"), "{:process", "#jepsen.history.Op{:index -1\n :process"), Options{}, "linearizable, 1 operations, 0 skipped"},
		"string of lines":    {ok(0, "write", "\"a\n{:process 0\"") + readOf(1, "\"a\n{:process 0\""), Options{}, "linearizable, 2 operations, 0 skipped"},
		"no time":            {strings.ReplaceAll(ok(0, "write", "1"), ", :f", ", :time -1, :index -1, :f"), Options{}, "linearizable, 1 operations, 0 skipped"},
		"value before":       {ok(0, "write", "7") + ok(1, "read", "7"), Options{}, "linearizable, 2 operations, 0 skipped"},
		"sleep and log":      {ok(0, "write", "7") + "{:type :sleep, :value 10}\n{:process 1, :type :log, :f :log, :value \"hi\"}\n", Options{}, "linearizable, 1 operations, 2 skipped"},
		"equal numbers":      {ok(0, "write", "1.0") + readOf(0, "1.00") + ok(0, "write", "0x10") + readOf(0, "16") + ok(0, "write", "2/4") + readOf(0, "1/2"), Options{}, "linearizable, 6 operations, 0 skipped"},
		"1 is not 1.0":       {ok(0, "write", "1") + readOf(0, "1.0"), Options{}, "violated, 2 operations, 0 skipped"},
		"initial value":      {readOf(0, "31"), Options{Initial: "0x1f"}, "linearizable, 1 operations, 0 skipped"},
		"no initial value":   {readOf(0, "31"), Options{}, "violated, 1 operations, 0 skipped"},
		"nil is a claim":     {ok(0, "write", "1") + readOf(0, "nil"), Options{}, "violated, 2 operations, 0 skipped"},
		"nil is no claim":    {ok(0, "write", "1") + readOf(0, "nil"), Options{NilReads: true}, "linearizable, 2 operations, 0 skipped"},
		"keys apart": {strings.ReplaceAll(ok(3, "put", `"x-"`)+ok(4, "append", `"y"`)+ok(5, "get", `"x-y"`), ":value", `:key :q, :value`),
			Options{Model: history.ModelKV}, "linearizable, 3 operations, 0 skipped"},
		"string that escapes": {strings.ReplaceAll(ok(0, "put", `"\""`)+ok(1, "append", `"\n"`)+ok(2, "get", `"\"\n"`), ":value", `:key "k", :value`),
			Options{Model: history.ModelKV}, "linearizable, 3 operations, 0 skipped"},
		"append to the first": {strings.ReplaceAll(ok(1, "append", `"b"`)+ok(2, "get", `"b"`), ":value", `:key "k", :value`),
			Options{Model: history.ModelKV, Initial: `""`}, "linearizable, 2 operations, 0 skipped"},
		"locks apart": {strings.ReplaceAll(ok(0, "acquire", "nil")+ok(1, "acquire", "nil"), "0, :type", "0, :key 1, :type"),
			Options{Model: history.ModelLock}, "linearizable, 2 operations, 0 skipped"},

		"error in words": {"4 :invoke :write 9\n4 :info :write 9 lost: no answer (after 5 tries), gave up\n6 :invoke :read nil\n6 :ok :read 9\n",
			Options{}, "linearizable, 2 operations, 0 skipped"},
		"nemesis in words": {"3 :invoke :write 8\n3 :ok :write 8\n:nemesis :info :split #<Failure: no such node: n9>\n", Options{}, "linearizable, 1 operations, 0 skipped"},
		"log of a test": {`2024-03-09 10:11:12{UTC} INFO [jepsen test runner] jepsen.core: Running test:
{:remote
 #some.Remote{:conn #<Object a b>}
 :nodes ["n1" "n2"]}
2024-03-09 10:11:21{UTC} INFO [jepsen worker nemesis] some.nemesis: these are over:
[{:type :info,
  :f :join,
  :process :nemesis}
 {:type :info,
  :f :join,
  :process :nemesis}]

2024-03-09 10:11:22{UTC} INFO [jepsen worker 2] jepsen.util: [ 17 ] 2	:invoke	:write	5
2024-03-09 10:11:22{UTC} INFO [jepsen worker 2] jepsen.util: [ 18 ] 2	:ok	:write	5
2024-03-09 10:11:24{UTC} INFO [jepsen test runner] jepsen.core: {:valid? false,
 :previous-ok
 {:process 2, :type :ok, :f :read, :value 3},
 :op {:process 2, :type :ok, :f :read, :value 3}}
2024-03-09 10:11:25{UTC} INFO [jepsen test runner] jepsen.core: {
  2	:invoke	:read	5
`, Options{}, "linearizable, 2 operations, 16 skipped"},

		"marks between":        {mark + ok(0, "write", "1") + mark + readOf(0, "7"), Options{}, "violated, 2 operations, 0 skipped"},
		"discarded map":        {ok(0, "write", "1") + "#_{:process 1, :type :ok, :f :read, :value 7}\n" + readOf(0, "1"), Options{}, "linearizable, 2 operations, 0 skipped"},
		"open string":          {"INFO\n0 :invoke :write 1\n0 :ok :write 1\n{\"oops\n1 :invoke :read nil\n1 :ok :read 7\n", Options{}, "violated, 2 operations, 2 skipped"},
		"open string in words": {"INFO\n0 :invoke :write 1\n0 :ok :write 1\n# it's 5\" wide\nINFO 1 :invoke :read nil\nINFO 1 :ok :read 7\n", Options{}, "violated, 2 operations, 2 skipped"},
		"open bracket":         {"INFO\n0 :invoke :write 1\n0 :ok :write 1\n#<Foo (\n 1 :invoke :read nil\n 1 :ok :read 7\n", Options{}, "violated, 2 operations, 2 skipped"},
		"results in a log":     {"INFO\n0 :invoke :write 1\n0 :ok :write 1\nINFO results {:valid? #<Foo>,\n :op {:process 2, :type :ok, :f :read, :value 3}}\n", Options{}, "linearizable, 1 operations, 3 skipped"},
		"own keys":             {strings.ReplaceAll(ok(0, "write", "1"), "}", "\n  :status :ok,\n  :in {:process 3, :type :ok}}"), Options{}, "linearizable, 1 operations, 0 skipped"},
		"equal characters":     {ok(0, "write", `\a`) + readOf(0, `\u0061`) + ok(0, "write", `\newline`) + readOf(0, `\u000a`) + ok(0, "write", `\space`) + readOf(0, `\u0020`), Options{}, "linearizable, 6 operations, 0 skipped"},
		"characters apart":     {ok(0, "write", `\a`) + readOf(0, `\b`), Options{}, "violated, 2 operations, 0 skipped"},
		"JSON process in text": {`{"process":"0","type":"invoke","f":"read","value":null}{"process":"0","type":"ok","f":"read","value":7}`, Options{}, "violated, 1 operations, 0 skipped"},

		"JSON": {`{"process":0,"type":"invoke","f":"write","value":1,"index":0,"time":1}` + "\n" + `{"process":0,"type":"ok","f":"write","value":1.0}` + "\n",
			Options{}, ""},
		"JSON array": {`[{"process":0,"type":"invoke","f":"write","value":[1,"a"]},` + "\n" + `{"process":0,"type":"ok","f":"write","value":[1,"a"]},
			{"process":"nemesis","type":"info","f":"start","value":null}]`, Options{}, "linearizable, 1 operations, 0 skipped"},
		"JSON with keys": {`{"process":0,"type":"invoke","f":"cas","value":["k",[null,2]]}` + "\n" + `{"process":0,"type":"ok","f":"cas","value":["k",[null,2]]}`,
			Options{Model: history.ModelKV}, "linearizable, 1 operations, 0 skipped"},
		"JSON without a reason": {`{"process":0,"type":"invoke","f":"dequeue","value":null}` + "\n" + `{"process":0,"type":"fail","f":"dequeue","value":null,"error":"empty"}`,
			Options{Model: history.ModelQueue}, "linearizable, 1 operations, 0 skipped"},

		"transactions": {ok(0, "txn", "[[:write :x 1] [:read :x 1] [:w :y 2]]") + ok(1, "txn", "[[:r :x 1] [:r :y 2] [:r :z 0]]"),
			Options{Model: history.ModelMultiRegister, Initial: "{:z 0}"}, "linearizable, 2 operations, 0 skipped"},
		"half a transaction": {ok(0, "txn", "[[:write :x 1] [:write :y 2]]") + ok(1, "txn", "[[:read :x 1] [:read :y nil]]"),
			Options{Model: history.ModelMultiRegister}, "violated, 2 operations, 0 skipped"},
		"nil of a transaction": {ok(0, "txn", "[[:write :x 1] [:write :y 2]]") + ok(1, "txn", "[[:read :x 1] [:read :y nil]]"),
			Options{Model: history.ModelMultiRegister, NilReads: true}, "linearizable, 2 operations, 0 skipped"},
		"bank": {ok(0, "transfer", "{:from 0, :to 1, :amount 5}") + readOf(1, "{1 15, 0 5}"),
			Options{Model: history.ModelBank, Initial: "{0 10 1 10}"}, "linearizable, 2 operations, 0 skipped"},
		"money lost": {ok(0, "transfer", "{:from 0, :to 1, :amount 5}") + readOf(1, "{0 5, 1 10}"),
			Options{Model: history.ModelBank, Initial: "{0 10 1 10}"}, "violated, 2 operations, 0 skipped"},
		"bank of JSON": {`{"process":0,"type":"invoke","f":"transfer","value":{"from":"a","to":0,"amount":5}}` + "\n" + `{"process":0,"type":"ok","f":"transfer","value":{"from":"a","to":0,"amount":5}}` + "\n" +
			`{"process":0,"type":"invoke","f":"read","value":null}` + "\n" + `{"process":0,"type":"ok","f":"read","value":{"0":55,"a":45}}`,
			Options{Model: history.ModelBank, Initial: "{a 50 0 50}"}, "linearizable, 2 operations, 0 skipped"},
		"registers of JSON": {`{"process":0,"type":"invoke","f":"txn","value":[["r","x",null],["r",1,null]]}` + "\n" + `{"process":0,"type":"ok","f":"txn","value":[["r","x",7],["r",1,8]]}`,
			Options{Model: history.ModelMultiRegister, Initial: `{:x 7 "1" 8}`}, "linearizable, 1 operations, 0 skipped"},
		"other kinds of keys": {ok(0, "append", `[1 "x"]`) + ok(0, "write", "[2 5]") + ok(0, "write", "[1 nil]"), Options{Model: history.ModelKV}, "linearizable, 3 operations, 0 skipped"},
		"overdrawn": {ok(0, "transfer", "{:from 0, :to 1, :amount 11}"),
			Options{Model: history.ModelBank, Initial: "{0 10 1 10}"}, "violated, 1 operations, 0 skipped"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.want == "" {
				_, err := Read(strings.NewReader(c.text), c.o)
				require.ErrorContains(t, err, "line 2: :value: 1.0, but operation p0.0 was invoked with 1")
				return
			}
			require.Equal(t, c.want, judged(t, c.text, c.o))
		})
	}
}

// A line that looks like an operation is never skipped, and no operation is
// judged by a model that does not fit.
func TestForeignFilesRefused(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		o    Options
		want string
	}{
		"key twice":          {"{:process 2, :f :write, :type :invoke, :value 4, :f :read}\n", Options{}, "line 1: not EDN: delete it, or correct it: :f is there twice: remove one"},
		"element twice":      {ok(0, "write", "#{1 01}"), Options{}, "line 1: not EDN: delete it, or correct it: 1 is there twice"},
		"negative process":   {"0 :invoke :read nil\n-1 :ok :read 7\n", Options{}, `line 2: looks like an operation, but "-1" is no process`},
		"process in words":   {"0 :invoke :read nil\nINFO worker: zero :ok :read 7\n", Options{}, `line 2: looks like an operation, but "zero" is no process`},
		"no process":         {":ok :read 7\n", Options{}, `line 1: looks like an operation, but "" is no process`},
		"vector among lines": {"INFO\n [{:process 0, :type :ok, :f :read, :value 7}]\n", Options{}, "line 2: looks like a vector of events among other lines"},
		"damaged vector":     {"INFO\n [{:a}]\n", Options{}, "line 2: looks like a vector of events among other lines"},
		"damaged in a log":   {"INFO\n{:process 0, :type :ok :f}\n", Options{}, "line 2: not EDN"},
		"cut in a log":       {"INFO\n{:process 0, :type :ok, :f\n0 :invoke :read nil\n", Options{}, "line 2: not EDN"},
		"other value":        {"0 :invoke :read 7\n0 :ok :read 8\n", Options{}, "line 2: :value: 8, but operation p0.0 was invoked with 7: a :read is invoked with nil, or with its result"},
		"words after :ok":    {"0 :invoke :read 7\n0 :ok :read 7 or so\n", Options{}, `line 2: has "so" after the error`},
		"key of a register":  {"{:process 0, :type :invoke, :f :read, :key 1}\n", Options{}, "line 1: :key: 1: model cas-register is one object; for registers with keys the model is kv"},
		"key of a bank":      {"{:process 0, :type :invoke, :f :read, :key x}\n", Options{Model: history.ModelBank, Initial: "{0 1}"}, "line 1: :key: x: model bank is one object; for registers with keys the model is kv"},
		"key of registers":   {"{:process 0, :type :invoke, :f :txn, :key x, :value [[:r :x nil]]}\n", Options{Model: history.ModelMultiRegister}, "line 1: :key: x: model multi-register is one object"},
		"key missing":        {"{:process 0, :type :invoke, :f :acquire, :key a}\n0 :ok :acquire nil\n", Options{Model: history.ModelLock}, "line 2: :key: missing: operation p0.0 was invoked with a, so its response has it, too"},
		"key added":          {"0 :invoke :acquire nil\n{:process 0, :type :ok, :f :acquire, :key a}\n", Options{Model: history.ModelLock}, "line 2: :key: a, but operation p0.0 was invoked without a key"},
		"append to initial":  {"0 :invoke :append [:k \"x\"]\n", Options{Model: history.ModelKV, Initial: "5"}, "line 1: :value: operation p0.0 appends a string to key :k, and the initial value gives it a value that is none: give it strings only"},
		"empty dequeue":      {"0 :invoke :dequeue nil\n0 :ok :dequeue nil\n", Options{Model: history.ModelQueue}, "line 2: :value: nil: operation p0.0 took nothing"},
		"append to a number": {"0 :invoke :append [:k 1]\n", Options{Model: history.ModelKV}, "line 1: :value: 1: model kv appends strings to strings; for lists the model is append-list"},
		"other model":        {"0 :invoke :acquire nil\n", Options{}, "it is known to model lock"},
		"transaction":        {"0 :invoke :txn [[:r 1 nil]]\n", Options{}, "it is a transaction: Elle"},
		"lists":              {"0 :invoke :txn [[:append :x 1]]\n", Options{Model: history.ModelMultiRegister}, "line 1: :value: [:append :x 1]: a list of a transaction: Elle"},
		"no transaction":     {"0 :invoke :txn [[:r :x]]\n", Options{Model: history.ModelMultiRegister}, "line 1: :value: [:r :x]: want reads and writes"},
		"no vector":          {"0 :invoke :txn 1\n", Options{Model: history.ModelMultiRegister}, "line 1: :value: 1: want reads and writes"},
		"micro-operation":    {"0 :invoke :txn [[:x :x 1]]\n", Options{Model: history.ModelMultiRegister}, "line 1: :value: [:x :x 1]: want reads and writes"},
		"other transaction": {"0 :invoke :txn [[:w :x 1]]\n0 :ok :txn [[:w :x 2]]\n", Options{Model: history.ModelMultiRegister},
			"line 2: :value: [[:w :x 2]], but operation p0.0 was invoked with [[w :x 1]]"},
		"transfer in a list":    {"0 :invoke :transfer [1 2 3]\n", Options{Model: history.ModelBank, Initial: "{0 1}"}, "line 1: :value: [1 2 3]: want {:from 0"},
		"no transfer":           {"0 :invoke :transfer 5\n", Options{Model: history.ModelBank, Initial: "{0 1}"}, "line 1: :value: 5: want {:from 0, :to 1, :amount 5}"},
		"unknown account":       {"0 :invoke :transfer {:from 0, :to 1, :amount 5}\n", Options{Model: history.ModelBank, Initial: "{0 1}"}, `line 1: :value: "[0 1 5]": account 1 is not in the initial state`},
		"no amount":             {"0 :invoke :transfer {:from 0, :to 0, :amount 0}\n", Options{Model: history.ModelBank, Initial: "{0 1}"}, "line 1: :value: "},
		"JSON twice":            {`{"process":0,"type":"ok","f":"read","type":"info"}`, Options{}, "line 1: :type is there twice"},
		"JSON cut":              {"{\"process\":0,\"type\":\"invoke\",\"f\":\"read\"}\n{\"process\"", Options{}, "line 2: not JSON: correct it"},
		"JSON array cut":        {`[{"process":0,"type":"invoke","f":"read"}`, Options{}, "line 1: the array does not end"},
		"JSON and more":         {"[{\"process\":0,\"type\":\"invoke\",\"f\":\"read\"}]\n1", Options{}, "line 2: has text after the events"},
		"JSON number":           {"{\"process\":0,\"type\":\"invoke\",\"f\":\"read\"}\n1", Options{}, "line 2: want an object"},
		"JSON not UTF-8":        {"{\"process\":0}\n\xff", Options{}, "line 2: not UTF-8"},
		"JSON of another":       {`{"format":"lockstep-history"}`, Options{}, "line 1: :process: missing: add it"},
		"JSON half a character": {`{"process":0,"type":"invoke","f":"write","value":"\ud800"}`, Options{}, "line 1: has half of a character"},
		"JSON client in words":  {`{"process":"c0","type":"invoke","f":"write","value":1}`, Options{}, "line 1: :process: :c0: want a number from 0"},
		"JSON of many values":   {`{"process":0,"type":"invoke","f":"write","value":[` + strings.Repeat("[],", 1<<20) + `[]]}`, Options{}, "line 1: has more than 1048576 values within it"},
		"many values":           {"{:process 0, :type :invoke, :f :write, :value [" + strings.Repeat("[]", 1<<20) + "]}\n", Options{}, "line 1: not EDN: delete it, or correct it: has more than 1048576 values within it"},
		"JSON in a log":         {"INFO\n" + `{"process":1,"type":"ok","f":"read","value":7}` + "\n", Options{}, "line 2: is an object of JSON among lines of another form"},
		"maps after text":       {"INFO\n0 :invoke :read nil\nINFO the rest {\n  {:process 1, :type :ok, :f :read, :value 7}\n", Options{}, "line 4: looks like an operation within other text"},
		"map behind text":       {"INFO\nINFO op {:process 1, :type :ok, :f :read, :value 7}\n", Options{}, "line 2: looks like an operation within other text"},
		"map of lines behind":   {"INFO\nINFO {UTC} it's {:process 1,\n :type :ok, :f :read, :value 7}\n", Options{}, "line 2: looks like an operation within other text"},
		"JSON behind text":      {"INFO\nINFO op {\"process\": 1, \"type\": \"ok\"}\n", Options{}, "line 2: looks like an operation within other text"},
		"no brace":              {ok(0, "write", "1") + ":process 1, :type :ok, :f :read, :value {:a 7}}\n", Options{}, "line 3: looks like an operation within other text"},
		"zeros before":          {ok(0, "write", "1") + "\x00\x00{:process 1, :type :ok, :f :read, :value 7}\n", Options{}, "line 3: looks like an operation within other text"},
		"type in capitals":      {"0 :invoke :read nil\n0 :OK :read 7\n", Options{}, "line 2: looks like an operation, but :OK is no type: want :ok"},
		"no process in a log":   {"INFO\n{:type :ok :f :read :value [1 2}\n", Options{}, "line 2: not EDN"},
		"large index":           {"{:process 0, :type :invoke, :f :read, :index 9223372036854775807}\n", Options{}, "line 1: :index: 9223372036854775807: want a whole number from 0 to 2^62"},
		"client in words":       {"{:process :c0, :type :invoke, :f :read}\n", Options{}, "line 1: :process: :c0: want a number from 0: other processes"},
		"empty vector":          {"[ ]", Options{}, "line 1: the file ends, and there was no operation in it"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(strings.NewReader(c.text), c.o)
			require.ErrorIs(t, err, history.ErrFormat)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestInitialRefused(t *testing.T) {
	for initial, m := range map[string]history.Model{"{a 1.5}": history.ModelBank, "x": history.ModelCounter, "1 2": "", "(": "", "{a": history.ModelBank, "": history.ModelBank, "1": history.ModelLock, "[1 2]": history.ModelMultiRegister} {
		_, err := Read(strings.NewReader(ok(0, "write", "1")), Options{Model: m, Initial: initial})
		require.ErrorContains(t, err, "initial")
	}
}

// Numbers that Clojure's = calls equal have one form.
func TestNumbers(t *testing.T) {
	for want, words := range map[string][]string{
		"16": {"0x10", "0X10", "16N", "+16", "020", "2r10000", "36rG", "32/2"}, "-16": {"-0x10", "-020", "-16r10"}, "1/2": {"2/4", "+1/2", "3/6"}, "0": {"-0", "00", "0/7", "-0x0"},
		"1.0": {"1.", "1.00", "1e0", "0.1E1", "+1.0", "10e-1"}, "-0.5": {"-0.50", "-5e-1"}, "0.0": {"-0.0", "0e9", "0."}, "1500.0": {"1.5e3", "1500.000"},
		"1.0M": {"1M", "1.00M", "1e0M"}, "1.0E30": {"1e30", "10e29"}, "1.25E-40": {"12.5e-41"},
		"08": {"08"}, "1/0": {"1/0"}, "0xg": {"0xg"}, "37r1": {"37r1"}, "1_0": {"1_0"}, "1e": {"1e"}, "1e9999999999": {"1e9999999999"}, "1:2": {"1:2"}, "0x": {"0x"}, "0x-1": {"0x-1"},
	} {
		for _, word := range append(words, want) {
			require.Equal(t, want, number(word), word)
		}
	}
	long := strings.Repeat("1", maxConverted)
	require.Equal(t, "0x"+long, number("0x"+long))
}
