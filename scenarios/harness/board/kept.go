package board

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Kept is the folder of a failure that a campaign has kept.
type Kept struct {
	Folder    string    `json:"folder"` // its name
	System    string    `json:"system,omitempty"`
	Seed      string    `json:"seed,omitempty"` // as text: it may have more digits than a number of JavaScript
	Signature string    `json:"signature,omitempty"`
	Sentence  string    `json:"sentence,omitempty"`
	Replay    string    `json:"replay,omitempty"` // the line that repeats it
	Changed   time.Time `json:"changed"`          // when its first text was written
	Files     []string  `json:"files"`            // with a link on the page
}

// The files of a failure that the page links to, in its order. Pages are served as HTML
// in a sandbox, all others as plain text.
var (
	pageNames = []string{"report.html", "history.html"}
	textNames = []string{"verdict.txt", "bisect.txt", "trace.txt", "shrunk.json", "plan.json", "history.jsonl", "necessity.json"}
)

const (
	maxKept    = 2000    // folders that are shown
	maxVerdict = 1 << 20 // bytes that are read of verdict.txt
)

// readKept lists the failures in a folder, by name, and notes about the folders that are left out.
// Links are not followed, and folders without a file of a failure are none.
func readKept(root *os.Root) (list []Kept, notes []string, err error) {
	dir, err := root.Open(".")
	if err != nil {
		return nil, nil, err
	}
	defer dir.Close()
	entries, err := dir.ReadDir(-1)
	if err != nil {
		return nil, nil, err
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	for _, e := range entries {
		if !e.Type().IsDir() {
			continue
		}
		k, ok := readFailure(root, e.Name())
		if !ok {
			continue
		}
		if len(list) == maxKept {
			return list, []string{"there are more than 2,000 failures: the first 2,000 by name are shown"}, nil
		}
		list = append(list, k)
	}
	return list, nil, nil
}

// readFailure reads the folder of a failure; ok is false if it has no file of one.
func readFailure(root *os.Root, folder string) (k Kept, ok bool) {
	k.Folder = folder
	for _, name := range slices.Concat(pageNames, textNames) {
		info, err := root.Lstat(folder + "/" + name)
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		k.Files = append(k.Files, name)
		if name == "verdict.txt" || k.Changed.IsZero() {
			k.Changed = info.ModTime()
		}
	}
	if f, err := openRegular(root, folder, "verdict.txt"); err == nil {
		defer f.Close()
		text, err := io.ReadAll(io.LimitReader(f, maxVerdict))
		if err == nil {
			k.parseVerdict(string(text))
		}
	}
	return k, len(k.Files) > 0
}

var (
	verdictLine   = regexp.MustCompile(`^(\S+), seed (\d+): (?:violated (\S+) at |(undecided)|passed)`)
	undecidedLine = regexp.MustCompile(`^seed \d+ was (undecided) in `)
	repeatLine    = regexp.MustCompile(`(?m)^repeat it: (.*)$`)
)

// parseVerdict takes the system, seed and signature of a failure from the text that a campaign writes.
func (k *Kept) parseVerdict(text string) {
	first, rest, _ := strings.Cut(text, "\n")
	later := undecidedLine.FindStringSubmatch(first) // it was decided when it ran again
	if later != nil {
		first, rest, _ = strings.Cut(rest, "\n")
	}
	m := verdictLine.FindStringSubmatch(first)
	if m == nil {
		return
	}
	k.System, k.Seed, k.Signature = m[1], m[2], m[3]+m[4]
	if later != nil {
		k.Signature = later[1]
	}
	k.Sentence, _, _ = strings.Cut(rest, "\n")
	if all := repeatLine.FindAllStringSubmatch(text, -1); len(all) > 0 {
		k.Replay = all[len(all)-1][1]
	}
}

// errNotServed is the error about a file that is no regular file of a folder.
var errNotServed = errors.New("not a regular file in a folder of the failures")

// openRegular opens a regular file of a folder in root, without following links.
func openRegular(root *os.Root, folder, name string) (*os.File, error) {
	for _, element := range []string{folder, name} {
		if !fs.ValidPath(element) || element == "." || strings.ContainsAny(element, `/\`) {
			return nil, errNotServed
		}
	}
	if info, err := root.Lstat(folder); err != nil || !info.IsDir() {
		return nil, errNotServed
	}
	before, err := root.Lstat(folder + "/" + name)
	if err != nil || !before.Mode().IsRegular() {
		return nil, errNotServed
	}
	f, err := root.Open(folder + "/" + name)
	if err != nil {
		return nil, errNotServed
	}
	if now, err := f.Stat(); err != nil || !os.SameFile(before, now) { // it was replaced by a link in between
		_ = f.Close()
		return nil, errNotServed
	}
	return f, nil
}
