package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/lockstep"
	"github.com/lockstep-dst/lockstep/scenarios/play"
)

func main() {
	from := flag.Uint64("from", 0, "")
	n := flag.Int("n", 300, "")
	only := flag.Bool("only", false, "")
	dump := flag.Bool("dump", false, "")
	flag.Parse()
	sys := lockstep.System()
	shape := scenarios.Shape{Profile: scenarios.All}
	if *only {
		for _, f := range scenarios.AllFamilies() {
			if f != scenarios.MemberChanges {
				shape.Without = append(shape.Without, f)
			}
		}
	}
	shape = sys.Shape(shape)
	ran, bad := 0, map[string]int{}
	first := map[string]string{}
	marks := make([]uint64, len(sys.Marks))
	for seed := *from; ran < *n; seed++ {
		p := scenarios.Generate(seed, shape)
		if !slices.ContainsFunc(p.Faults, func(f scenarios.Fault) bool { return f.Kind == scenarios.Members }) {
			continue
		}
		ran++
		if *dump {
			b, _ := json.Marshal(p)
			os.Stdout.Write(b)
			return
		}
		r, err := play.Run(context.Background(), sys, p, play.Options{})
		if err != nil {
			fmt.Println(seed, err)
			continue
		}
		for i, m := range r.Marks {
			marks[i] += m
		}
		if s := r.Signature(); s != "" {
			bad[s]++
			if first[s] == "" {
				first[s] = fmt.Sprintf("seed %d: %.600s", seed, r.Sentence())
			}
		}
	}
	fmt.Println(ran, "runs", bad)
	for s, w := range first {
		fmt.Println("==", s, w)
	}
	for i, m := range sys.Marks {
		if strings.Contains(m, "onfig") || strings.Contains(m, "epoch") || strings.Contains(m, "carried") {
			fmt.Print(m, "=", marks[i], " ")
		}
	}
	fmt.Println()
}
