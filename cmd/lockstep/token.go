package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/lockstep-dst/lockstep/node/access"
	"github.com/lockstep-dst/lockstep/node/server"
	"github.com/lockstep-dst/lockstep/scenarios/harness/cli"
	"github.com/spf13/cobra"
)

func tokenCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "token ROLE NAME",
		Short: "Make a token for a client",
		Long: `Make a random token for a client, with a role and a name for the audit:

  lockstep token writer web --tokens tokens > web.token
  lockstep node --tokens tokens ...
  lockstep propose lifecycle/web-1 Running --token-file web.token

A reader reads, lists and watches; a writer also requests transitions; an admin also
creates definitions and retires machines. The token is printed, and is nowhere else.
With --tokens its hash is added to that file, which each node has a copy of; nodes
notice within a second. Without, the line for the file is printed after the token.

A name may have several tokens of one role: add the new one, give it to the client,
then delete the line of the old one.`,
		Args: cli.Exactly(2, "a role, as writer, and a name"),
		RunE: func(cmd *cobra.Command, args []string) error { return makeToken(cmd, args[0], args[1], file) },
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, noFiles
			}
			return []string{"reader", "writer", "admin"}, noFiles
		},
	}
	cmd.Flags().StringVar(&file, "tokens", "", "file of a node's tokens to add it to; it is made if it is not there")
	return cmd
}

func makeToken(cmd *cobra.Command, roleName, name, file string) error {
	role, err := access.ParseRole(roleName)
	if err != nil || role == access.None {
		return fmt.Errorf("role %q: want reader, writer or admin", roleName)
	}
	if err := access.CheckTokenName(name); err != nil {
		return err
	}
	var secret access.Secret
	rand.Read(secret[:])
	line := access.TokenLine(role, name, secret.Text())
	if file != "" {
		if err := addTokenLine(file, line); err != nil {
			return fmt.Errorf("--tokens: %w", err)
		}
		cli.BeginAnswer(cmd, fmt.Sprintf("a token of %s was added to %s: delete its line, the last one, and make another", name, file))
	}
	out := cmd.OutOrStdout()
	if cli.AsJSON(cmd) {
		return json.NewEncoder(out).Encode(map[string]string{"token": secret.Text(), "line": line})
	}
	if file != "" {
		_, err = fmt.Fprintln(out, secret.Text())
		return err
	}
	_, err = fmt.Fprintf(out, "%s\n%s\n", secret.Text(), line)
	return err
}

// addTokenLine adds a line to a file of tokens, with one write, if the file is valid
// before and after.
func addTokenLine(file, line string) error {
	text, err := server.ReadPrivateFile(file, access.MaxTokenBytes)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	added := line + "\n"
	if text != "" && !strings.HasSuffix(text, "\n") {
		added = "\n" + added
	}
	if _, err := access.ParseTokens(text + added); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	out, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if _, err := out.WriteString(added); err != nil {
		_ = out.Close() // the first error counts
		return err
	}
	return errors.Join(out.Sync(), out.Close())
}
