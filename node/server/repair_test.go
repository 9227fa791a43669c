package server_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node/server"
)

// A node was down while the others served more transitions than their queues for it
// hold. When it is back it catches up, though clients only send it local reads.
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
