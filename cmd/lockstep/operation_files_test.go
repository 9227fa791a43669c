package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/cmd/lockstep/internal/settings"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
)

const operationDir = "../../docs/operation"

// variables matches the variables of the environment that are settings, by their names.
var variables = regexp.MustCompile(`\bLOCKSTEP_[A-Z_]+`)

// requireSettings refuses a text with a variable that is no setting of a node.
func requireSettings(t *testing.T, text string) {
	t.Helper()
	known := []string{settings.Variable(settings.ConfigFlag)}
	for _, name := range settings.Names(nodeCommand().Flags()) {
		known = append(known, settings.Variable(name))
	}
	for _, name := range variables.FindAllString(text, -1) {
		require.Contains(t, known, name)
	}
}

// unitFile reads the unit as lists of values by key.
func unitFile(t *testing.T) (text string, values map[string][]string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(operationDir, "lockstep.service"))
	require.NoError(t, err)
	values = map[string][]string{}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if key, value, ok := strings.Cut(line, "="); ok && !strings.HasPrefix(line, "#") {
			values[key] = append(values[key], value)
		}
	}
	return string(data), values
}

// The unit gives a node time to drain and to close its log, does not start it again where
// that is of no use, and gives it no more rights than it needs.
func TestSystemdUnit(t *testing.T) {
	text, unit := unitFile(t)
	requireSettings(t, text)
	stop, err := time.ParseDuration(unit["TimeoutStopSec"][0])
	require.NoError(t, err)
	require.Greater(t, stop, defaultDrainTimeout+closeTimeout)
	require.Equal(t, []string{"SIGTERM"}, unit["KillSignal"])
	require.Equal(t, []string{"on-failure"}, unit["Restart"])
	require.Equal(t, []int{2, 10}, []int{int(cli.Usage), int(cli.Damaged)})
	require.Equal(t, []string{"2 10 11"}, unit["RestartPreventExitStatus"])
	require.Equal(t, []string{"0"}, unit["StartLimitIntervalSec"], "a full disk, or a name that does not resolve, may last")
	require.Equal(t, []string{"/usr/local/bin/lockstep node"}, unit["ExecStart"])
	for _, key := range []string{"DynamicUser", "NoNewPrivileges", "PrivateDevices", "PrivateTmp", "ProtectHome", "MemoryDenyWriteExecute", "RestrictNamespaces"} {
		require.Equal(t, []string{"yes"}, unit[key], key)
	}
	require.Equal(t, []string{""}, unit["CapabilityBoundingSet"])
	require.Equal(t, []string{"strict"}, unit["ProtectSystem"])
}

// systemd understands the unit, and finds it well confined.
func TestSystemdAcceptsTheUnit(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("there is no systemd-analyze here")
	}
	text, _ := unitFile(t)
	program, err := exec.LookPath("true")
	require.NoError(t, err)
	name := filepath.Join(t.TempDir(), "lockstep.service")
	require.NoError(t, os.WriteFile(name, []byte(strings.ReplaceAll(text, "/usr/local/bin/lockstep", program)), 0o600))
	said, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", name).CombinedOutput()
	require.NoError(t, err, string(said))
	require.Empty(t, string(said))
	said, err = exec.CommandContext(t.Context(), analyze, "security", "--offline=yes", "--threshold=15", name).CombinedOutput() // of 100
	require.NoError(t, err, string(said))
}

// The image has the program alone, which is static, and runs it as a user without rights
// with the settings of a node.
func TestContainerfile(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(operationDir, "Containerfile"))
	require.NoError(t, err)
	requireSettings(t, string(data))
	stages := strings.Split(string(data), "\nFROM ")
	require.Len(t, stages, 3, "a comment and two stages")
	mod, err := os.ReadFile("../../go.mod")
	require.NoError(t, err)
	version := regexp.MustCompile(`(?m)^go ([0-9]+\.[0-9]+)`).FindStringSubmatch(string(mod))[1]
	require.True(t, strings.HasPrefix(stages[1], "golang:"+version+" AS build\n"), "the Go of go.mod")
	require.Contains(t, stages[1], "CGO_ENABLED=0 go build -trimpath ")

	last := strings.Split(strings.TrimSpace(stages[2]), "\n")
	require.Equal(t, "scratch", last[0])
	var words []string
	for _, line := range last[1:] {
		word, rest, _ := strings.Cut(line, " ")
		words = append(words, word)
		if word == "USER" {
			require.Regexp(t, `^[1-9][0-9]*:[1-9][0-9]*$`, rest, "a number: there is no passwd")
		}
	}
	require.NotContains(t, words, "RUN")
	require.NotContains(t, words, "ADD")
	for _, word := range []string{"USER", "VOLUME", "STOPSIGNAL", "ENTRYPOINT"} {
		require.Equal(t, 1, strings.Count(strings.Join(words, " "), word), word)
	}
	require.Less(t, slices.Index(words, "COPY"), slices.Index(words, "USER"))
	require.Contains(t, stages[2], `ENTRYPOINT ["/lockstep"]`)
}
