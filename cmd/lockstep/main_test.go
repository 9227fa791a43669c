package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"lockstep":         main,
		"lockstep-siege":   besiege,
		"lockstep-planted": func() { testSystems = append(testSystems, mapOrdered()); main() },
	})
}

// The scripts in testdata/script use the command as people do, each call in a
// process of its own.
func TestCommand(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "repeat": repeat, "jsonl": jsonl, "await": await,
			"until": until, "compress": compress, "truncate": truncate, "same-results": sameSummary(times), "same-but-hash": sameSummary(timesAndHash),
		},
		Setup: ports,
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

var keptFailure = regexp.MustCompile(`(?s)([^\n]* seed (\d+): violated ([^\n ]+) .*?)repeat it: ([^\n]*)\nkept in:   ([^\n]*)`)

// repeat FILE [PROPERTY]: FILE reports a failure, of that property. repeat sets
// $SEED and $KEPT to its seed and directory. The command line given for repeating it
// reproduces the whole report in FILE.
func repeat(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: repeat FILE [PROPERTY]")
	}
	for _, m := range keptFailure.FindAllStringSubmatch(ts.ReadFile(args[0]), -1) {
		told, seed, signature, line, dir := m[1], m[2], m[3], m[4], m[5]
		if len(args) == 2 && !strings.HasPrefix(signature, args[1]+"/") {
			continue
		}
		exits(ts, false, append([]string{"1"}, strings.Fields(line)...))
		if now := ts.ReadFile("stdout"); !strings.HasPrefix(now, told) {
			ts.Fatalf("%s\ntells\n%s\nbut it was\n%s", line, now, told)
		}
		ts.Setenv("SEED", seed)
		ts.Setenv("KEPT", dir)
		return
	}
	ts.Fatalf("%s tells of no such failure", args[0])
}

// jsonl FILE KEY...: every line of FILE is a JSON object, and the last one has the
// keys.
func jsonl(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: jsonl FILE KEY...")
	}
	var last map[string]any
	for line := range bytes.Lines([]byte(ts.ReadFile(args[0]))) {
		last = nil
		if err := json.Unmarshal(line, &last); err != nil {
			ts.Fatalf("%s: %v", line, err)
		}
	}
	for _, key := range args[1:] {
		if _, ok := last[key]; !ok {
			ts.Fatalf("the last line has no %s", key)
		}
	}
}

// ports gives a script ports of its own for three nodes: $PEERS and $HTTP are base
// ports, as lockstep cluster takes them, $E holds the nodes' HTTP addresses. $P is the
// same for --peers, $H1 to $H3 are the ports of the addresses. $REGRESSIONS are the plans
// that the tree keeps.
func ports(env *testscript.Env) error {
	base, err := allocatePorts(8)
	if err != nil {
		return err
	}
	kept, err := filepath.Abs("../../testdata/regressions")
	if err != nil {
		return err
	}
	env.Setenv("REGRESSIONS", kept)
	http := base + 4
	env.Setenv("PEERS", strconv.Itoa(base))
	env.Setenv("HTTP", strconv.Itoa(http))
	env.Setenv("P", fmt.Sprintf("1=127.0.0.1:%d,2=127.0.0.1:%d,3=127.0.0.1:%d", base+1, base+2, base+3))
	for i := 1; i <= 3; i++ {
		env.Setenv(fmt.Sprintf("H%d", i), strconv.Itoa(http+i))
	}
	env.Setenv("E", fmt.Sprintf("127.0.0.1:%d,127.0.0.1:%d,127.0.0.1:%d", http+1, http+2, http+3))
	return nil
}

// until COMMAND...: repeats the command until it succeeds.
func until(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: until COMMAND...")
	}
	for range 200 {
		if ts.Exec(args[0], args[1:]...) == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	ts.Fatalf("%v does not succeed", args)
}

// await FILE: waits until FILE exists.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: await FILE")
	}
	for range 1000 {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	ts.Fatalf("%s does not come", args[0])
}

// sameSummary returns a command for two files: their last lines, the summaries of
// campaigns, are equal but for the matches of leaveOut.
func sameSummary(leaveOut *regexp.Regexp) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != 2 {
			ts.Fatalf("usage: same-results FILE FILE")
		}
		var sums [2]string
		for i, name := range args {
			lines := strings.Split(strings.TrimSpace(ts.ReadFile(name)), "\n")
			sums[i] = leaveOut.ReplaceAllString(lines[len(lines)-1], "")
		}
		if sums[0] != sums[1] {
			ts.Fatalf("%s\n%s", sums[0], sums[1])
		}
	}
}

var (
	times        = regexp.MustCompile(`"(wall|cpu)_s":[0-9.]+,?|"go_on":"[^"]*",`)
	timesAndHash = regexp.MustCompile(`"(wall|cpu)_s":[0-9.]+,?|"hash":"[0-9a-f]+",`)
)
