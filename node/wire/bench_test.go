package wire_test

import (
	"testing"

	"github.com/lockstep-dst/lockstep/node/wire"
)

// One operation is an accept proposal with a dedup window of 16 entries.
func BenchmarkAppend(b *testing.B) {
	for _, c := range codecs {
		b.Run(c.Name(), func(b *testing.B) {
			m := accept()
			buf := framed(b, c, m)
			b.ReportAllocs()
			b.SetBytes(int64(len(buf)))
			for b.Loop() {
				buf, _ = wire.AppendMessage(buf[:0], c, m)
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, c := range codecs {
		b.Run(c.Name(), func(b *testing.B) {
			stream := framed(b, c, accept())
			var d wire.Decoder
			b.ReportAllocs()
			b.SetBytes(int64(len(stream)))
			for b.Loop() {
				d.Write(stream)
				payload, _, _ := d.Next()
				if _, err := c.Decode(payload); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// One operation is a frame of 1 KiB, in two chunks as from a socket.
func BenchmarkDecoder(b *testing.B) {
	stream, _ := wire.AppendFrame(nil, make([]byte, 1024))
	var d wire.Decoder
	b.ReportAllocs()
	b.SetBytes(int64(len(stream)))
	for b.Loop() {
		d.Write(stream[:500])
		d.Next()
		d.Write(stream[500:])
		if _, ok, err := d.Next(); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
