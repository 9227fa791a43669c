package main

import (
	"bytes"
	"io"
	"os"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/rogpeppe/go-internal/testscript"
)

// compress FORMAT FROM TO: TO is FROM, compressed with gzip or zstd. With gzip-cut
// or zstd-cut it is only the first half of that, with zstd-short all but the last two
// bytes, and with zstd-skip it begins with a frame to skip.
func compress(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: compress FORMAT FROM TO")
	}
	var packed bytes.Buffer
	var w io.WriteCloser
	format, variant, _ := strings.Cut(args[0], "-")
	if variant == "skip" {
		packed.WriteString("\x5f\x2a\x4d\x18\x03\x00\x00\x00abc")
	}
	switch format {
	case "gzip":
		w = gzip.NewWriter(&packed)
	case "zstd":
		w, _ = zstd.NewWriter(&packed)
	default:
		ts.Fatalf("unknown format %s", format)
	}
	_, err := io.WriteString(w, ts.ReadFile(args[1]))
	ts.Check(err)
	ts.Check(w.Close())
	switch variant {
	case "cut":
		packed.Truncate(packed.Len() / 2)
	case "short":
		packed.Truncate(packed.Len() - 2)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), packed.Bytes(), 0o644))
}

// truncate FROM TO: TO is FROM without its last newline.
func truncate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: truncate FROM TO")
	}
	text := strings.TrimSuffix(ts.ReadFile(args[0]), "\n")
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o644))
}
