package sim

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/sim/disk"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/sim/golden"
	"github.com/stretchr/testify/require"
)

// A transcript is a script with the output of each line, indented, below it. # is
// a comment. The first command is
//
//	world {"seed": 1, "network": {...}, "disk": {...}, "clocks": [...]}
//
// which makes a world of three toys. The other commands run at the script's own
// time, which only run advances:
//
//	start 2, crash 2         a process; crash is a power loss
//	send 1 a/2               invoke 1 to count operation a, and ping 2 about it
//	cut 1>2, join 1>2        a link
//	network {...}            a profile for all links
//	fate MESSAGE = {...}     an override of one message, named as the trace does
//	run 10ms
func TestTranscripts(t *testing.T) {
	golden.Transcripts(t, "testdata/*.txt", func(t *testing.T) func([]string) string {
		var p scriptRunner
		return func(words []string) string {
			p.play(t, words[0], strings.Join(words[1:], " "))
			defer p.out.Reset()
			return p.out.String()
		}
	})
}

// scriptRunner runs a script and writes the trace.
type scriptRunner struct {
	world *World
	now   Duration
	out   strings.Builder
}

func (p *scriptRunner) play(t *testing.T, command, rest string) {
	switch command {
	case "world":
		p.open(t, rest)
	case "run":
		var d Duration
		parse(t, rest, &d)
		p.now += d
		p.world.Run(p.now)
	case "send":
		var id ID
		from, operation, _ := strings.Cut(rest, " ")
		unmarshal(t, from, &id)
		p.world.Invoke(p.now, id, note{kind: "count", operation: operation})
		p.world.Run(p.now)
	default:
		p.world.Schedule(p.now, command+" "+rest, p.action(t, command, rest))
		p.world.Run(p.now)
	}
}

// open makes the world of the first command.
func (p *scriptRunner) open(t *testing.T, text string) {
	var spec struct {
		Seed    uint64
		Network netmodel.Profile
		Disk    disk.Profile
		Clocks  []Clock
	}
	unmarshal(t, text, &spec)
	cfg := Config{Seed: spec.Seed, Network: spec.Network, New: newToy}
	cfg.Trace = func(l TraceLine) { p.out.WriteString(l.String() + "\n") }
	for id := ID(1); id <= 3; id++ {
		s := Spec{ID: id, Disk: spec.Disk}
		if int(id) <= len(spec.Clocks) {
			s.Clock = spec.Clocks[id-1]
		}
		cfg.Processes = append(cfg.Processes, s)
	}
	w, err := New(cfg)
	require.NoError(t, err)
	p.world = w
}

// action returns the function that a command calls on the world.
func (p *scriptRunner) action(t *testing.T, command, rest string) func() {
	w, net := p.world, p.world.Network()
	switch command {
	case "start", "crash":
		var id ID
		unmarshal(t, rest, &id)
		if command == "start" {
			return func() { w.Start(id) }
		}
		return func() { w.LosePower(id) }
	case "cut", "join":
		var l netmodel.Link
		parse(t, rest, &l)
		if command == "cut" {
			return func() { net.Cut(l) }
		}
		return func() { net.Uncut(l) }
	case "network":
		var profile netmodel.Profile
		unmarshal(t, rest, &profile)
		return func() { net.SetAll(profile) }
	case "fate":
		var a Address
		var o netmodel.Override
		message, override, _ := strings.Cut(rest, " = ")
		parse(t, message, &a)
		unmarshal(t, override, &o)
		return func() { net.Override(a.Link, a.FateKey(), a.Occurrence, o) }
	}
	t.Fatalf("unknown command %q", command)
	return nil
}

func unmarshal(t *testing.T, text string, into any) {
	require.NoError(t, json.Unmarshal([]byte(text), into), text)
}

func parse(t *testing.T, text string, into interface{ UnmarshalText([]byte) error }) {
	require.NoError(t, into.UnmarshalText([]byte(text)))
}
