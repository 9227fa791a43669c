//go:build unix

package main

import (
	"fmt"
	"os"
	"syscall"
)

// become makes this process one of another program: signals and the exit code are its own.
func become(path string, args []string) error {
	return fmt.Errorf("%s: %w", path, syscall.Exec(path, args, os.Environ()))
}
