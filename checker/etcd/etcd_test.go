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
		"no JSON":        {"{", "line 1: not a JSON object, so the line is damaged or cut off: "},
		"another object": {"{}\n{}", "line 1: the type of the request is missing: this is no operation of a report of etcd's robustness tests\nline 2: "},
		"type":           {`{"Input":{"Type":"watch"}}`, `line 1: type "watch" of a request is not known`},
		"no part":        {`{"Input":{"Type":"txn"}}`, "line 1: the input, a request of type txn, lacks its part of that name"},
		"no response":    {`{"Input":{"Type":"range","Range":{}},"Output":{}}`, "line 1: the output, a response to a range, lacks its part"},
		"no result":      {`{"Input":{"Type":"txn","Txn":{}},"Output":{}}`, "line 1: the output, a response to a txn, lacks its part"},
		"times":          {`{"Input":{"Type":"defragment"},"Call":5,"Output":{},"Return":4}`, "line 1: field Return: 4 is not within the Call, 5, to 2^62: "},
		"call":           {`{"Input":{"Type":"defragment"},"Call":-5,"Output":{},"Return":20}`, "line 1: field Call: -5 is not within 0 to 2^62: "},
		"late call":      {`{"Input":{"Type":"defragment"},"Call":9223372036854775806,"Output":{"Error":"timeout"}}`, "line 1: field Call: 9223372036854775806 is not within 0 to 2^62: "},
		"late return":    {`{"Input":{"Type":"defragment"},"Call":5,"Output":{"ClientError":"no"},"Return":9223372036854775807}`, "line 1: field Return: 9223372036854775807 is not within the Call, 5, to 2^62: "},
		"null response":  {`{"Input":{"Type":"leaseGrant","LeaseGrant":{"LeaseID":5}},"Call":1,"Output":null,"Return":2}`, "line 1: field Output: missing or null: "},
		"revision":       {`{"Input":{"Type":"defragment"},"Output":{"Revision":-2}}`, "line 1: field Revision: -2 of the Output is negative: "},
		"key twice":      {`{"ClientId":1,"ClientId":2,"Input":{"Type":"defragment"},"Output":{}}`, `line 1: the key "ClientId" is there twice: remove one`},
		"nested, twice":  {`{"Input":{"Type":"txn","Txn":{"Conditions":[{"Key":"a","key":"b"}]}},"Output":{}}`, `line 1: the key "key" is there twice: remove one`},
		"another shape":  {`{"Call":"now"}`, "line 1: not an operation of a report: delete it, or correct it: "},
		"empty line":     {"\n{}", "line 1: empty: delete it\nline 2: the type"},
		"long line":      {"{}\n" + strings.Repeat(" ", history.MaxLine+1), "line 1: the type of the request is missing: this is no operation of a report of etcd's robustness tests\nline 2: longer than 16777216 bytes, so this is no report: "},
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
	for _, text := range []string{"", "{\"ClientId\":"} {
		err := new(Report).Read(io.MultiReader(strings.NewReader(text), brokenDisk{broken}))
		require.ErrorIs(t, err, broken)
		require.ErrorContains(t, err, "history: line 1: ")
	}
}

type brokenDisk struct{ error }

func (d brokenDisk) Read([]byte) (int, error) { return 0, d.error }

func TestModelIsValid(t *testing.T) {
	require.NoError(t, new(Report).Model().Validate())
}
