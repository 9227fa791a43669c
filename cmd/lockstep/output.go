package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// outputFlags gives all commands -o text|json, and --json for short.
func outputFlags(root *cobra.Command) {
	formFlags(root.PersistentFlags())
	complete(root, "output", func() []string { return []string{"text", "json"} })
}

func formFlags(f *pflag.FlagSet) {
	form := form("text")
	f.VarP(&form, "output", "o", "form of answers and errors: text or json")
	short := jsonForm{&form}
	f.VarPF(&short, "json", "", "the same as -o json").NoOptDefVal = "true"
}

// asJSON reports whether a command was asked to answer in JSON.
func asJSON(cmd *cobra.Command) bool { return cmd.Flag("output").Value.String() == "json" }

// form is the form of an answer. It implements pflag.Value.
type form string

func (f *form) String() string { return string(*f) }
func (f *form) Type() string   { return "text|json" }

func (f *form) Set(text string) error {
	if text != "text" && text != "json" {
		return fmt.Errorf("want text or json")
	}
	*f = form(text)
	return nil
}

// jsonForm is the same form as a switch. It implements pflag.Value.
type jsonForm struct{ *form }

func (f *jsonForm) String() string   { return fmt.Sprint(f.form != nil && *f.form == "json") }
func (f *jsonForm) Type() string     { return "bool" }
func (f *jsonForm) IsBoolFlag() bool { return true }

func (f *jsonForm) Set(text string) error {
	switch text {
	case "true":
		*f.form = "json"
	case "false":
		*f.form = "text"
	default:
		return fmt.Errorf("want true or false")
	}
	return nil
}

// asksForJSON reports whether arguments ask for JSON, also those that are wrong in other
// ways: the error is to be in JSON, too.
func asksForJSON(args []string) bool {
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.ParseErrorsAllowlist.UnknownFlags = true
	f.BoolP("help", "h", false, "")
	formFlags(f)
	_ = f.Parse(args) // what it has understood counts
	return f.Lookup("output").Value.String() == "json"
}

// errorCodes names why a command failed, by its exit code, for programs.
var errorCodes = map[int]string{
	exitViolated: "violated", exitUsage: "bad-request", exitHarness: "harness", exitUndecided: "undecided",
	exitRejected: "rejected", exitUnknown: "unknown", exitStopped: "stopped", exitNeverHit: "never-hit", exitNobody: "unreachable",
	exitInapplicable: "inapplicable",
}

// tellError tells an error as a node would: in the form of server.Failure.
func tellError(out io.Writer, code int, err error) {
	var f struct {
		Error struct {
			Code string `json:"code"`
			Text string `json:"text"`
		} `json:"error"`
	}
	if f.Error.Code = errorCodes[code]; f.Error.Code == "" {
		f.Error.Code = "failed"
	}
	f.Error.Text = err.Error()
	_ = json.NewEncoder(out).Encode(f) // what comes of writing, the output keeps
}
