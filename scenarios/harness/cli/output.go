package cli

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// AddOutputFlags adds -o text|json to a command and all its subcommands, and --json
// for short.
func AddOutputFlags(root *cobra.Command) {
	addFormatFlags(root.PersistentFlags())
	CompleteFlag(root, "output", func() []string { return []string{"text", "json"} })
}

func addFormatFlags(f *pflag.FlagSet) {
	form := outputFormat("text")
	f.VarP(&form, "output", "o", "form of answers and errors: text or json")
	short := jsonSwitch{&form}
	f.VarPF(&short, "json", "", "the same as -o json").NoOptDefVal = "true"
}

// AsJSON reports whether the output of a command is to be JSON. A command may have a flag
// --output of its own, which names a file.
func AsJSON(cmd *cobra.Command) bool {
	f := cmd.Flag("json")
	return f != nil && f.Value.String() == "true"
}

// outputFormat is the format of the output. It implements pflag.Value.
type outputFormat string

func (f *outputFormat) String() string { return string(*f) }
func (f *outputFormat) Type() string   { return "text|json" }

func (f *outputFormat) Set(text string) error {
	if text != "text" && text != "json" {
		return fmt.Errorf("want text or json")
	}
	*f = outputFormat(text)
	return nil
}

// jsonSwitch sets the same format by a switch. It implements pflag.Value.
type jsonSwitch struct{ *outputFormat }

func (f *jsonSwitch) String() string {
	return fmt.Sprint(f.outputFormat != nil && *f.outputFormat == "json")
}
func (f *jsonSwitch) Type() string     { return "bool" }
func (f *jsonSwitch) IsBoolFlag() bool { return true }

func (f *jsonSwitch) Set(text string) error {
	switch text {
	case "true":
		*f.outputFormat = "json"
	case "false":
		*f.outputFormat = "text"
	default:
		return fmt.Errorf("want true or false")
	}
	return nil
}

// wantsJSON reports whether arguments request JSON, even if they are wrong in other
// ways: the error is to be in JSON, too.
func wantsJSON(args []string) bool {
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.ParseErrorsAllowlist.UnknownFlags = true
	f.BoolP("help", "h", false, "")
	var form outputFormat
	f.VarP(&anyOutput{&form}, "output", "o", "")
	f.VarPF(&jsonSwitch{&form}, "json", "", "").NoOptDefVal = "true"
	_ = f.Parse(args) // the flags parsed before an error count
	return form == "json"
}

// anyOutput passes over a text that is no format: it may be the name of a file.
type anyOutput struct{ *outputFormat }

func (f *anyOutput) Set(text string) error {
	_ = f.outputFormat.Set(text)
	return nil
}

// printJSONError prints an error as a node would: in the form of httpapi.Failure.
func printJSONError(out io.Writer, code Code, err error) {
	var f struct {
		Error struct {
			Code string `json:"code"`
			Text string `json:"text"`
		} `json:"error"`
	}
	f.Error.Code, f.Error.Text = code.String(), err.Error()
	_ = json.NewEncoder(out).Encode(f) // the output keeps its errors
}
