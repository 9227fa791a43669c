package main

import (
	"os"
	"path/filepath"
	"strings"
)

// programName is how the user started this program, to be pasted in front of
// arguments: under "go run" the program's own path is gone when it ends.
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
