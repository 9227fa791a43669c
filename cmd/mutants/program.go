package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// program is a built driver, and the number of the mutant that it is to be; 0 is the
// original, and all that a program of one mutant can be.
type program struct {
	path   string
	number int
}

// environment is the environment in which the program runs, on one core.
func (p program) environment() []string {
	return append(os.Environ(), "GOMAXPROCS=1", selector+"="+strconv.Itoa(p.number))
}

// programs are the drivers of all mutants: one program with the woven ones, and
// builds of their own for the others.
type programs struct {
	module
	woven       string
	numbers     map[*mutant]int    // in the woven program
	apart       map[*mutant]string // by mutant: why it has a build of its own
	uncontained map[*mutant]string // by mutant: why no campaign can reach it
	tests       *testPackages      // nil: no unit tests are to be run
}

// prepare builds the woven program of all mutants, in a directory, and finds out which
// mutants the driver does not contain.
func (m module) prepare(ctx context.Context, dir string, all []*mutant) (*programs, error) {
	p := &programs{module: m, apart: map[*mutant]string{}, uncontained: map[*mutant]string{}}
	if err := p.checkFiles(ctx, all); err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(slices.Clone(all), func(m *mutant) bool { return p.uncontained[m] != "" })
	for {
		w, err := weave(m.root, all, p.apart)
		if err != nil {
			return nil, err
		}
		p.numbers = w.numbers
		p.woven, err = m.build(ctx, dir, w.texts())
		if err == nil {
			break
		}
		if !errors.Is(err, errCompile) || !p.setCulpritsApart(err) {
			return nil, fmt.Errorf("the woven program: %w", err)
		}
	}
	return p, p.checkSymbols(ctx)
}

// inCopy matches the place of a copy that weave has made, as the compiler tells it.
var inCopy = regexp.MustCompile(`\bmutant(\d+)\.txt:`)

// setCulpritsApart sets the mutants apart that an error of the compiler is about.
func (p *programs) setCulpritsApart(err error) (some bool) {
	for _, found := range inCopy.FindAllStringSubmatch(err.Error(), -1) {
		for m, number := range p.numbers {
			if strconv.Itoa(number) == found[1] {
				p.apart[m], some = "it does not compile when woven", true
			}
		}
	}
	return some
}

// checkFiles finds the mutants of files that are not in the driver.
func (p *programs) checkFiles(ctx context.Context, all []*mutant) error {
	const format = `{{if not .Standard}}{{range .GoFiles}}{{$.Dir}}/{{.}}{{"\n"}}{{end}}{{range .EmbedFiles}}{{$.Dir}}/{{.}}{{"\n"}}{{end}}{{end}}`
	out, err := p.run(ctx, "go", "list", "-deps", "-f", format, "./"+p.driver)
	if err != nil {
		return err
	}
	contained := map[string]bool{}
	for _, file := range strings.Fields(out) {
		contained[file] = true
	}
	for _, m := range all {
		if !slices.ContainsFunc(m.blocks, func(b block) bool { return contained[filepath.Join(p.root, b.file)] }) {
			p.uncontained[m] = m.blocks[0].file + " is in no package of " + p.driver
		}
	}
	return nil
}

// ofCopy matches the name of a function that copyName has made.
var ofCopy = regexp.MustCompile(`\bmutant(\d+)_`)

// checkSymbols finds the woven mutants of functions that the linker has left out of
// the driver, since nothing calls them.
func (p *programs) checkSymbols(ctx context.Context) error {
	out, err := p.run(ctx, "go", "tool", "nm", p.woven)
	if err != nil {
		return err
	}
	contained := map[string]bool{}
	for _, found := range ofCopy.FindAllStringSubmatch(out, -1) {
		contained[found[1]] = true
	}
	for m, number := range p.numbers {
		if !contained[strconv.Itoa(number)] {
			p.uncontained[m] = "nothing in " + p.driver + " calls the code that it changes, in " + m.blocks[0].file
		}
	}
	return nil
}

// setAllApart gives each mutant a build of its own.
func (p *programs) setAllApart(all []*mutant) {
	p.numbers = nil
	for _, m := range all {
		p.apart[m] = "--apart"
	}
}

// of returns the program of a mutant. A build of its own is put into dir.
func (p *programs) of(ctx context.Context, dir string, m *mutant) (program, error) {
	if number := p.numbers[m]; number > 0 {
		return program{p.woven, number}, nil
	}
	files, err := m.apply(p.root)
	if err != nil {
		return program{}, err
	}
	path, err := p.build(ctx, dir, files)
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("%s: %w", m.file, err)
	}
	return program{path: path}, err
}

// refuse returns an error about the mutants that no campaign can reach.
func (p *programs) refuse() error {
	var lines []string
	for m, why := range p.uncontained {
		lines = append(lines, m.name+": "+why)
	}
	if len(lines) == 0 {
		return nil
	}
	slices.Sort(lines)
	return fmt.Errorf("no campaign can reach these mutants; test them with --tests, or leave them out with --only:\n%s", strings.Join(lines, "\n"))
}

// describe says how many mutants share a program, and why the others do not.
func (p *programs) describe() string {
	var apart []string
	for m, why := range p.apart {
		apart = append(apart, fmt.Sprintf("  %s: %s\n", m.name, why))
	}
	slices.Sort(apart)
	return fmt.Sprintf("%d mutants in one program, %d in builds of their own\n%s", len(p.numbers), len(apart), strings.Join(apart, ""))
}

// sortedKeys returns the keys of a map in their order.
func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
