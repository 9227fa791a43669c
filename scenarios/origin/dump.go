package origin

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lockstep-dst/lockstep/sim"
)

// Dump implements scenarios.Dumper.
func (r *run) Dump(id sim.ID) string { return r.processes[id].dump() }

// dump describes the state of the node, a name and a value on each line.
func (n *node) dump() string {
	var b strings.Builder
	fmt.Fprintf(&b, "life %d\n", n.life)
	for _, key := range n.plan.Machines() {
		fmt.Fprintf(&b, "%s: %s\n", key, n.state(key))
	}
	for _, id := range slices.Sorted(maps.Keys(n.proposals)) {
		p := n.proposals[id]
		fmt.Fprintf(&b, "proposal %s: %s to %s, acknowledged by %v, rejected by %v\n", id, p.invocation.Key, p.invocation.Argument,
			slices.Sorted(maps.Keys(p.acks)), slices.Sorted(maps.Keys(p.rejects)))
	}
	for _, number := range slices.Sorted(maps.Keys(n.deliveries)) {
		d := n.deliveries[number]
		fmt.Fprintf(&b, "unconfirmed %d: %v to %d, %d attempts left\n", number, d.msg, d.to, d.attempts)
	}
	return b.String()
}
