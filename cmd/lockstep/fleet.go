package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"
)

// fleetProgram is the program of the fleet. It is one of its own because of its size: it
// has a message server in it, and everything else here does without.
const fleetProgram = "lockstep-fleet"

// fleetPackage is the package of the program.
const fleetPackage = "github.com/lockstep-dst/lockstep/cmd/" + fleetProgram

func fleetCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "fleet COMMAND",
		Short: "Run campaigns on many machines",
		Long: `Run campaigns on many machines, by the program ` + fleetProgram + `, which is to be beside this
one or in PATH. Get it with: go install ` + fleetPackage + `@latest`,
		DisableFlagParsing: true, // they are the program's
		RunE: func(_ *cobra.Command, args []string) error {
			path, err := findFleet()
			if err != nil {
				return err
			}
			return become(path, append([]string{path}, args...))
		},
	}
}

// errNoFleet is wrapped by the error about a program that is not there.
var errNoFleet = errors.New(fleetProgram + " is neither beside this program nor in PATH")

// findFleet returns the path of the program.
func findFleet() (string, error) {
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), fleetProgram)
		if runtime.GOOS == "windows" {
			beside += ".exe"
		}
		if info, err := os.Stat(beside); err == nil && info.Mode().IsRegular() {
			return beside, nil
		}
	}
	path, err := exec.LookPath(fleetProgram)
	if err != nil {
		return "", fmt.Errorf("%w: get it with: go install %s@latest; or, in a checkout: go build -o %s ./cmd/%s", errNoFleet, fleetPackage, fleetProgram, fleetProgram)
	}
	return path, nil
}
