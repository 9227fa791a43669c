package history

import (
	"bytes"
	"fmt"
	"io"
	"testing"
)

// written returns a long history as a file.
func written(b *testing.B, operations int) []byte {
	var text bytes.Buffer
	if err := Write(&text, longHistory(operations)); err != nil {
		b.Fatal(err)
	}
	return text.Bytes()
}

// BenchmarkRead reports lines/s of whole histories, and of a Reader that keeps
// none of them.
func BenchmarkRead(b *testing.B) {
	for _, operations := range []int{10_000, 1_000_000} {
		text := written(b, operations)
		b.Run(fmt.Sprintf("all/%d", operations), func(b *testing.B) {
			perLine(b, operations, len(text))
			for range b.N {
				if _, err := Read(bytes.NewReader(text)); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("stream/%d", operations), func(b *testing.B) {
			perLine(b, operations, len(text))
			for range b.N {
				in, err := NewReader(bytes.NewReader(text))
				for err == nil {
					_, err = in.Next()
				}
				if err != io.EOF {
					b.Fatal(err)
				}
			}
		})
	}
}

// perLine reports lines/s when b ends.
func perLine(b *testing.B, operations, size int) {
	b.ReportAllocs()
	b.SetBytes(int64(size))
	b.Cleanup(func() {
		b.ReportMetric(float64(operations)*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
	})
}

// BenchmarkParse compares the two parsers of operations.
func BenchmarkParse(b *testing.B) {
	text := []byte(op1)
	b.Run("fast", func(b *testing.B) {
		b.ReportAllocs()
		s := scanner{required: requiredOf(1, true)}
		for range b.N {
			var op Operation
			if !s.parse(text, &op) {
				b.Fatal("left to the slow way")
			}
		}
	})
	b.Run("strict", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			if _, err := parseOperation(text, 1, true); err != nil {
				b.Fatal(err)
			}
		}
	})
}
