package sim

import (
	"fmt"
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/stretchr/testify/require"
)

// dialogue returns a world in which process 1 sees its connections. It sends a
// question each 10 ms, n in all, to process 2, which answers each at once. A message
// takes 1 ms.
func dialogue(t *testing.T, n int, facts *[]string, edits ...func(*Config)) *World {
	asks := stepFunc(func(ev *Event, out *Effects) {
		switch ev.Kind {
		case Boot:
			out.SetTimer(1, ms)
		case Timer:
			if int(ev.Token) < n {
				out.SetTimer(ev.Token+1, 10*ms)
			}
			out.Send(2, note{"ask", fmt.Sprint(ev.Token), int(ev.Token)})
		case Receive, SendFailed:
			out.Observe(textObservation(fmt.Sprintf("%v %d", ev.Kind, ev.Message.(note).n)))
		case Disconnected:
			out.Observe(textObservation(fmt.Sprintf("%v from %d", ev.Kind, ev.From)))
		}
	})
	answers := stepFunc(func(ev *Event, out *Effects) {
		if ev.Kind == Receive {
			m := ev.Message.(note)
			out.Observe(textObservation(fmt.Sprintf("asked %d", m.n)))
			out.Send(1, note{"answer", m.operation, m.n})
		}
	})
	both := func(c *Config) {
		c.Processes[0].SeesConnections, c.NewsDelay = true, ms
		c.New = func(id ID, _ int) Process { return map[ID]Process{1: asks, 2: answers}[id] }
	}
	return worldOf(t, 2, nil, append([]func(*Config){both, collectTimedObservations(facts)}, edits...)...)
}

var two1 = netmodel.Link{From: 2, To: 1}

// during gives a link another profile for a while.
func during(w *World, l netmodel.Link, from, until Duration, edit func(*netmodel.Profile)) {
	p := w.cfg.Network
	edit(&p)
	at(w, from, func() { w.Network().SetProfile(l, p) })
	at(w, until, func() { w.Network().SetProfile(l, w.cfg.Network) })
}

// The question is delivered, and its answer is lost with the connection. The next
// question goes over a new one.
func TestAConnectionBreaksBehindItsMessage(t *testing.T) {
	var facts []string
	w := dialogue(t, 2, &facts)
	during(w, one2, 0, 5*ms, func(p *netmodel.Profile) { p.Break = netmodel.Always })
	w.Run(sec)
	require.Equal(t, []string{"2ms 2 asked 1", "3ms 1 disconnected from 2", "12ms 2 asked 2", "13ms 1 receive 2"}, facts)
	require.EqualValues(t, 1, w.Hits().Break)
	require.EqualValues(t, 1, w.Hits().Reset, "the answer")
	require.EqualValues(t, 1, w.Stats().Disconnects)
}

// A reset is seen at once by a process that reads, and after the latency of the way
// back by a process that writes.
func TestAResetEndsBothDirections(t *testing.T) {
	for _, l := range []netmodel.Link{one2, two1} {
		var facts []string
		w := dialogue(t, 2, &facts)
		during(w, l, 0, 5*ms, func(p *netmodel.Profile) { p.Reset = netmodel.Always })
		w.Run(sec)
		want := []string{"3ms 1 disconnected from 2", "12ms 2 asked 2", "13ms 1 receive 2"}
		if l == two1 {
			want = append([]string{"2ms 2 asked 1"}, want...)
		}
		require.Equal(t, want, facts, "%v", l)
	}
}

// The crash of a process ends a connection that was used. Its host refuses the next
// one until the process is up again.
func TestAProcessCrashIsSeen(t *testing.T) {
	var facts []string
	w := dialogue(t, 3, &facts)
	at(w, 5*ms, func() { w.CrashProcess(2) })
	at(w, 15*ms, func() { w.Start(2) })
	w.Run(sec)
	require.Equal(t, []string{
		"2ms 2 asked 1", "3ms 1 receive 1", "6ms 1 disconnected from 2",
		"13ms 1 refused 2", "22ms 2 asked 3", "23ms 1 receive 3",
	}, facts)
	require.EqualValues(t, 1, w.Stats().SendFailures)
}

// Without a connection there is none to end: the first message is refused.
func TestADownProcessRefusesTheFirstMessage(t *testing.T) {
	var facts []string
	w := dialogue(t, 1, &facts)
	at(w, ms/2, func() { w.CrashProcess(2) })
	w.Run(sec)
	require.Equal(t, []string{"3ms 1 refused 1"}, facts)
}

// A power loss is silence. When the host is back it knows no connection, and says so
// to the next message, which is lost.
func TestAPowerLossIsSilent(t *testing.T) {
	var facts []string
	w := dialogue(t, 4, &facts)
	at(w, 5*ms, func() { w.LosePower(2) })
	at(w, 15*ms, func() { w.Start(2) })
	w.Run(sec)
	require.Equal(t, []string{
		"2ms 2 asked 1", "3ms 1 receive 1", "23ms 1 disconnected from 2", "32ms 2 asked 4", "33ms 1 receive 4",
	}, facts)
}

// A cut hides the end of a connection, and a refusal.
func TestACutHidesNews(t *testing.T) {
	var facts []string
	w := dialogue(t, 4, &facts)
	at(w, 4*ms, func() { w.Network().Cut(two1) })
	at(w, 5*ms, func() { w.CrashProcess(2) })
	at(w, 25*ms, func() { w.Network().Uncut(two1) })
	w.Run(sec)
	require.Equal(t, []string{"2ms 2 asked 1", "3ms 1 receive 1", "33ms 1 disconnected from 2"}, facts)
}

// What is under way over a connection is lost with it, also if its peer is up again.
func TestMessagesOfAnEndedConnectionAreLost(t *testing.T) {
	var facts []string
	w := dialogue(t, 2, &facts)
	at(w, 11500*ms/1000, func() { w.CrashProcess(2); w.Start(2) }) // the second question is under way
	w.Run(sec)
	require.Equal(t, []string{"2ms 2 asked 1", "3ms 1 receive 1", "12.5ms 1 disconnected from 2"}, facts)
}

// Processes that do not see connections are told nothing, and lose nothing more.
func TestConnectionsAreNotSeenUnlessAskedFor(t *testing.T) {
	var facts []string
	w := dialogue(t, 3, &facts, func(c *Config) { c.Processes[0].SeesConnections = false })
	at(w, 5*ms, func() { w.CrashProcess(2) })
	at(w, 15*ms, func() { w.Start(2) })
	w.Run(sec)
	require.Equal(t, []string{"2ms 2 asked 1", "3ms 1 receive 1", "22ms 2 asked 3", "23ms 1 receive 3"}, facts)
}

// The connections of a process that sees them end with its life.
func TestAnObserversConnectionsEndWithIt(t *testing.T) {
	var facts []string
	w := dialogue(t, 1, &facts)
	at(w, 2500*ms/1000, func() { w.CrashProcess(1); w.Start(1) }) // the answer is under way
	w.Run(3 * ms)
	require.Equal(t, []string{"2ms 2 asked 1"}, facts)
}

// Of two processes that see their connections, the one with the higher id is told of
// a crash of the other.
func TestAnObserverIsToldOfTheCrashOfAnother(t *testing.T) {
	for _, both := range []bool{false, true} {
		var facts []string
		w := worldOf(t, 2, func(ev *Event, out *Effects) {
			switch ev.Kind {
			case Boot:
				out.Send(1, note{"hello", "-", 1})
				out.Send(2, note{"hello", "-", 1})
			case Disconnected:
				out.Observe(textObservation(fmt.Sprintf("%v from %d", ev.Kind, ev.From)))
			}
		}, collectTimedObservations(&facts), func(c *Config) {
			c.NewsDelay = ms
			c.Processes[0].SeesConnections, c.Processes[1].SeesConnections = both, true
		})
		at(w, 10*ms, func() { w.CrashProcess(1) })
		w.Run(sec)
		require.Equal(t, []string{"11ms 2 disconnected from 1"}, facts, "both: %v", both)
	}
}
