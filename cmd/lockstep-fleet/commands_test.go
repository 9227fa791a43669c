package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each command has examples that it accepts.
func TestExamples(t *testing.T) {
	for _, c := range root().Commands() {
		if c.Name() == "help" || c.Name() == "completion" {
			continue
		}
		require.NotEmpty(t, c.Example, c.Name())
		for line := range strings.Lines(c.Example) {
			line, _, _ = strings.Cut(line, "#")
			found, rest, err := root().Find(strings.Fields(line)[1:])
			require.NoError(t, err)
			require.Equal(t, c.Name(), found.Name())
			require.NoError(t, found.ParseFlags(rest), line)
			require.NoError(t, found.ValidateArgs(found.Flags().Args()), line)
		}
	}
}

func TestSeeds(t *testing.T) {
	for text, want := range map[string][2]uint64{
		"1": {0, 1}, "1000000": {0, 1000000}, "5000..9999": {5000, 5000}, "7..7": {7, 1}, "18446744073709551615..18446744073709551615": {1<<64 - 1, 1},
	} {
		first, seeds, err := parseSeeds(text)
		require.NoError(t, err, text)
		require.Equal(t, want, [2]uint64{first, seeds}, text)
	}
	for _, text := range []string{"", "0", "-1", "5..4", "a..b", "1..", "0..18446744073709551615", "1.5"} {
		_, _, err := parseSeeds(text)
		require.ErrorContains(t, err, "want a number of seeds, or the first and the last, as in 5000..9999", text)
	}
}

// Wrong flags are told before anything is connected or run.
func TestWrongFlags(t *testing.T) {
	f := newFleet(t)
	users, err := filepath.Abs(usersConf)
	require.NoError(t, err)
	for want, args := range map[string][]string{
		"--binary: want the program that runs the seeds":    {"work"},
		"--dir /nonexistent: this machine cannot run":       {"work", "--binary", f.self, "--dir", "/nonexistent"},
		"--binary, --package: want one of them":             {"submit", "a", "--seeds", "1"},
		"want both or none":                                 {"serve", "--repo", "."},
		"--good: want a commit without the failure":         {"bisect"},
		"--plan: want the file with the plan":               {"bisect", "--good", "HEAD"},
		"not usable as a repository of programs":            {"bisect", "--good", "HEAD", "--plan", "p", "--package", "."},
		"want the file of a command made by harness.Main":   {"work", "--binary", "./none"},
		`name "UP": want up to 64 lower-case letters`:       {"submit", "UP", "--binary", f.self, "--seeds", "1"},
		"the names that begin with canary- are those of":    {"submit", "canary-1", "--binary", f.self, "--seeds", "1"},
		`unknown system "none"`:                             {"submit", "a", "--binary", f.self, "--seeds", "1", "--system", "none"},
		"the program did not run the seeds":                 {"submit", "a", "--binary", "/bin/false", "--seeds", "1"},
		"want the name of a campaign":                       {"status", "--wait"},
		"is fleet serve running there?":                     {"status", "--nats", f.url},
		"not a loopback address: workers of other machines": {"serve", "--listen", "0.0.0.0:0"},
		"--webhook \"file:///x\": want a URL":               {"serve", "--webhook", "file:///x"},
		"--tls-cert, --tls-key: want both or none":          {"status", "--tls-cert", "x"},
		"--prepare: want --nats":                            {"serve", "--prepare"},
		"--listen \"localhost:1\": want an address":         {"serve", "--listen", "localhost:1"},
		"--listen: listen tcp 192.0.2.1:4222: bind: ":       {"serve", "--listen", "192.0.2.1:4222", "--config", users},
		"--config: ":                           {"serve", "--config", "none"},
		`commit "abc": want all 40 or 64`:      {"submit", "a", "--binary", f.self, "--seeds", "1", "--commit", "abc"},
		`good commit "abc": want all 40 or 64`: {"submit", "a", "--binary", f.self, "--seeds", "1", "--good", "abc"},
		"no queue at nats://nosuch.invalid: ":  {"status", "--nats", "nats://me:secret@nosuch.invalid"},
	} {
		require.Contains(t, f.errors(2, args...), want)
	}
}
