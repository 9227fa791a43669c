package lockstep_test

// ruleCases lists code with the violation that the rules report in it; an empty want
// stands for code without one. The code is checked as part of package dir, or of sim
// if dir is empty.
var ruleCases = []struct{ name, dir, code, want string }{
	{name: "upward import", dir: "node/wal", code: `import _ "github.com/lockstep-dst/lockstep/sim"`,
		want: "planted.go:2: imports github.com/lockstep-dst/lockstep/sim: layers allows node/wal no such import"},
	{name: "sideways import", dir: "checker", code: `import _ "github.com/lockstep-dst/lockstep/scenarios"`,
		want: "layers allows checker no such import"},
	{name: "foreign import", code: `import _ "github.com/spf13/cobra"`,
		want: "imports github.com/spf13/cobra: layers allows sim no such import from another module"},
	{name: "foreign import elsewhere", dir: "scenarios/campaign", code: `import _ "pgregory.net/rapid"`,
		want: "layers allows scenarios/campaign no such import from another module"},
	{name: "os", code: `import _ "os"`, want: "imports os: sim is pure"},
	{name: "net", code: `import _ "net/netip"`, want: "imports net/netip: sim is pure"},
	{name: "sync", code: `import _ "sync/atomic"`, want: "imports sync/atomic: sim is pure"},
	{name: "maphash", code: `import _ "hash/maphash"`, want: "imports hash/maphash: sim is pure"},
	{name: "rand", code: `import _ "math/rand/v2"`, want: "imports math/rand/v2: sim is pure"},
	{name: "math", code: `import _ "math"`, want: "imports math: sim is pure"},
	{name: "runtime", code: `import _ "runtime"`, want: "imports runtime: sim is pure"},
	{name: "unsafe", code: `import _ "unsafe"`, want: "imports unsafe: sim is pure"},

	{name: "clock", code: "import \"time\"\nfunc f() bool { return time.Now().IsZero() }",
		want: "planted.go:3: uses time.Now: it reads the machine's clock"},
	{name: "clock as a value under another name", code: "import t \"time\"\nvar clock = t.Since", want: "uses time.Since"},
	{name: "sleep", code: "import . \"time\"\nfunc f() { Sleep(1) }", want: "uses time.Sleep"},
	{name: "all keys, some sorted", code: "import (\"maps\"; \"slices\")\nfunc f(m map[int]int) []int {\n\t_ = slices.Sorted(maps.Keys(m))\n\treturn slices.Collect(maps.Keys(m))\n}",
		want: "planted.go:5: uses maps.Keys"},
	{name: "print", code: "import \"fmt\"\nfunc f() { fmt.Println() }", want: "uses fmt.Println: it does I/O"},
	{name: "builtin print", code: `func f() { println() }`, want: "uses println: it does I/O"},

	{name: "goroutine", code: `func f() { go f() }`, want: "planted.go:2: go statement"},
	{name: "select", code: `func f() { select {} }`, want: "select statement"},
	{name: "channel", code: `type c chan int`, want: "planted.go:2: channel"},
	{name: "channel from elsewhere", code: "import \"time\"\nfunc f(t *time.Timer) { c := t.C; _ = c }", want: "planted.go:3: channel"},

	{name: "map", code: "type set map[int]bool\nfunc f(s set) {\n\tfor range s {\n\t}\n}", want: "planted.go:4: range over a map"},
	{name: "generic map", code: "func f[M ~map[int]int](m M) {\n\tfor range m {\n\t}\n}", want: "range over a map"},
	{name: "keys", code: "import \"maps\"\nfunc f(m map[int]int) {\n\tfor range maps.Keys(m) {\n\t}\n}",
		want: "planted.go:4: uses maps.Keys: its order is random"},
	{name: "keys by reflection", code: "import \"reflect\"\nfunc f(v reflect.Value) any { return v.MapKeys() }",
		want: "uses (reflect.Value).MapKeys"},

	{name: "float type", code: `type p struct{ chance float64 }`, want: "planted.go:2: floating point"},
	{name: "float constant", code: `const half = 1 / 2.0`, want: "planted.go:2: floating point"},
	{name: "float without its name", code: "import \"strconv\"\nfunc f() error { _, err := strconv.ParseFloat(\"1\", 64); return err }",
		want: "planted.go:3: floating point"},

	{name: "assignment", code: "var n int\nfunc f() { n = 1 }", want: "planted.go:3: changes package-level variable n"},
	{name: "increment", code: "var n int\nfunc f() { n++ }", want: "changes package-level variable n"},
	{name: "element", code: "var m = map[int][]int{}\nfunc f() { m[1][2] = 3 }", want: "changes package-level variable m"},
	{name: "deletion", code: "var m = map[int]int{}\nfunc f() { delete(m, 1) }", want: "changes package-level variable m"},
	{name: "range into", code: "var n int\nfunc f() { for n = range 3 {} }", want: "changes package-level variable n"},
	{name: "address", code: "var n int\nfunc f() *int { return &n }", want: "planted.go:3: takes the address of package-level variable n"},
	{name: "address of a receiver", code: "type c int\nfunc (c *c) inc() {}\nvar n c\nfunc f() { n.inc() }",
		want: "planted.go:5: changes package-level variable n"},
	{name: "another package's variable", code: "import \"io\"\nfunc f() { io.EOF = nil }", want: "changes package-level variable EOF"},

	{name: "wrong types", code: `var n int = ""`, want: "does not type-check"},

	{name: "nothing wrong", code: `
import (
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/lockstep-dst/lockstep/netmodel"
)

var errFull = errors.New("full")

var names = [...]string{"a", "b"}

type table map[string]int

func (t table) sum(d time.Duration, n netmodel.Duration) (total int, err error) {
	for _, k := range slices.Sorted(maps.Keys(t)) {
		total += t[k]
	}
	for i := range names {
		local := names[i]
		p := &local
		*p = ""
	}
	if total += int(d / time.Second); total > 1<<20 {
		return 0, errFull
	}
	return total, nil
}
`},
}
