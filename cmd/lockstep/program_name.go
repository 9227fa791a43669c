package main

import (
	"os"
	"path/filepath"
	"strings"
)

// programName returns the start of a command line that runs this program again.
// Under "go run" the program's own path is gone when it ends.
func programName() string {
	program := os.Args[0]
	if strings.Contains(filepath.ToSlash(program), "/go-build") {
		return "go run ./cmd/lockstep"
	}
	if strings.ContainsAny(program, " \t'\"\\$") {
		return "'" + strings.ReplaceAll(program, "'", `'\''`) + "'"
	}
	return program
}
