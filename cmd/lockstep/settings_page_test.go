package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/cmd/lockstep/internal/settings"
	"github.com/lockstep-dst/lockstep/sim/golden"
)

// docs/OPERATIONS.md lists all settings of a node. -update writes the list.
func TestSettingsPage(t *testing.T) {
	const page = "../../docs/OPERATIONS.md"
	data, err := os.ReadFile(page)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(data), "-run SettingsPage -update -->\n")
	require.True(t, ok)
	_, after, ok := strings.Cut(rest, "<!-- the settings end -->")
	require.True(t, ok)
	golden.Equal(t, page, before+"-run SettingsPage -update -->\n"+settingsTable()+"<!-- the settings end -->"+after)
}

// settingsTable returns the settings of a node as a table, with the units of their values.
func settingsTable() string {
	var b strings.Builder
	b.WriteString("| setting | variable | default | meaning |\n|---|---|---|---|\n")
	flags := nodeCommand().Flags()
	for _, name := range settings.Names(flags) {
		f := flags.Lookup(name)
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s |\n", name, settings.Variable(name), defaultText(f), strings.ReplaceAll(f.Usage, "|", `\|`))
	}
	return b.String()
}

func defaultText(f *pflag.Flag) string {
	if f.DefValue == "" {
		return "none"
	}
	return "`" + f.DefValue + "`"
}
