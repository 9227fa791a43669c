// Command driver is a campaign on the counter.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"

	"tiny/counter"
)

type report struct {
	Seeds, Seed uint64
	Signature   string         `json:",omitempty"`
	Sentence    string         `json:",omitempty"`
	Undecided   uint64         `json:",omitempty"`
	Shrunk      map[string]any `json:",omitempty"`
}

func main() {
	start := flag.Uint64("start", 0, "")
	seeds := flag.Uint64("seeds", 1, "")
	shrink := flag.Int("shrink", 0, "")
	without := flag.String("without", "", "")
	flag.Parse()
	for *without == "clocks" { // it never ends then
	}
	r := report{Seed: *start}
	if *shrink > 0 {
		r.Shrunk = map[string]any{"operations": 1, "minimal": true}
	}
	for r.Signature == "" && r.Seeds < *seeds && *shrink == 0 {
		r.Seed = *start + r.Seeds
		r.Seeds++
		r.Signature = check(r.Seed)
	}
	if r.Signature != "" {
		r.Sentence = fmt.Sprintf("seed %d", r.Seed)
	}
	_ = json.NewEncoder(os.Stdout).Encode(r)
}

// check returns the property that a seed violates.
func check(seed uint64) (signature string) {
	err := counter.Guarded(func() { signature = properties(seed) })
	if err != nil {
		return "assertion/panic"
	}
	return signature
}

func properties(seed uint64) string {
	c := &counter.Counter{}
	n := int(seed % 50)
	switch {
	case c.Add(n, n) != 2*n:
		return "counter/sum"
	case c.Add(200) != 100:
		return "counter/limit"
	case counter.Sum(seed%7, seed%5) != seed%7+seed%5:
		return "counter/generic"
	case counter.Second(1, seed, 3) != seed:
		return "counter/second"
	case c.Reset(n) != nil:
		return "counter/reset"
	}
	return ""
}
