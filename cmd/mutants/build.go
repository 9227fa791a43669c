package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// errCompile is wrapped by the error about a mutant that does not compile.
var errCompile = errors.New("it does not compile")

// build builds the driver with a mutant in it, in a directory of its own, and
// returns the path of the program. The compiler reads the changed files in place of
// the files in the tree (an overlay), and the tree stays unchanged.
func build(ctx context.Context, root, dir string, m *mutant) (program string, err error) {
	changed, err := m.apply(root)
	if err != nil {
		return "", err
	}
	replace := map[string]string{}
	for file, text := range changed {
		copied := filepath.Join(dir, strings.ReplaceAll(file, "/", "_"))
		if err := os.WriteFile(copied, []byte(text), 0o666); err != nil {
			return "", err
		}
		replace[filepath.Join(root, file)] = copied
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	list := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, overlay, 0o666); err != nil {
		return "", err
	}
	program = filepath.Join(dir, "driver")
	cmd := exec.CommandContext(ctx, "go", "build", "-p", "1", "-ldflags", "-s -w", "-overlay", list, "-o", program, "./cmd/mutants/driver")
	cmd.Dir = root
	if said, err := cmd.CombinedOutput(); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return "", fmt.Errorf("%s: %w: %s", m.file, errCompile, strings.TrimSpace(string(said)))
	}
	return program, nil
}

// moduleRoot returns the root of the module that the working directory is in.
func moduleRoot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}
	mod := strings.TrimSpace(string(out))
	if mod == "" || mod == os.DevNull {
		return "", errors.New("this directory is in no module: run it from a clone of this one")
	}
	return filepath.Dir(mod), nil
}
