package sim

import (
	"errors"
	"fmt"
	"testing"

	"github.com/lockstep-dst/lockstep/sim/disk"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/stretchr/testify/require"
)

// lifeRecorder reports every event. In its first life only, it sets a timer and
// writes to its disk; both take 10ms.
func lifeRecorder(_ ID, life int) Process {
	return stepFunc(func(ev *Event, out *Effects) {
		out.Observe(textObservation(fmt.Sprintf("life %d: %v %d", life, ev.Kind, ev.Token)))
		if ev.Kind == Boot && life == 1 {
			out.SetTimer(7, 10*ms)
			out.Disk(disk.Request{Op: disk.Write, File: "f", Token: 8})
		}
	})
}

func collectLives(into *[]string) func(*Config) {
	return func(c *Config) {
		collectTimedObservations(into)(c)
		c.New = lifeRecorder
		c.Processes[0].Disk.Write.Min = 10 * ms
	}
}

func TestALifeHearsOfItsOwnAffairs(t *testing.T) {
	var facts []string
	w := worldOf(t, 1, nil, collectLives(&facts))
	w.Run(sec)
	require.Equal(t, []string{"0s 1 life 1: boot 1", "10ms 1 life 1: done 8", "10ms 1 life 1: timer 7"}, facts)
}

func TestAFormerLifesAffairsEndWithIt(t *testing.T) {
	var facts []string
	w := worldOf(t, 1, nil, collectLives(&facts))
	w.Run(ms)
	w.LosePower(1)
	w.Start(1)
	w.Run(sec)
	require.Equal(t, []string{"0s 1 life 1: boot 1", "0s 1 life 2: boot 2"}, facts)
}

func TestALifeMayEndBeforeItsBoot(t *testing.T) {
	var facts []string
	w := worldOf(t, 1, nil, collectLives(&facts))
	w.LosePower(1)
	w.Start(1)
	w.Run(sec)
	require.Equal(t, []string{"0s 1 life 2: boot 2"}, facts)
}

// Messages are addressed to a process, not to one of its lives.
func TestAMessageMeetsWhoeverLivesThen(t *testing.T) {
	var facts []string
	w := worldOf(t, 1, nil, collectLives(&facts))
	w.Invoke(5*ms, 1, note{})
	w.Invoke(50*ms, 1, note{})
	w.Run(ms)
	w.LosePower(1)
	w.Run(20 * ms) // the first is lost
	w.Start(1)
	w.Run(sec)
	require.Equal(t, []string{"0s 1 life 1: boot 1", "10ms 1 life 2: boot 2", "50ms 1 life 2: request 0"}, facts)
}

func TestMessagesToADownProcessAreLost(t *testing.T) {
	talk := stepFunc(func(ev *Event, out *Effects) {
		if ev.Kind == Invoke {
			out.Send(2, note{})
		}
	})
	w := worldOf(t, 2, talk)
	w.Run(0)
	w.LosePower(2)
	w.Invoke(0, 1, note{})
	w.Run(sec)
	require.Equal(t, Stats{Events: 4, Sent: 1, Dropped: 1, PowerLosses: 1}, w.Stats())
}

func TestAFailedDiskRequestSaysSo(t *testing.T) {
	var trace []string
	var err error
	w := worldOf(t, 1, func(ev *Event, out *Effects) {
		if ev.Kind == Boot {
			out.Disk(disk.Request{Op: disk.Sync, File: "f", Token: 5})
		}
		err = ev.Err
	}, words(&trace))
	w.Run(0)
	require.ErrorIs(t, err, disk.ErrNoFile)
	require.Equal(t, `0s           1         disk done 5: file "f": no such file`, trace[len(trace)-1])
}

func TestUp(t *testing.T) {
	w := worldOf(t, 1, idle)
	require.True(t, w.Up(1))
	w.LosePower(1)
	require.False(t, w.Up(1))
}

func TestMisuseOfAWorldPanics(t *testing.T) {
	nobody := func(c *Config) { c.New = func(ID, int) Process { return nil } }
	request := stepFunc(func(ev *Event, out *Effects) { out.Disk(write("f", -1, "")) })
	for _, c := range []struct {
		want string
		do   func()
	}{
		{"sim: process 1 runs already", func() { worldOf(t, 1, idle).Start(1) }},
		{"sim: process 1 is down already", func() {
			w := worldOf(t, 1, idle)
			w.CrashProcess(1)
			w.CrashProcess(1)
		}},
		{"sim: no process 2", func() { worldOf(t, 1, idle).Start(2) }},
		{"sim: no process 0", func() { worldOf(t, 1, idle).LosePower(0) }},
		{"sim: no process 65535", func() { worldOf(t, 1, idle).Up(65535) }},
		{"sim: no process 2", func() { worldOf(t, 1, idle).Invoke(0, 2, note{}) }},
		{"sim: process 1: write f -1+0: not within 0 to 1073741824", func() { worldOf(t, 1, request).Run(0) }},
		{"sim: New made nothing for life 1 of process 1", func() { worldOf(t, 1, nil, nobody) }},
	} {
		require.PanicsWithValue(t, c.want, c.do)
	}
}

func TestNewNamesTheError(t *testing.T) {
	sound := func() Config {
		return Config{New: newToy, Processes: []Spec{{ID: 1}, {ID: 255}}}
	}
	_, err := New(sound())
	require.NoError(t, err)
	for _, c := range []struct {
		edit func(*Config)
		want string
	}{
		{func(c *Config) { c.New = nil }, "New: want a function"},
		{func(c *Config) { c.Processes = nil }, "processes: want at least one"},
		{func(c *Config) { c.Processes[1].ID = 1 }, "processes[1]: id 1 is taken"},
		{func(c *Config) { c.Processes[0].ID = 0 }, "processes[0]: id 0: want 1 to 255"},
		{func(c *Config) { c.Processes[0].ID = 256 }, "processes[0]: id 256: want 1 to 255"},
		{func(c *Config) { c.Processes[1].Clock.Drift = -600_000 }, "processes[1]: clock: drift_ppm -600000"},
		{func(c *Config) { c.Processes[1].Disk.Sync.Max = 1 }, "processes[1]: disk: sync: max: "},
		{func(c *Config) { c.Network.Drop = 2_000_000 }, "network: drop_ppm: 2000000"},
		{func(c *Config) { c.Network = netmodel.Profile{Delay: netmodel.Delay{Min: -1}} }, "network: delay: min: -1ns"},
	} {
		cfg := sound()
		c.edit(&cfg)
		_, err := New(cfg)
		require.ErrorContains(t, err, "invalid world: "+c.want)
		require.True(t, errors.Is(err, ErrConfig))
	}
}
