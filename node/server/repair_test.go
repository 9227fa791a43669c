package server_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node/server"
)

// A node that was down while others served, longer than their queues for it are,
// catches up, though no client asks it for anything but what it knows.
func TestRepairAfterDowntime(t *testing.T) {
	c := startCluster(t, 3, func(cfg *server.Config) {
		cfg.Node.RepairDelay = 50 * time.Millisecond
		cfg.Queue = 4
	})
	c.stop(3)
	const machines = 20
	for i := range machines {
		c.propose(1, fmt.Sprintf("lifecycle/m%d", i), `{"to":"Running"}`)
		c.propose(1, fmt.Sprintf("lifecycle/m%d", i), `{"to":"Stopped"}`)
	}
	c.start(3)
	for i := range machines {
		path := fmt.Sprintf("/v1/machines/lifecycle/m%d?consistency=local", i)
		eventually(t, "node 3 knows it", func() bool { return c.request(3, "GET", path, "").Version == 2 })
	}
	require.Positive(t, c.metrics(3)[`lockstep_repair_total{what="pulled"}`])
}
