package jepsen

import (
	"fmt"
	"strings"
	"testing"
)

// eventLines is a history of clients of a register, as events in one form.
func eventLines(operations int, form string) string {
	var b strings.Builder
	for i := range operations {
		process, f, asked, told := i%20, "write", fmt.Sprint(i), fmt.Sprint(i)
		if i%2 == 1 {
			f, asked, told = "read", "null", fmt.Sprint(i-1)
		}
		fmt.Fprintf(&b, form+"\n", "invoke", f, asked, 1000*i, process, 2*i)
		fmt.Fprintf(&b, form+"\n", "ok", f, told, 1000*i+500, process, 2*i+1)
	}
	return b.String()
}

// BenchmarkForms reports lines/s of each form of a history.
func BenchmarkForms(b *testing.B) {
	const edn = "{:type :%s, :f :%s, :value %s, :time %d, :process %d, :index %d}"
	maps := strings.ReplaceAll(eventLines(100_000, edn), "null", "nil")
	for _, form := range []struct{ name, text string }{
		{"maps", maps},
		{"vector", "[" + maps + "]\n"},
		{"log", strings.ReplaceAll(eventLines(100_000, "%[4]d INFO [jepsen worker %[6]d] jepsen.util - %[5]d\t:%[1]s\t:%[2]s\t%[3]s"), "null", "nil")},
		{"JSON", eventLines(100_000, `{"type":"%s","f":"%s","value":%s,"time":%d,"process":%d,"index":%d}`)},
	} {
		b.Run(form.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(form.text)))
			for b.Loop() {
				if _, err := Read(strings.NewReader(form.text), Options{}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*200_000/b.Elapsed().Seconds(), "lines/s")
		})
	}
}
