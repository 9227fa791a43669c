package node_test

import (
	"slices"
	"testing"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/stretchr/testify/require"
)

func TestDefaultsNeedOnlyMembers(t *testing.T) {
	cfg := node.Defaults()
	require.ErrorIs(t, cfg.Validate(), node.ErrConfig)
	cfg.ID, cfg.Members = 1, []node.ID{1, 2, 3}
	require.NoError(t, cfg.Validate())
}

func TestConfigNamesWhatIsWrong(t *testing.T) {
	for want, change := range map[string]func(*node.Config){
		"members: 0: want 1 to 7":                          func(c *node.Config) { c.Members = nil },
		"members: 8: want 1 to 7":                          func(c *node.Config) { c.Members = []node.ID{1, 2, 3, 4, 5, 6, 7, 8} },
		"members: this node, 4, is not among [1 2 3]":      func(c *node.Config) { c.ID = 4 },
		"members: [1 2 2]: want different ids":             func(c *node.Config) { c.Members = []node.ID{1, 2, 2} },
		"members: [0 1 2]: want different ids, from 1":     func(c *node.Config) { c.Members = []node.ID{0, 1, 2} },
		"consensus timeout: 0s":                            func(c *node.Config) { c.ConsensusTimeout = 0 },
		"resend timeout: -1ns":                             func(c *node.Config) { c.ResendTimeout = -1 },
		"consensus timeout: 24h0m0.000000001s":             func(c *node.Config) { c.ConsensusTimeout = 24*time.Hour + 1 },
		"resend timeout: 2562047h47m16.854775807s":         func(c *node.Config) { c.ResendTimeout = 1<<63 - 1 },
		"resends: 1000001":                                 func(c *node.Config) { c.MaxResends = 1_000_001 },
		"resends: -1":                                      func(c *node.Config) { c.MaxResends = -1 },
		"dedup window: 0: want 1 to 256":                   func(c *node.Config) { c.DedupWindow = 0 },
		"dedup window: 257: want 1 to 256":                 func(c *node.Config) { c.DedupWindow = node.MaxDedupWindow + 1 },
		"batch: 0: want 1 to 16, the dedup window":         func(c *node.Config) { c.Batch = 0 },
		"batch: 17: want 1 to 16, the dedup window":        func(c *node.Config) { c.Batch = 17 },
		"repair delay: -1s: want 0 to 24h":                 func(c *node.Config) { c.RepairDelay = -time.Second },
		"repair delay: 25h":                                func(c *node.Config) { c.RepairDelay = 25 * time.Hour },
		"repair rate: 0":                                   func(c *node.Config) { c.RepairDelay, c.RepairRate = 1, 0 },
		"repair list: 15: want 16 to 512, or 0 for 512":    func(c *node.Config) { c.RepairList = 15 },
		"repair list: 513":                                 func(c *node.Config) { c.RepairList = node.MaxRepairList + 1 },
		"queue: 0":                                         func(c *node.Config) { c.Queue = 0 },
		`definitions[1]: definition "idle": invalid: 0 st`: func(c *node.Config) { c.Definitions = append(c.Definitions, fsm.Definition{Name: "idle"}) },
		`definitions[1]: "lifecycle" is defined twice`:     func(c *node.Config) { c.Definitions = append(c.Definitions, fsm.Lifecycle()) },
	} {
		cfg := config(1, 3)
		change(&cfg)
		err := cfg.Validate()
		require.ErrorIs(t, err, node.ErrConfig)
		require.ErrorContains(t, err, want)
		_, err = node.New(cfg)
		require.ErrorContains(t, err, want)
	}
}

// The order of Config.Members does not matter.
func TestMembersAreASet(t *testing.T) {
	a := newWorld(3, nil)
	b := newWorld(3, func(c *node.Config) { slices.Reverse(c.Members) })
	for _, w := range []*world{a, b} {
		w.request(1, &node.Request{Kind: node.Propose, Key: key, ID: "c1.1", To: "Running"})
		w.deliverAll()
	}
	require.Equal(t, a.takeTranscript(), b.takeTranscript())
}
