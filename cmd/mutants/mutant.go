package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// mutant is a small change to the code that the simulator runs. It introduces a bug
// that other systems have had. testdata/mutants/README.md describes the format of
// its file.
type mutant struct {
	name  string
	file  string // path of its file
	hash  string // of the text of its file
	class string // one of classes
	wrong string // the bug

	precedent  string // a project that has had this bug
	catch      string // the property that should be violated
	equivalent string // why the change has no observable effect; empty: it must be killed
	fast       bool   // in the fast set of the gate

	// tests are the packages, by their directories from the root, whose unit tests
	// should fail; empty: those that depend on its code.
	tests []string

	blocks []block
}

// block is one place of a mutant: lines that occur once in a file, and their
// replacement.
type block struct {
	file     string // from the module's root
	old, new string // whole lines
}

// classes lists the classes of bugs, in the order of the table.
var classes = []string{
	"persistence", "identity", "ballots", "quorums", "values", "retries", "reads", "watch", "repair", "liveness", "codec", "fsm",
	"bounds", "runtime", "membership",
}

// errMutant is wrapped by errors about a mutant's file.
var errMutant = errors.New("bad mutant")

// load reads all mutants of a directory, in the order of their classes.
func load(dir string) ([]*mutant, error) {
	files, err := fs.Glob(os.DirFS(dir), "*.txt")
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s: there are no mutants, which are files NAME.txt: is this the module's root?", dir)
	}
	var all []*mutant
	for _, name := range files {
		file := filepath.Join(dir, name)
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		m, err := parse(file, string(text))
		if err != nil {
			return nil, err
		}
		m.hash = hash(text)
		all = append(all, m)
	}
	slices.SortStableFunc(all, func(a, b *mutant) int {
		return slices.Index(classes, a.class) - slices.Index(classes, b.class)
	})
	return all, nil
}

// parse parses a mutant's file: a header, and blocks after it.
func parse(file, text string) (*mutant, error) {
	m := &mutant{name: strings.TrimSuffix(filepath.Base(file), ".txt"), file: file}
	header, blocks := text, ""
	if i := strings.Index("\n"+text, "\n-- "); i >= 0 {
		header, blocks = text[:i], text[i:]
	}
	if err := m.parseHeader(header); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", file, errMutant, err)
	}
	if err := m.parseBlocks(blocks); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", file, errMutant, err)
	}
	return m, nil
}

func (m *mutant) parseHeader(text string) error {
	fields := map[string]string{}
	last := ""
	for _, line := range strings.Split(text, "\n") {
		name, value, found := strings.Cut(line, ": ")
		switch {
		case strings.TrimSpace(line) == "":
		case strings.HasPrefix(line, "  ") && last != "":
			fields[last] += " " + strings.TrimSpace(line)
		case !found || fields[name] != "":
			return fmt.Errorf("header: %q: want NAME: TEXT, each name once, or a line that begins with two spaces and goes on", line)
		default:
			fields[name], last = strings.TrimSpace(value), name
		}
	}
	fast, tests := "", ""
	for name, to := range map[string]*string{
		"class": &m.class, "wrong": &m.wrong, "precedent": &m.precedent, "catch": &m.catch,
		"equivalent": &m.equivalent, "fast": &fast, "tests": &tests,
	} {
		*to = fields[name]
		delete(fields, name)
	}
	for name := range fields {
		return fmt.Errorf("header: %q: no such field", name)
	}
	m.fast, m.tests = fast == "yes", testPaths(tests)
	switch {
	case !slices.Contains(classes, m.class):
		return fmt.Errorf("header: class %q: want one of %s", m.class, strings.Join(classes, ", "))
	case m.wrong == "" || m.precedent == "" || m.catch == "":
		return errors.New("header: want wrong, precedent and catch, all of them")
	case fast != "" && !m.fast:
		return fmt.Errorf("header: fast %q: want yes, or leave it out", fast)
	}
	return nil
}

func (m *mutant) parseBlocks(text string) error {
	for len(text) > 0 {
		file, found := "", false
		line, rest, _ := strings.Cut(text, "\n")
		if file, found = strings.CutPrefix(line, "-- old "); found {
			file, found = strings.CutSuffix(file, " --")
		}
		if !found {
			return fmt.Errorf("%q: want -- old FILE --", line)
		}
		old, rest, found := strings.Cut(rest, "-- new --\n")
		if !found || old == "" {
			return fmt.Errorf("%s: want lines, then -- new --, then the lines that take their place", file)
		}
		b := block{file: file, old: old}
		if next := strings.Index("\n"+rest, "\n-- old "); next >= 0 {
			b.new, text = rest[:next], rest[next:]
		} else {
			b.new, text = rest, ""
		}
		if b.new != "" && !strings.HasSuffix(b.new, "\n") {
			return fmt.Errorf("%s: the last line does not end", file)
		}
		m.blocks = append(m.blocks, b)
	}
	if len(m.blocks) == 0 {
		return errors.New("there are no blocks")
	}
	return nil
}

// apply returns the changed files of the mutant, by path from the module's root. The
// tree stays unchanged.
func (m *mutant) apply(root string) (map[string]string, error) {
	changed := map[string]string{}
	for i, b := range m.blocks {
		text, known := changed[b.file]
		if !known {
			original, err := os.ReadFile(filepath.Join(root, b.file))
			if err != nil {
				return nil, fmt.Errorf("%s: block %d: %w: %w; name the file where that code is now", m.file, i+1, errMutant, err)
			}
			text = string(original)
		}
		switch n := strings.Count("\n"+text, "\n"+b.old); n {
		case 1:
			before, after, _ := strings.Cut("\n"+text, "\n"+b.old)
			changed[b.file] = (before + "\n" + b.new + after)[1:]
		case 0:
			return nil, fmt.Errorf("%s: block %d: %w: its old lines are not in %s any more; write it anew for the code as it is now, from:\n%s",
				m.file, i+1, errMutant, b.file, b.old)
		default:
			return nil, fmt.Errorf("%s: block %d: %w: its old lines are %d times in %s; add lines around them until they are unique:\n%s",
				m.file, i+1, errMutant, n, b.file, b.old)
		}
	}
	return changed, nil
}
