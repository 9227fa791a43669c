package settings

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
)

// values is a command's flags of several types.
type values struct {
	timeout time.Duration
	count   int
	peers   string
	fast    bool
	token   string
}

func newFlags(args ...string) (*values, *pflag.FlagSet) {
	v, f := &values{}, pflag.NewFlagSet("test", pflag.ContinueOnError)
	f.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		return pflag.NormalizedName(strings.Replace(name, "old-count", "max-count", 1))
	})
	f.DurationVar(&v.timeout, "consensus-timeout", 2*time.Second, "")
	f.IntVar(&v.count, "max-count", 7, "")
	f.StringVar(&v.peers, "peers", "", "")
	f.BoolVar(&v.fast, "fast", false, "")
	f.StringVar(&v.token, "admin-token", "", "")
	f.String(ConfigFlag, "", "")
	f.Int("obscure", 0, "")
	if err := f.MarkHidden("obscure"); err != nil {
		panic(err)
	}
	if err := f.Parse(args); err != nil {
		panic(err)
	}
	return v, f
}

func parse(t *testing.T, text string) *Content {
	t.Helper()
	c, err := Parse("node.yaml", []byte(text))
	require.NoError(t, err)
	return c
}

// A flag counts more than the environment, that more than the file, and that more than the
// default. Each value tells where it comes from.
func TestPrecedence(t *testing.T) {
	v, f := newFlags("--max-count=1")
	s := New(f, Names(f))
	file := parse(t, "# settings\nmax-count: 3\nconsensus-timeout: 3s\nfast: true\n")
	require.NoError(t, s.Load([]string{"LOCKSTEP_MAX_COUNT=2", "LOCKSTEP_CONSENSUS_TIMEOUT=1500ms", "HOME=/", "LOCKSTEP_PEERS="}, file))
	require.Equal(t, values{timeout: 1500 * time.Millisecond, count: 1, fast: true}, *v)
	require.Equal(t, []Setting{
		{Name: "admin-token", Type: "string"},
		{Name: "consensus-timeout", Type: "duration", Value: "1.5s", Source: Environment, Place: "LOCKSTEP_CONSENSUS_TIMEOUT"},
		{Name: "fast", Type: "bool", Value: "true", Source: File, Place: "node.yaml:4"},
		{Name: "max-count", Type: "int", Value: "1", Source: CommandLine},
		{Name: "peers", Type: "string"},
	}, s.List())
}

// The value of a list is a sequence or a mapping as well.
func TestListsOfAFile(t *testing.T) {
	for text, want := range map[string]string{
		"peers: 1=a:1,2=b:2":             "1=a:1,2=b:2",
		"peers: [1=a:1, 2=b:2]":          "1=a:1,2=b:2",
		"peers:\n  1: a:1\n  2: b:2\n":   "1=a:1,2=b:2",
		"peers:\n- x\n":                  "x",
		"peers: '2026-11-29'":            "2026-11-29",
		"peers: 2026-11-29":              "2026-11-29",
		"":                               "",
		"# only a comment\n":             "",
		"---\npeers: \"with # in it\"\n": "with # in it",
	} {
		v, f := newFlags()
		require.NoError(t, New(f, Names(f)).Load(nil, parse(t, text)), text)
		require.Equal(t, want, v.peers, text)
	}
}

// An error names the setting and its source. A value is checked even if another counts.
func TestErrorsNameTheSource(t *testing.T) {
	for name, x := range map[string]struct {
		args    []string
		environ string
		file    string
		want    string
	}{
		"environment":         {nil, "LOCKSTEP_MAX_COUNT=many", "", `LOCKSTEP_MAX_COUNT: "many", from the environment: must be an integer`},
		"though it is a flag": {[]string{"--max-count=1"}, "LOCKSTEP_MAX_COUNT=many", "", `LOCKSTEP_MAX_COUNT: "many", from the environment`},
		"without a unit":      {nil, "", "fast: true\nconsensus-timeout: 2\n", `node.yaml:2: consensus-timeout: "2": must be a duration like "30s"`},
		"of a bool":           {nil, "", "fast: yes\n", `node.yaml:1: fast: "yes": must be`},
		"unknown":             {nil, "", "max-cuont: 2\n", `node.yaml:1: max-cuont: no such setting; the nearest is max-count`},
		"quite unknown":       {nil, "", "color: red\n", `node.yaml:1: color: no such setting`},
		"twice":               {nil, "", "fast: true\npeers: x\nfast: false\n", `node.yaml:3: fast: it is in node.yaml:1 already`},
		"twice by two names":  {nil, "", "max-count: 1\nold-count: 1\n", `node.yaml:2: old-count: it is in node.yaml:1 already`},
		"the file itself":     {nil, "", "config: other.yaml\n", `node.yaml:1: config: no such setting`},
		"hidden":              {nil, "", "obscure: 1\n", `node.yaml:1: obscure: no such setting`},
		"a secret":            {nil, "LOCKSTEP_ADMIN_TOKEN=hush", "admin-token: [a, b]", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, f := newFlags(x.args...)
			err := New(f, Names(f)).Load([]string{x.environ}, parse(t, x.file))
			if x.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, x.want)
		})
	}
}

// A file that is no mapping of names to values is refused, with the place.
func TestFilesThatAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"- a\n- b\n":                      "node.yaml:1: want a mapping of settings",
		"just text":                       "node.yaml:1: want a mapping of settings",
		"fast: true\n---\nfast: false\n":  "node.yaml: more than one document",
		"fast: {":                         "node.yaml: yaml:",
		"fast:\n":                         "node.yaml:1: fast: no value",
		"peers: []\n":                     "node.yaml:1: peers: no value",
		"peers:\n  1: [a]\n":              "node.yaml:1: peers: want a value, a list",
		"peers:\n  1: a\n  1: b\n":        `node.yaml:1: peers: "1": the name is there twice`,
		"peers: ['a,b']\n":                `node.yaml:1: peers: "a,b": a value of a list must have no comma`,
		"peers: !!binary aGk=\n":          "node.yaml:1: peers: tag !!binary",
		"fast: &x true\npeers: *x\n":      "node.yaml:2: peers: want a value",
		"<<: {fast: true}\n":              `node.yaml:1: "<<": want the name of a setting`,
		"2: true\n":                       `node.yaml:1: "2": want the name of a setting`,
		"? {a: b}\n: true\n":              "node.yaml:1: ",
		"consensus-timeout: 2s\n\tx: y\n": "node.yaml: yaml: line 2",
	} {
		_, err := Parse("node.yaml", []byte(text))
		require.ErrorContains(t, err, want, text)
	}
	_, err := ReadFile(t.TempDir() + "/missing")
	require.ErrorContains(t, err, "missing")
}

// Secrets appear in no output, and in no error.
func TestSecretsAreHidden(t *testing.T) {
	_, f := newFlags()
	s := New(f, Names(f))
	require.NoError(t, s.Load([]string{"LOCKSTEP_ADMIN_TOKEN=hush"}, nil))
	var out bytes.Buffer
	require.NoError(t, WriteYAML(&out, s.List()))
	require.Contains(t, out.String(), "# admin-token: (hidden), environment LOCKSTEP_ADMIN_TOKEN")
	require.NotContains(t, out.String(), "hush")
	require.NotContains(t, s.Get("admin-token").String(), "hush")

	count := pflag.NewFlagSet("test", pflag.ContinueOnError)
	count.Int("join-secret", 0, "")
	err := New(count, Names(count)).Load([]string{"LOCKSTEP_JOIN_SECRET=hush"}, nil)
	require.EqualError(t, err, "LOCKSTEP_JOIN_SECRET: (hidden), from the environment: it is not of type int")
	for name, want := range map[string]bool{"admin-token": true, "token-file": false, "password": true, "timeout": false, "client-credentials": true, "secretary": false} {
		require.Equal(t, want, isSecret(name), name)
	}
}

// The settings as YAML are a file with the same values.
func TestYAMLReadsBack(t *testing.T) {
	v, f := newFlags("--peers=1=[::1]:7001,2=b:2", "--fast", "--consensus-timeout=1m30s")
	s := New(f, Names(f))
	var out bytes.Buffer
	require.NoError(t, WriteYAML(&out, s.List()))
	require.Contains(t, out.String(), "consensus-timeout: 1m30s # flag\n")
	require.Contains(t, out.String(), "max-count: 7 # default\n")
	again, g := newFlags()
	require.NoError(t, New(g, Names(g)).Load(nil, parse(t, out.String())))
	require.Equal(t, v, again)
}

// Of several settings the ones are named without which there is another error, or none.
func TestBlame(t *testing.T) {
	v, f := newFlags("--fast", "--consensus-timeout=9s")
	s := New(f, Names(f))
	require.NoError(t, s.Load([]string{"LOCKSTEP_MAX_COUNT=-5"}, parse(t, "peers: x")))
	instead := map[string]string(nil)
	names := func(check func() error) (all []string) {
		for _, g := range s.Blame(check(), instead, check) {
			all = append(all, g.Name)
		}
		return all
	}
	require.Equal(t, []string{"max-count"}, names(func() error {
		if v.count < 0 {
			return errNested
		}
		return nil
	}))
	require.Equal(t, []string{"consensus-timeout", "max-count"}, names(func() error {
		if time.Duration(v.count)*time.Second < v.timeout && v.timeout > 5*time.Second && v.count < 0 {
			return errNested
		}
		return nil
	}))
	require.Equal(t, []string{"max-count"}, names(func() error {
		switch {
		case v.peers == "":
			return errNoValue // without it there would be an error, too
		case v.count < 0:
			return errNested
		}
		return nil
	}))
	require.Equal(t, []string{"max-count", "peers"}, names(func() error {
		switch {
		case v.peers == "x" && v.count < 0:
			return errNested
		case v.peers == "x":
			return errTwice
		}
		return errNoValue
	}))
	require.Empty(t, names(func() error { return errNested }))
	instead = map[string]string{"peers": "y"}
	require.Equal(t, []string{"peers"}, names(func() error {
		switch v.peers {
		case "":
			return errNoValue
		case "x":
			return errNested
		}
		return nil
	}), "a value that there must be")
	require.Equal(t, values{timeout: 9 * time.Second, count: -5, peers: "x", fast: true}, *v, "nothing has changed")
}

// Variables that look like settings and are none are listed.
func TestUnknownVariables(t *testing.T) {
	_, f := newFlags()
	require.Equal(t, []string{"LOCKSTEP_MAX_COUTN; the nearest is max-count", "LOCKSTEP_SERVICE_HOST"},
		New(f, Names(f)).Unknown([]string{"LOCKSTEP_SERVICE_HOST=10.0.0.1", "PATH=/bin", "LOCKSTEP_MAX_COUTN=3", "LOCKSTEP_CONFIG=x", "LOCKSTEP_FAST=true"}))
}
