package harness_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/scenarios/campaign/testdata/forgetful"
	"github.com/lockstep-dst/lockstep/scenarios/canary"
	"github.com/lockstep-dst/lockstep/scenarios/harness"
	"github.com/lockstep-dst/lockstep/scenarios/harness/testdata/register"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"mine":      func() { harness.Main(register.System()) },
		"mended":    func() { harness.Main(register.Mended()) },
		"both":      func() { harness.Main(register.System(), canary.System()) },
		"forgetful": func() { harness.Main(forgetful.System()) },
		"nothing":   func() { harness.Main() },
	})
}

// The scripts in testdata/script use the commands of users, each call in a process of its
// own.
func TestCommands(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			repository, err := filepath.Abs("../..")
			e.Setenv("REPO", repository)
			for _, name := range []string{"HOME", "GOCACHE", "GOPATH", "GOFLAGS"} { // for go run
				e.Setenv(name, os.Getenv(name))
			}
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "repeat": repeat},
	})
}

// exits CODE COMMAND...: the command ends with that exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

var repeatLine = regexp.MustCompile(`(?m)^repeat it: (.*)$`)

// repeat FILE: the first line that FILE gives for repeating a failure does so. $LINE is
// set to it.
func repeat(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: repeat FILE")
	}
	m := repeatLine.FindStringSubmatch(ts.ReadFile(args[0]))
	if m == nil {
		ts.Fatalf("%s has no line that repeats a failure", args[0])
	}
	exits(ts, false, append([]string{"1"}, strings.Fields(m[1])...))
	ts.Setenv("LINE", m[1])
}
