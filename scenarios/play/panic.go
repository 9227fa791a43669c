package play

import (
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"unicode"

	"github.com/lockstep-dst/lockstep/scenarios"
)

// panicViolation is the violation of a panic of the system. It is called by the
// deferred function that has recovered cause.
//
// Each panic has a class of its own, so that campaigns count different ones apart and
// shrinking does not make one into another: panic, the words of its cause and the
// function of the system in which it began.
func panicViolation(at scenarios.Duration, cause any) *scenarios.Violation {
	stack := panicStack()
	return &scenarios.Violation{
		Property: "assertion", Class: "panic" + panicClass(fmt.Sprint(cause), stack), At: at,
		Sentence: fmt.Sprintf("Panic: %v\n%s", cause, describeFrames(stack)),
	}
}

// maxPanicWords bounds the words of a panic's cause in its class, in bytes.
const maxPanicWords = 60

// panicClass returns what distinguishes a panic from others: words and place, each
// after a hyphen.
func panicClass(cause string, stack []runtime.Frame) (class string) {
	if words := kebab(causeWords(cause), maxPanicWords); words != "" {
		class = "-" + words
	}
	if f := systemFunction(stack); f != "" {
		class += "-in-" + f
	}
	return class
}

// causeWords returns the words of the first line of a cause that are the same in
// every run: none that has a digit, as addresses, counts and ids have, and none in
// quotation marks.
func causeWords(cause string) (words []string) {
	line, _, _ := strings.Cut(cause, "\n")
	for i, part := range strings.Split(line, `"`) {
		if i%2 == 1 {
			continue
		}
		for _, w := range strings.FieldsFunc(part, func(r rune) bool { return !isWordRune(r) }) {
			if !strings.ContainsFunc(w, unicode.IsDigit) {
				words = append(words, w)
			}
		}
	}
	return words
}

// isWordRune reports whether a rune is part of a word. A point is, so that c1.2 is one.
func isWordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '.' }

// kebab joins the letters of words with hyphens, in lower case. Words beyond limit
// bytes are left out; 0 is no limit.
func kebab(words []string, limit int) string {
	var b strings.Builder
	for _, w := range words {
		w = strings.ToLower(strings.Trim(w, "."))
		if limit > 0 && b.Len()+1+len(w) > limit {
			break
		}
		if b.Len() > 0 && w != "" {
			b.WriteByte('-')
		}
		b.WriteString(hyphens.Replace(w))
	}
	return b.String()
}

// panicStack returns the stack of the current panic, innermost first, up to the
// runner, whose callers do not matter.
func panicStack() (stack []runtime.Frame) {
	var at [64]uintptr
	frames := runtime.CallersFrames(at[:runtime.Callers(5, at[:])])
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		if strings.HasSuffix(f.Function, ".runRecovered") {
			break
		}
		if !strings.HasPrefix(f.Function, "runtime.") {
			stack = append(stack, f)
		}
	}
	return stack
}

// describeFrames lists frames without addresses: the same for the same code.
func describeFrames(stack []runtime.Frame) string {
	var lines []string
	for _, f := range stack {
		lines = append(lines, fmt.Sprintf("  %s (%s:%d)", f.Function, filepath.Base(f.File), f.Line))
	}
	return strings.Join(lines, "\n")
}

// simulation lists the packages below which a frame is not of the system.
var simulation = []string{
	"github.com/lockstep-dst/lockstep/netmodel", "github.com/lockstep-dst/lockstep/sim", "github.com/lockstep-dst/lockstep/scenarios/play",
}

// systemFunction returns the innermost function of the system in a stack, in the form
// of a class: not one of the simulation, and not one of the standard library, which is
// known by a path without a domain. A module of the system may have none, either:
// then the first function that is not of the simulation counts.
func systemFunction(stack []runtime.Frame) string {
	without := ""
	for _, f := range stack {
		pkg, function := splitFunction(f.Function)
		if ofSimulation(pkg) {
			continue
		}
		if domain, _, _ := strings.Cut(pkg, "/"); strings.Contains(domain, ".") || pkg == "main" {
			return functionClass(pkg, function)
		}
		if without == "" {
			without = functionClass(pkg, function)
		}
	}
	return without
}

func ofSimulation(pkg string) bool {
	for _, above := range simulation {
		if pkg == above || strings.HasPrefix(pkg, above+"/") {
			return true
		}
	}
	return false
}

// splitFunction splits the name of a function as the runtime has it, as in
// example.org/mine/store.(*Node).Step.func1, into the path of its package and the rest.
func splitFunction(name string) (pkg, function string) {
	dir, base := path.Split(name)
	last, function, _ := strings.Cut(base, ".")
	return dir + last, function
}

// functionClass returns a function in the form of a class: the name of its package,
// its receiver and its name. A closure is its function, since numbers of closures
// change with the code.
func functionClass(pkg, function string) string {
	if i := strings.IndexByte(function, '['); i >= 0 { // type arguments
		function = function[:i] + function[strings.LastIndexByte(function, ']')+1:]
	}
	words := []string{packageName(pkg)}
	for _, w := range strings.Split(receiver.Replace(function), ".") {
		if !closure.MatchString(w) {
			words = append(words, generated.ReplaceAllString(w, ""))
		}
	}
	return kebab(words, 0)
}

// packageName returns the last element of a path that is not a major version.
func packageName(pkg string) string {
	pkg = strings.ReplaceAll(pkg, "%2e", ".")
	if name := path.Base(pkg); majorVersion.MatchString(name) && name != pkg {
		return path.Base(path.Dir(pkg))
	}
	return path.Base(pkg)
}

var (
	hyphens      = strings.NewReplacer(".", "-", "_", "-")
	receiver     = strings.NewReplacer("(*", "", ")", "")
	closure      = regexp.MustCompile(`^(func|gowrap|deferwrap)?\d+(-range\d+)*$`)
	generated    = regexp.MustCompile(`(-fm|-range\d+)+$`) // a method value, the body of a loop over a function
	majorVersion = regexp.MustCompile(`^v\d+$`)
)
