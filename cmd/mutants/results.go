package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// errResults is wrapped by the errors about a file of results that cannot be gone on with.
var errResults = errors.New("bad file of results")

// basis is all that a finding depends on but its mutant. The processor time that
// --cpu allows is left out: without enough of it a mutant is undecided, which is not kept.
type basis struct {
	Tree        string        `json:"tree"` // hash of the sources: see hashTree
	Starts      int           `json:"starts"`
	Seeds       uint64        `json:"seeds"`
	Shrink      int           `json:"shrink"`
	Ablation    uint64        `json:"ablation"`     // seeds of each campaign of an ablation; 0: none
	AblationCPU time.Duration `json:"ablation_cpu"` // of each of its processes, in nanoseconds
	Tests       bool          `json:"tests"`
	Apart       bool          `json:"apart"`
}

// line is a finding in the file of results.
type line struct {
	basis
	Text    string        `json:"text"`    // hash of the mutant's file
	Piece   time.Time     `json:"piece"`   // when the run began that the finding is of
	Elapsed time.Duration `json:"elapsed"` // from then to the finding, in nanoseconds
	Finding finding       `json:"finding"`
}

// results are the findings of this run and of earlier ones. Each is appended to a file
// as soon as it is there, as a line of JSON, so that a table can be made in pieces.
type results struct {
	basis
	begin time.Time
	file  *os.File // nil: they are not kept

	mu    sync.Mutex
	lines []line
}

// openResults reads the file of --results, if there is one, and opens it for more.
func (o *options) openResults(root string) (*results, error) {
	r := &results{begin: time.Now().UTC(), basis: basis{Starts: o.starts, Seeds: o.seeds, Shrink: o.shrink, Tests: o.tests, Apart: o.apart}}
	if o.ablate {
		r.Ablation, r.AblationCPU = o.ablationSeeds, o.ablationCPU
	}
	if o.results == "" {
		return r, nil
	}
	var err error
	if r.Tree, err = hashTree(root, o.mutantsDir(root), o.results); err != nil {
		return nil, err
	}
	if r.file, err = os.OpenFile(o.results, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o666); err != nil {
		return nil, fmt.Errorf("--results: %w", err)
	}
	if err := r.read(); err != nil {
		return nil, errors.Join(fmt.Errorf("--results: %s: %w", o.results, err), r.file.Close())
	}
	return r, nil
}

// maxResults bounds the file, in bytes. A finding has some hundred.
const maxResults = 64 << 20

// read reads the file. A last line that was cut off is removed from it.
func (r *results) read() error {
	if info, err := r.file.Stat(); err != nil || !info.Mode().IsRegular() || info.Size() > maxResults {
		return errors.Join(err, fmt.Errorf("%w: a regular file of at most %d bytes is wanted: give the name of another file", errResults, maxResults))
	}
	text, err := io.ReadAll(r.file)
	if err != nil {
		return err
	}
	whole := text[:bytes.LastIndexByte(text, '\n')+1]
	for i, l := range bytes.Split(bytes.TrimSuffix(whole, []byte("\n")), []byte("\n")) {
		if len(whole) == 0 {
			break
		}
		if err := r.parse(l); err != nil {
			return fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	torn := text[len(whole):]
	if len(torn) == 0 {
		return nil
	}
	if torn[0] != '{' {
		return fmt.Errorf("%w: it does not end in a result: give the name of another file", errResults)
	}
	return r.file.Truncate(int64(len(whole)))
}

func (r *results) parse(text []byte) error {
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		return fmt.Errorf("%w: %w: remove the line, or give the name of another file", errResults, err)
	}
	if l.Tree != r.Tree {
		return fmt.Errorf("%w: mutant %s was tested in another tree: its sources have the hash %.12s, these %.12s: check that tree out, or give the name of another file",
			errResults, l.Finding.Name, l.Tree, r.Tree)
	}
	if l.basis != r.basis {
		return fmt.Errorf("%w: mutant %s was tested with other flags: %s, now %s: repeat them, or give the name of another file",
			errResults, l.Finding.Name, l.basis, r.basis)
	}
	r.lines = append(r.lines, l)
	return nil
}

// String returns the settings as flags.
func (b basis) String() string {
	return fmt.Sprintf("--starts %d --seeds %d --shrink %d --ablate=%t --ablation-seeds %d --ablation-cpu %v --tests=%t --apart=%t",
		b.Starts, b.Seeds, b.Shrink, b.Ablation > 0, b.Ablation, b.AblationCPU, b.Tests, b.Apart)
}

// split returns the findings that are known, and the mutants to test: those that are
// new, or have changed.
func (r *results) split(all []*mutant) (known []finding, missing []*mutant) {
	byMutant := map[[2]string]finding{}
	for _, l := range r.lines {
		byMutant[[2]string{l.Finding.Name, l.Text}] = l.Finding
	}
	for _, m := range all {
		if f, ok := byMutant[[2]string{m.name, m.hash}]; ok {
			known = append(known, f)
		} else {
			missing = append(missing, m)
		}
	}
	return known, missing
}

// add keeps a finding. One that proves nothing is not written: its mutant is tested
// again next time.
func (r *results) add(m *mutant, f finding) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := line{basis: r.basis, Text: m.hash, Piece: r.begin, Elapsed: time.Since(r.begin), Finding: f}
	r.lines = append(r.lines, l)
	if r.file == nil || f.Status == undecided || f.Status == broken {
		return nil
	}
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	_, err = r.file.Write(append(text, '\n'))
	return err
}

// took is the sum of the times of all pieces, each until its last finding.
func (r *results) took() (sum time.Duration) {
	pieces := map[time.Time]time.Duration{}
	for _, l := range r.lines {
		pieces[l.Piece] = max(pieces[l.Piece], l.Elapsed)
	}
	for _, d := range pieces {
		sum += d
	}
	return sum
}

func (r *results) close() error {
	if r.file == nil {
		return nil
	}
	return r.file.Close()
}

// hashTree returns a hash of the names and contents of all files of a module that can
// change a verdict: sources, what they embed, and what tests read. Left out are the
// mutants, which have hashes of their own, the results, hidden files and documents: so
// the page may be written, and a commit be made of it, between two pieces.
func hashTree(root, mutants, results string) (string, error) {
	var err error
	for _, path := range []*string{&mutants, &results} {
		if *path, err = filepath.Abs(*path); err != nil {
			return "", err
		}
	}
	h := sha256.New()
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path != root && strings.HasPrefix(d.Name(), "."), path == mutants:
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case !d.Type().IsRegular(), path == results, filepath.Ext(path) == ".md":
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		fmt.Fprintf(h, "%s %q\n", hash(text), filepath.ToSlash(rel))
		return err
	})
	return hex.EncodeToString(h.Sum(nil)), err
}

func hash(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
