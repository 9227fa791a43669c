package scenarios_test

import (
	"testing"

	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/stretchr/testify/require"
)

func TestLimits(t *testing.T) {
	p := scenarios.Generate(1, shape(scenarios.All))
	p.Knobs.RepairList, p.Knobs.RoundLeap, p.Knobs.MachineQuota, p.Knobs.MachineBytes = 16, 8, 3, 512
	p.Knobs.Backlog, p.Knobs.FirstBoot, p.Knobs.FirstRound = 1024, 1<<64-1000, 1<<62-1<<32
	p.Knobs.FirstSerial = 4096
	require.NoError(t, p.Validate())
	require.Contains(t, p.Summary(), "backlog of a log 1024 bytes\nquotas: 3 machines, 512 bytes of them; 0 is the default\nlists of repair of up to 16\nboots begin with 18446744073709550616, rounds with 4611686014132420608\nserials begin with 4096, as after a restoration\nmessages ahead by up to 8 rounds\n")
	again, err := scenarios.Decode(scenarios.Encode(p))
	require.NoError(t, err)
	require.Equal(t, p.Knobs, again.Knobs)

	for want, change := range map[string]func(*scenarios.Knobs){
		"knobs.repair_list: 15: want 16 to 512, or 0":                            func(k *scenarios.Knobs) { k.RepairList = 15 },
		"knobs.repair_list: 513":                                                 func(k *scenarios.Knobs) { k.RepairList = 513 },
		"knobs.round_leap: -1: want 1 to 4194304, or 0":                          func(k *scenarios.Knobs) { k.RoundLeap = -1 },
		"knobs.round_leap: 4194305":                                              func(k *scenarios.Knobs) { k.RoundLeap = 1<<22 + 1 },
		"knobs.backlog: 1023: want 1024 to 1073741824 bytes, or 0":               func(k *scenarios.Knobs) { k.Backlog = 1023 },
		"knobs: first_boot 18446744073709550617, first_round 0: want at most":    func(k *scenarios.Knobs) { k.FirstBoot, k.FirstRound = 1<<64-999, 0 },
		"knobs.first_serial: 4097: want at most 4096":                            func(k *scenarios.Knobs) { k.FirstSerial = 4097 },
		"knobs: first_boot 0, first_round 4611686014132420609: want at most":     func(k *scenarios.Knobs) { k.FirstBoot, k.FirstRound = 0, 1<<62-1<<32+1 },
		"knobs: machine_quota -1, machine_bytes 512: want 1 to 1073741824, or 0": func(k *scenarios.Knobs) { k.MachineQuota = -1 },
		"knobs: machine_quota 3, machine_bytes 1073741825: want 1 to 1073741824": func(k *scenarios.Knobs) { k.MachineBytes = 1<<30 + 1 },
	} {
		q := *p
		change(&q.Knobs)
		err := q.Validate()
		require.ErrorIs(t, err, scenarios.ErrPlan)
		require.ErrorContains(t, err, want)
	}
}
