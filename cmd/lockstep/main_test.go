package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"lockstep": main})
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
		},
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

var kept = regexp.MustCompile(`(?s)([^\n]* seed (\d+): violated ([^\n ]+) .*?)repeat it: ([^\n]*)\nkept in:   ([^\n]*)`)

// repeat FILE [PROPERTY]: FILE tells of a failure, of that property. $SEED and
// $KEPT become its seed and directory. The line that repeats it does so: it tells
// all that FILE tells.
func repeat(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: repeat FILE [PROPERTY]")
	}
	for _, m := range kept.FindAllStringSubmatch(ts.ReadFile(args[0]), -1) {
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

// jsonl FILE KEY...: every line of FILE is a JSON object, and the last has the
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

// await FILE: it comes to exist.
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
