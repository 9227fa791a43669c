package jepsen

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/checker"
	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/sim/golden"
)

// Each history in testdata has a file with its operations as history.Write has
// them, and the verdict. The name of a file begins with that of its model.
func TestModels(t *testing.T) {
	files, err := filepath.Glob("testdata/*.edn")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".edn")
		t.Run(name, func(t *testing.T) {
			o := Options{Independent: strings.HasSuffix(name, "-independent")}
			for _, g := range history.Grammars() {
				if strings.HasPrefix(name, string(g.Name)) {
					o.Model = g.Name
				}
			}
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			h := read(t, string(text), o)
			var got bytes.Buffer
			require.NoError(t, history.Write(&got, h))
			r := checker.Check(t.Context(), h, checker.Options{})
			got.WriteString(strings.TrimSpace(string(r.Status)+" "+r.Explanation) + "\n")
			golden.Equal(t, strings.TrimSuffix(file, ".edn")+".golden", got.String())
		})
	}
}

func TestReadRefusesForModel(t *testing.T) {
	for name, c := range map[string]struct {
		model      history.Model
		text, want string
	}{
		"nil of a counter": {history.ModelCounter, "0 :invoke :read nil\n0 :ok :read nil\n", `line 2: :value: "nil": want the number: a whole number of at most 64 bits; if a read of nil claims nothing: --nil-read any`},
		"key of a transaction": {history.ModelAppendList, "{:process 0, :type :invoke, :f :txn, :key a, :value [[:append 1 5]]}\n",
			"line 1: :key: a: the key of a transaction is in its operation: remove this one"},
		"key of a lock":      {history.ModelLock, "0 :invoke :acquire [a nil]\n", "line 1: :value: [a nil]: the value of :acquire means nothing; if keys come with values, --independent is needed"},
		"number, then text":  {history.ModelKV, "0 :invoke :write [:k 5]\n1 :invoke :append [:k \"x\"]\n", "line 2: :value: operation p1.1 appends a string to key :k, and operation p0.0 gives it a value that is none"},
		"text, then number":  {history.ModelKV, "0 :invoke :append [:k \"x\"]\n1 :invoke :cas [:k [nil 5]]\n", "line 2: :value: operation p0.0 appends a string to key :k, and operation p1.1 gives it"},
		"function":           {history.ModelLock, "0 :invoke :read nil\n", "line 1: :f: :read is not known to model lock: want :acquire or :release"},
		"functions of a set": {history.ModelSet, "0 :invoke :append 1\n", "line 1: :f: :append is not known to model set: want :add, :remove, :contains or :read"},
		"no number":          {history.ModelCounter, "0 :invoke :add x\n", `line 1: :value: "x": want the number added: a whole number of at most 64 bits`},
		"large number":       {history.ModelCounter, "0 :invoke :add 9223372036854775808\n", `line 1: :value: "9223372036854775808": want the number added`},
		"no list":            {history.ModelSet, "0 :invoke :read nil\n0 :ok :read 1\n", `line 2: :value: "1": want the elements, in any order: items in brackets`},
		"element":            {history.ModelSet, "0 :invoke :add #inst \"2026\"\n", `line 1: :value: "#inst \"2026\"": want the element: one word`},
		"enqueue nothing":    {history.ModelQueue, "0 :invoke :enqueue nil\n0 :ok :enqueue 1\n", "line 2: :value: 1, but operation p0.0 was invoked with nil"},
		"dequeue of what":    {history.ModelQueue, "0 :invoke :dequeue 1\n0 :ok :dequeue 2\n", "line 2: :value: 2, but operation p0.0 was invoked with 1"},
		"contains":           {history.ModelSet, "0 :invoke :contains 1\n0 :ok :contains true\n", "line 2: :value: true: want the element and whether the set has it, as in [1 true]"},
		"contains another":   {history.ModelSet, "0 :invoke :contains 1\n0 :ok :contains [2 true]\n", "line 2: :value: [2 true]: want the element"},
		"contains maybe":     {history.ModelSet, "0 :invoke :contains 1\n0 :ok :contains [1 maybe]\n", `line 2: :value: "maybe": want whether the set has it: true or false`},
		"large transaction":  {history.ModelAppendList, "0 :invoke :txn [[:r :x nil] [:r :y nil]]\n", "line 1: :value: [[:r :x nil] [:r :y nil]]: want a transaction of one operation"},
		"other transaction":  {history.ModelAppendList, "0 :invoke :txn [[:w :x 1]]\n", "line 1: :f: :w is not known to model append-list: want :append or :r"},
		"unknown to a key":   {history.ModelKV, "0 :invoke :add [:x 1]\n", "line 1: :f: :add is not known to model kv: want :write, :cas, :append, :delete or :read; it is known to model counter, set"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(strings.NewReader(c.text), Options{Model: c.model})
			require.ErrorIs(t, err, history.ErrFormat)
			require.ErrorContains(t, err, "malformed history: "+c.want)
		})
	}
}

// With FailedIllegal every :fail that can be a claim is one, unless it has an
// error.
func TestFailedIllegal(t *testing.T) {
	text := "0 :invoke :acquire nil\n0 :fail :acquire nil\n0 :invoke :acquire nil\n0 :fail :acquire nil :timeout\n"
	reasons := func(o Options) (reasons []string) {
		for _, op := range read(t, text, o).Operations {
			reasons = append(reasons, op.Reason)
		}
		return reasons
	}
	require.Equal(t, []string{"fail", "timeout"}, reasons(Options{Model: history.ModelLock}))
	require.Equal(t, []string{history.ReasonIllegal, "timeout"}, reasons(Options{Model: history.ModelLock, FailedIllegal: true}))
}
