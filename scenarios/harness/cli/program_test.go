package cli

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

// A line to paste runs the package from the directory in which it is printed.
func TestPackageArgument(t *testing.T) {
	root := t.TempDir()
	deep := filepath.Join(root, "cmd", "mine")
	require.NoError(t, os.MkdirAll(deep, 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(root, "go.mod"), []byte("// of mine\nmodule example.org/mine\n"), 0o666))
	for _, c := range []struct{ pkg, module, dir, want string }{
		{"example.org/mine/cmd/mine", "example.org/mine", root, "./cmd/mine"},
		{"example.org/mine/cmd/mine", "example.org/mine", filepath.Dir(deep), "./mine"},
		{"example.org/mine/cmd/mine", "example.org/mine", deep, "."},
		{"example.org/mine/cmd/other", "example.org/mine", deep, "../other"},
		{"example.org/mine", "example.org/mine", deep, "../.."},
		{"example.org/other/cmd/other", "example.org/other", deep, "example.org/other/cmd/other"},
		{"command-line-arguments", "", root, "main.go"},
	} {
		require.Equal(t, c.want, packageArgument("/tmp/go-build1/b001/exe/main", c.pkg, c.module, c.dir), "%+v", c)
	}
}

func TestUnderGoRun(t *testing.T) {
	for program, want := range map[string]bool{
		"/tmp/go-build1211634554/b001/exe/mine":                                                     true,
		"/home/me/cache/3e/3e6458acb5f3967f8deb38f02a80bacdc62fc8c89f6cd694c6b78f93e1ab6614-d/mine": true,
		"./mine":              false,
		"/usr/local/bin/mine": false,
	} {
		require.Equal(t, want, underGoRun(program), program)
	}
}

func TestQuote(t *testing.T) {
	for word, want := range map[string]string{
		"./mine": "./mine", "my sim": "'my sim'", "it's": `'it'\''s'`, "": "''", "a$b": "'a$b'", "a;b": "'a;b'",
	} {
		require.Equal(t, want, Quote(word))
	}
}

// A program of another module tells both versions.
func TestVersion(t *testing.T) {
	info := &debug.BuildInfo{
		GoVersion: "go1.26.0",
		Main:      debug.Module{Path: "example.org/mine", Version: "v0.3.1"},
		Settings:  []debug.BuildSetting{{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.modified", Value: "true"}},
		Deps:      []*debug.Module{{Path: harnessModule, Version: "v1.2.0"}, {Path: "example.org/third", Version: "v9.0.0"}},
	}
	require.Equal(t, "v0.3.1 0123456789ab modified go1.26.0 with lockstep v1.2.0", versionOf(info))
	info.Main.Version, info.Settings, info.Deps = "(devel)", nil, nil
	require.Equal(t, "devel go1.26.0", versionOf(info))
	info.Deps = []*debug.Module{{Path: harnessModule, Version: "v1.2.0", Replace: &debug.Module{Path: "../lockstep"}}}
	require.Equal(t, "devel go1.26.0 with lockstep", versionOf(info))
}
