// Command etcdraft runs campaigns over a key-value store on etcd's raft, and over each
// misuse of it: etcdraft fuzz --system etcdraft-reads-locally.
package main

import (
	"github.com/lockstep-dst/lockstep/examples/etcdraft"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/scenarios/harness"
)

func main() {
	systems := []scenarios.System{etcdraft.System(etcdraft.None)}
	for _, bug := range append(etcdraft.Bugs(), etcdraft.OwnRandomness, etcdraft.Aliased) {
		systems = append(systems, etcdraft.System(bug))
	}
	harness.Main(systems...)
}
