package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node/httpapi"
)

// Quotas are remarked on from four fifths on, before they are reached.
func TestStatusTellsQuotasThatAreNearlyUsed(t *testing.T) {
	for used, want := range map[uint64]string{
		0: "", 7999: "", 8000: "quota of definitions: 8000 of 10000 are used",
		10_000: "quota of definitions: 10000 of 10000 are used", 10_001: "quota of definitions: 10001 of 10000 are used",
	} {
		st := httpapi.Status{Stage: "formed", Quotas: []httpapi.QuotaUse{{Name: "machines", Used: 5, Limit: 5_000_000}, {Name: "definitions", Used: used, Limit: 10_000}}}
		require.Equal(t, want, remark(&st), used)
	}
}
