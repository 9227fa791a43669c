package main

import (
	"testing"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
)

// The flag changes the quotas that it names, and nothing else.
func TestQuotaFlag(t *testing.T) {
	f := pflag.NewFlagSet("node", pflag.ContinueOnError)
	q := newQuotaFlag(f)
	require.NoError(t, f.Parse([]string{"--quotas", "machines=7, definition_bytes=9", "--quotas=definitions=8"}))
	want := node.DefaultQuotas()
	want.Machines, want.Definitions, want.DefinitionBytes = 7, 8, 9
	require.Equal(t, want, q.quotas)
	require.NoError(t, q.Set(q.String()))
	require.Equal(t, want, q.quotas)
	for text, message := range map[string]string{
		"machines=0": "machines=0: want a number from 1",
		"machines":   "machines=: want a number from 1",
		"lamps=3":    `"lamps": want machines, machine_bytes, definitions or definition_bytes`,
	} {
		require.ErrorContains(t, f.Parse([]string{"--quotas", text}), message)
	}
}
