package main

import (
	"bytes"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/checker"
	"github.com/lockstep-dst/lockstep/checker/history"
)

// jsonNames returns the names of the fields of a struct, and of structs in it that
// this package defines.
func jsonNames(t reflect.Type, names map[string]bool) map[string]bool {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t.PkgPath() != reflect.TypeFor[benchJSON]().PkgPath() {
		return names
	}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		names[name] = true
		jsonNames(t.Field(i).Type, names)
	}
	return names
}

// docs/BENCH.md describes every field of the JSON, and no others.
func TestBenchJSONIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/BENCH.md")
	require.NoError(t, err)
	_, section, found := strings.Cut(string(page), "## JSON")
	require.True(t, found)
	names := jsonNames(reflect.TypeFor[benchJSON](), map[string]bool{})
	require.True(t, names["p99_9"], "fields of fields are found")
	for name := range names {
		require.Contains(t, section, "`"+name+"`")
	}
	rows := regexp.MustCompile("(?m)^\\| (`[^|]*) \\|").FindAllStringSubmatch(section, -1)
	require.Greater(t, len(rows), 10)
	for _, row := range rows {
		for _, name := range regexp.MustCompile("`([a-z0-9_]+)`").FindAllStringSubmatch(row[1], -1) {
			require.True(t, names[name[1]], "%s is documented, and no field", name[1])
		}
	}
}

// The text of a report, of an open loop with a probe.
func TestPrintBench(t *testing.T) {
	r := newRecorder(1)
	r.forget = true
	m := newMeter(0, 2000*ms)
	m.add([]sample{
		ended(history.KindPropose, 0, 10, 30, history.Committed),
		ended(history.KindPropose, 1000, 1000, 1010, history.Rejected),
		ended(history.KindRead, 1990, 1990, 1991, history.Committed),
		ended(history.KindRead, 1999, 1999, 2999, history.Unknown),
	})
	b := &bench{rate: 2, arrivals: arrivalsEven, clients: 8, machines: 3, spread: spreadUniform}
	l := &load{bench: b, recorder: r, meter: m, checker: newLiveChecker(r), unstarted: 7, cpu: 1500 * time.Millisecond}
	var out bytes.Buffer
	printBench(&out, l.figures(hostBounds{Sync: 4 * time.Millisecond, RoundTrip: time.Millisecond}), checker.Result{Status: checker.Linearizable})
	require.Equal(t, `4 operations with at most 8 outstanding on 3 machines in 2.0 s: 2 committed (1/s), 1 rejected, 1 unknown
latency of the committed: median 1.00 ms, 99 % within 30.02 ms, longest 30.02 ms
        kind  operations  committed/s    mean   50 %     90 %     99 %   99.9 %  longest (ms)
  transition           2            0   20.00  10.00    30.02    30.02    30.02         30.02
        read           2            0  500.54   1.00  1000.34  1000.34  1000.34       1000.34
even arrivals, 2/s: 99 % began within 10.00 ms, the latest after 10.00 ms, and 7 not at all
this host: a round trip of 1.000 ms between processes, a synced append of 4 KB in 4.000 ms; the median transition took 2.0 times both
this process used 1.50 s of processor time
what the clients saw is linearizable
`, out.String())
}
