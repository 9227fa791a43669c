package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
)

// hostile is text that does harm if a terminal gets it: it clears the screen, sets the
// title, goes back over the line, reorders it, and begins a line that seems to be ours.
const hostile = "x\x1b[2J\x1b]0;owned\a\r\u202e\u009b31m\u2066\nFORGED: all is well"

// runHostile runs the command in a process of its own, and requires that what it prints
// is harmless.
func runHostile(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("lockstep", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		require.IsType(t, &exec.ExitError{}, err)
	}
	for _, r := range string(out) {
		require.True(t, unicode.IsPrint(r) || r == '\n' || r == '\t', "%q prints %q in %q", args, r, out)
	}
	for line := range strings.Lines(string(out)) {
		require.False(t, strings.HasPrefix(line, "FORGED"), "%q prints a line of others: %q", args, out)
	}
	return string(out)
}

// quoted is the hostile text as a string of JSON.
func quoted(t *testing.T) string {
	text, err := json.Marshal(hostile)
	require.NoError(t, err)
	return string(text)
}

// Files that others wrote.
func TestHostileFilesReachNoTerminal(t *testing.T) {
	skipIfShort(t)
	dir, q := t.TempDir(), quoted(t)
	file := func(name, text string) string {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
		return name
	}
	op := func(id, kind, argument, outcome string, at int) string {
		return fmt.Sprintf(`{"client":1,"id":%s,"machine":%s,"kind":%q,"argument":%s,"call":%d,"return":%d,"outcome":%q,"state":%s}`+"\n", id, q, kind, argument, at, at+5, outcome, argument)
	}
	const header = `{"format":"lockstep-history","version":2,"model":"kv"}` + "\n"
	read := strings.ReplaceAll(op(`"r"`, "read", q, "committed", 20), `"argument":`+q+`,`, "")
	violated := file("violated.jsonl", header+op(`"w"`, "write", `"a"`, "committed", 0)+read)
	ids := file("ids.jsonl", header+op(q, "write", q, "committed", 0)+read)
	raw := file("raw.jsonl", hostile)
	plan := file("plan.json", `{"format":`+q+`}`)
	system := file("system.json", `{"format":"lockstep-plan","version":3,"system":`+q+`}`)
	field := file("field.json", `{"format":"lockstep-plan","version":3,`+q+`:1}`)
	state := file("state.json", `{"format":`+q+`,"version":1,"shards":1}`)
	definition := file("definition.yaml", "name: "+q+"\nstates: [a]\ninitial: a\n")
	unknown := file("unknown.yaml", q+": 1\n")
	noYAML := file("no.yaml", hostile)
	hostileName := file(strings.ReplaceAll(hostile, "/", "_"), hostile)
	for _, args := range [][]string{
		{"check", violated}, {"check", "--json", violated}, {"check", "--stream", violated}, {"check", ids}, {"check", "--json", ids}, {"check", raw},
		{"check", "--format", "jepsen", raw}, {"check", "--format", "etcd", raw}, {"check", hostileName}, {"check", hostile}, {"check", "--model", hostile, ids},
		{"check", "--observations", raw, violated}, {"check", "--initial", hostile, violated},
		{"replay", plan}, {"replay", system}, {"replay", field}, {"replay", hostile}, {"replay", hostileName}, {"replay", "--json", system},
		{"shrink", plan}, {"shrink", field}, {"plan", "validate", system}, {"necessity", system},
		{"fuzz", "merge", state}, {"fuzz", "merge", hostile}, {"fuzz", "join", state}, {"fuzz", "join", hostile}, {"fuzz", "--seeds", "1", "--state", state}, {"fuzz", "--system", hostile}, {"fuzz", "--profile", hostile},
		{"fuzz", "--seeds", "1", "--definition", definition}, {"fuzz", "--seeds", "1", "--definition", unknown},
		{"define", definition, "--endpoints", "127.0.0.1:1"}, {"define", noYAML, "--endpoints", "127.0.0.1:1"}, {"define", hostile, "--endpoints", "127.0.0.1:1"},
		{"inspect", hostile}, {"get", hostile, "--endpoints", "127.0.0.1:1"}, {"watch", hostile}, {hostile}, {"--" + hostile}, {"node", "--id", hostile},
		{"node", "--id", "1", "--peers", hostile, "--data", "d"}, {"node", "--id", "1", "--peers", "1=127.0.0.1:1", "--data", hostileName},
	} {
		require.NotEmpty(t, runHostile(t, dir, args...), "%q", args)
	}
	require.Contains(t, runHostile(t, dir, "check", violated), `x\u001b[2J\u001b]0;owned\u0007\u000d\u202e\u009b31m\u2066\u000aFORGED: all is well`)
}

// A server that is not a node, or one that lies.
func TestHostileServersReachNoTerminal(t *testing.T) {
	skipIfShort(t)
	q, shown := quoted(t), map[string]bool{} // by command
	for _, body := range []string{
		hostile, q, fmt.Sprintf(`{"error":%s,"code":%s,"message":%s,"outcome":%s,"reason":%s,"text":%s,"key":%s,"state":%s,"version":1}`, q, q, q, q, q, q, q, q),
		fmt.Sprintf(`{"outcome":"committed","key":"lifecycle/a","state":%s,"version":1,"operation":%s}`, q, q),
		fmt.Sprintf(`{"outcome":"rejected","code":"illegal","reason":"illegal","text":%s,"state":%s,"version":1}`, q, q),
		fmt.Sprintf(`{"machines":[{"key":%s,"state":%s,"version":1}],"next":%s,"consistency":"local","node":1}`, q, q, q),
		fmt.Sprintf(`{"definitions":[{"name":%s,"initial":%s,"states":[%s]}]}`, q, q, q),
		fmt.Sprintf("event: state\ndata: {\"key\":%s,\"state\":%s,\"version\":1}\n\n", q, q),
	} {
		for _, code := range []int{http.StatusOK, http.StatusInternalServerError} {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				kind := "application/json"
				if strings.HasPrefix(body, "event") {
					kind = "text/event-stream"
				}
				w.Header().Set("Content-Type", kind)
				w.WriteHeader(code)
				_, _ = w.Write([]byte(body))
			}))
			at := strings.TrimPrefix(s.URL, "http://")
			for _, args := range [][]string{
				{"get", "lifecycle/a"}, {"propose", "lifecycle/a", "Running"}, {"list"}, {"definitions"}, {"status"}, {"watch", "lifecycle/a"},
			} {
				out := runHostile(t, t.TempDir(), append(args, "--endpoints", at, "--timeout", "200ms")...)
				shown[args[0]] = shown[args[0]] || strings.Contains(out, `x\u001b[2J`)
			}
			s.Close()
		}
	}
	for _, command := range []string{"get", "propose", "list", "status"} { // the others refuse an answer that no node gives
		require.True(t, shown[command], "%s has shown nothing of the text", command)
	}
}
