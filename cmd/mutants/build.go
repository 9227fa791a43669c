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

// errCompile is wrapped by the error about code that does not compile.
var errCompile = errors.New("it does not compile")

// module is the module whose code is mutated.
type module struct {
	root   string // its directory
	driver string // path from the root of the package of the program that runs campaigns
}

// overlay writes files, given by path from the root, and the list of them that the go
// command takes, to a directory. The compiler reads them in place of the files in the
// tree, which stays unchanged.
func (m module) overlay(dir string, files map[string]string) (list string, err error) {
	replace := map[string]string{}
	for file, text := range files {
		copied := filepath.Join(dir, strings.ReplaceAll(file, "/", "_"))
		if err := os.WriteFile(copied, []byte(text), 0o666); err != nil {
			return "", err
		}
		replace[filepath.Join(m.root, file)] = copied
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	list = filepath.Join(dir, "overlay.json")
	return list, os.WriteFile(list, overlay, 0o666)
}

// build builds the driver with files in place of the tree's, in a directory of its
// own, and returns the path of the program. The program has a table of symbols.
func (m module) build(ctx context.Context, dir string, files map[string]string) (program string, err error) {
	list, err := m.overlay(dir, files)
	if err != nil {
		return "", err
	}
	program = filepath.Join(dir, "driver")
	_, err = m.run(ctx, "go", "build", "-p", "1", "-ldflags", "-w", "-overlay", list, "-o", program, "./"+m.driver)
	return program, err
}

// run runs a command of the go toolchain in the root, and returns its output. A
// failure is errCompile, with the words of the command.
func (m module) run(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = m.root
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil {
		return "", fmt.Errorf("%w: %w: %s", errCompile, err, strings.TrimSpace(said.String()))
	}
	return string(out), nil
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
