package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/node/printable"
)

// describeClusters says in a line which endpoints are of which cluster if they are of
// several: their tables and versions have nothing to do with each other. Empty: they are of
// one. A node that is of no cluster yet counts for none.
func describeClusters(all []nodeStatus) string {
	of := map[string][]string{} // endpoints by the id of their cluster
	for _, r := range all {
		if r.Status != nil && r.Status.Formed != "" {
			id := printable.String(r.Status.Formed[:min(len(r.Status.Formed), 64)])
			of[id] = append(of[id], r.Endpoint)
		}
	}
	if len(of) < 2 {
		return ""
	}
	var texts []string
	for _, id := range slices.Sorted(maps.Keys(of)) {
		texts = append(texts, fmt.Sprintf("%s (%s)", id, strings.Join(of[id], ", ")))
	}
	return fmt.Sprintf("these endpoints are of %d clusters: %s", len(of), strings.Join(texts, ", "))
}
