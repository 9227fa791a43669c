package cli

import (
	"bufio"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
)

// ProgramName returns the start of a command line that runs this program again, for
// a shell: its path, or "go run ./cmd/mine" under go run, where the path is gone when
// the program ends.
func ProgramName() string {
	program := os.Args[0]
	if !underGoRun(program) {
		return Quote(program)
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return Quote(program)
	}
	dir, err := os.Getwd()
	if err != nil {
		return "go run " + info.Path
	}
	return "go run " + Quote(packageArgument(program, info.Path, info.Main.Path, dir))
}

// cachedProgram matches the directory of a program in the build cache.
var cachedProgram = regexp.MustCompile(`/[0-9a-f]{64}-d/[^/]*$`)

// underGoRun reports whether go run has built the program: in a temporary directory,
// or in the build cache.
func underGoRun(program string) bool {
	program = filepath.ToSlash(program)
	return strings.Contains(program, "/go-build") || cachedProgram.MatchString(program)
}

// packageArgument returns the argument of go run in dir for a program of a package,
// which is part of a module.
func packageArgument(program, pkg, module, dir string) string {
	if pkg == "command-line-arguments" { // go run mine.go
		return strings.TrimSuffix(filepath.Base(program), ".exe") + ".go"
	}
	root, ok := moduleRoot(module, dir)
	if !ok {
		return pkg
	}
	within := strings.TrimPrefix(strings.TrimPrefix(pkg, module), "/")
	below, err := filepath.Rel(dir, filepath.Join(root, filepath.FromSlash(within)))
	if err != nil {
		return pkg
	}
	if below = filepath.ToSlash(below); below == "." || strings.HasPrefix(below, "../") || below == ".." {
		return below
	}
	return "./" + below
}

// moduleRoot finds the root of a module at or above dir.
func moduleRoot(module, dir string) (root string, ok bool) {
	for {
		if moduleIn(dir) == module {
			return dir, true
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", false
		}
		dir = up
	}
}

// moduleIn returns the path of the module whose go.mod is in dir, or nothing.
func moduleIn(dir string) string {
	f, err := os.Open(filepath.Join(dir, "go.mod"))
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if words := strings.Fields(lines.Text()); len(words) >= 2 && words[0] == "module" {
			return strings.Trim(words[1], `"`)
		}
	}
	return ""
}

// Quote returns a word for a shell.
func Quote(word string) string {
	if word == "" || strings.ContainsAny(word, " \t\n'\"\\$`&|;<>()*?[]#~!{}") {
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	return word
}

// Version identifies the source of this build: the version of the program's module,
// its revision, and Go's. A program of another module names the version of the
// harness, too.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "of an unknown version"
	}
	return versionOf(info)
}

// harnessModule is the module of this package.
const harnessModule = "github.com/lockstep-dst/lockstep"

func versionOf(info *debug.BuildInfo) string {
	var words []string
	add := func(word string) {
		if word != "" {
			words = append(words, word)
		}
	}
	add(strings.Trim(info.Main.Version, "()"))
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			add(s.Value[:min(12, len(s.Value))])
		}
		if s.Key == "vcs.modified" && s.Value == "true" {
			add("modified")
		}
	}
	add(info.GoVersion)
	for _, m := range info.Deps {
		if m.Path == harnessModule {
			add("with " + path.Base(m.Path))
			if m.Replace != nil {
				m = m.Replace
			}
			add(strings.Trim(m.Version, "()"))
		}
	}
	return strings.Join(words, " ")
}
