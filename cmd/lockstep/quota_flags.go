package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/spf13/pflag"
)

// quotaFlag is the flag --quotas. It changes the quotas that it names.
type quotaFlag struct{ quotas node.Quotas }

func newQuotaFlag(f *pflag.FlagSet) *quotaFlag {
	q := &quotaFlag{node.DefaultQuotas()}
	f.Var(q, "quotas", "what may be created; what exists goes on beyond them")
	return q
}

// fields are the quotas, by their names in the status.
func (q *quotaFlag) fields() map[string]*uint64 {
	return map[string]*uint64{
		"machines": &q.quotas.Machines, "machine_bytes": &q.quotas.MachineBytes,
		"definitions": &q.quotas.Definitions, "definition_bytes": &q.quotas.DefinitionBytes,
	}
}

// Type implements pflag.Value.
func (q *quotaFlag) Type() string { return "NAME=N,..." }

// String implements pflag.Value.
func (q *quotaFlag) String() string {
	return fmt.Sprintf("machines=%d,machine_bytes=%d,definitions=%d,definition_bytes=%d",
		q.quotas.Machines, q.quotas.MachineBytes, q.quotas.Definitions, q.quotas.DefinitionBytes)
}

// Set implements pflag.Value.
func (q *quotaFlag) Set(text string) error {
	for part := range strings.SplitSeq(text, ",") {
		name, number, _ := strings.Cut(part, "=")
		field := q.fields()[strings.TrimSpace(name)]
		if field == nil {
			return fmt.Errorf("%q: want machines, machine_bytes, definitions or definition_bytes, as in machines=100000", name)
		}
		n, err := strconv.ParseUint(number, 10, 64)
		if err != nil || n == 0 {
			return fmt.Errorf("%s=%s: want a number from 1", name, number)
		}
		*field = n
	}
	return nil
}
