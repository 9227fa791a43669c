// Package cli is the part of a command that does not depend on its subject: exit
// codes, errors as text or JSON, the flags for the form of the output, strict
// arguments, and the name, version and build of the program. It is built on cobra.
//
// Package harness uses it, and a program that adds commands of its own to
// harness.Command can do so too:
//
//	cmd, err := harness.Command(mySystem)
//	if err != nil { ... }
//	cmd.AddCommand(myCommand())
//	os.Exit(cli.Run(cmd))
//
// Other modules should not import it: docs/API.md promises nothing of it.
package cli
