package etcd

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/checker"
	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/sim/golden"
)

// Each report in testdata has a file with its operations, as they are judged,
// and the verdict.
func TestReports(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		name := strings.TrimSuffix(file, ".json")
		t.Run(filepath.Base(name), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			var r Report
			require.NoError(t, r.Read(strings.NewReader(string(text))))
			h := r.History()
			verdict := checker.Check(t.Context(), h, checker.Options{Model: r.Model(), Explain: true})
			got := checker.Timeline(h.Operations) + string(verdict.Status) + "\n" + verdict.Explanation + "\n" + verdict.Evidence()
			golden.Equal(t, name+".golden", strings.ReplaceAll(got, " \n", "\n"))
		})
	}
}

func TestReadRefuses(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"no JSON":        {"{", "line 1: not an operation of a report"},
		"another object": {"{}\n{}", "line 1: the type of the request is missing: this is no operation of a report of etcd's robustness tests\nline 2: "},
		"type":           {`{"Input":{"Type":"watch"}}`, `line 1: type "watch" of a request is not known`},
		"no part":        {`{"Input":{"Type":"txn"}}`, "line 1: the input, a request of type txn, lacks its part of that name"},
		"no response":    {`{"Input":{"Type":"range","Range":{}}}`, "line 1: the output, a response to a range, lacks its part"},
		"no result":      {`{"Input":{"Type":"txn","Txn":{}}}`, "line 1: the output, a response to a txn, lacks its part"},
		"times":          {`{"Input":{"Type":"defragment"},"Call":5,"Return":4}`, "line 1: the return, 4, is before the call, 5"},
		"step":           {`{"Input":{"Type":"txn","Txn":{"OperationsOnFailure":[{"Type":"x"}]}},"Output":{"Txn":{}}}`, `line 1: type "x" of an operation is not known`},
	} {
		t.Run(name, func(t *testing.T) {
			err := new(Report).Read(strings.NewReader(c.text))
			require.ErrorIs(t, err, history.ErrFormat)
			require.ErrorContains(t, err, c.want)
		})
	}
	err := new(Report).Read(io.MultiReader(strings.NewReader(strings.Repeat("{}\n", 20)), brokenDisk{errors.New("read on")}))
	require.ErrorContains(t, err, "and perhaps more: these were 20, so the rest was not read")
	broken := errors.New("disk on fire")
	require.ErrorIs(t, new(Report).Read(io.MultiReader(strings.NewReader(""), brokenDisk{broken})), broken)
}

type brokenDisk struct{ error }

func (d brokenDisk) Read([]byte) (int, error) { return 0, d.error }

func TestModelIsValid(t *testing.T) {
	require.NoError(t, new(Report).Model().Validate())
}
