package main

import (
	"context"
	"debug/buildinfo"
	"fmt"

	"github.com/lockstep-dst/lockstep/scenarios/fleet/bisect"
	"github.com/spf13/cobra"
)

// source holds the flags that name the source of the program.
type source struct{ repo, pkg string }

func (s *source) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.repo, "repo", ".", "a directory in the git repository of the program")
	f.StringVar(&s.pkg, "package", "", "package of the program, as go build names it in --repo: ./cmd/mine")
}

// open returns a builder of the program's commits, which is to be closed.
func (s *source) open(ctx context.Context) (*bisect.Builder, error) {
	b, err := bisect.Open(ctx, s.repo, s.pkg, "")
	if err != nil {
		return nil, fmt.Errorf("--repo, --package: %w", err)
	}
	return b, nil
}

// commitOf returns the commit from which a program was built, if the program has it and
// there were no further changes.
func commitOf(program string) string {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return "" // it is no program of Go
	}
	commit := ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			return ""
		}
	}
	return commit
}
