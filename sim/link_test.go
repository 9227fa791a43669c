package sim

import (
	"fmt"
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/stretchr/testify/require"
)

var one2 = netmodel.Link{From: 1, To: 2}

// chatter has process 1 send a numbered message to 2 each millisecond from 0 on,
// and both report the messages that they receive.
func chatter(n int) stepFunc {
	return func(ev *Event, out *Effects) {
		switch ev.Kind {
		case Boot:
			out.SetTimer(0, 0)
		case Timer:
			if int(ev.Token) < n {
				out.SetTimer(ev.Token+1, ms)
				out.Send(2, note{"say", fmt.Sprint(ev.Token), int(ev.Token)})
			}
		case Receive, SendFailed:
			if ev.From != 0 && ev.Message.(note).n >= 0 {
				out.Observe(textObservation(fmt.Sprintf("%v %d", ev.Kind, ev.Message.(note).n)))
			}
		}
	}
}

// talk returns a world in which only 1 sends, and a message takes 3 ms.
func talk(t *testing.T, n int, facts *[]string, edits ...func(*Config)) *World {
	slow := func(c *Config) {
		speak := c.New
		c.New = func(id ID, life int) Process {
			if id == 1 {
				return speak(id, life)
			}
			return stepFunc(func(ev *Event, out *Effects) {
				if ev.Kind == Receive {
					chatter(0)(ev, out)
				}
			})
		}
		c.Network.Delay.Min = 3 * ms
	}
	return worldOf(t, 2, chatter(n), append([]func(*Config){slow, collectTimedObservations(facts)}, edits...)...)
}

func TestACloggedLinkLetsAllGoAtOnceInOrder(t *testing.T) {
	var facts []string
	w := talk(t, 4, &facts)
	at(w, 1*ms, func() { w.Clog(one2); w.Clog(one2) })
	at(w, 5*ms, func() { w.Unclog(one2) })
	at(w, 5500*ms/1000, func() { w.Unclog(one2); w.Unclog(one2) })
	w.Run(sec)
	require.Equal(t, []string{"5.5ms 2 receive 0", "5.5ms 2 receive 1", "5.5ms 2 receive 2", "6ms 2 receive 3"}, facts)
	require.EqualValues(t, 3, w.Hits().Clog)
}

func TestHealingUnclogs(t *testing.T) {
	var facts []string
	w := talk(t, 1, &facts)
	at(w, 1*ms, func() { w.Clog(one2) })
	at(w, 5*ms, func() { w.Heal(w.cfg.Network) })
	w.Run(sec)
	require.Equal(t, []string{"5ms 2 receive 0"}, facts)
}

func TestRefusedSendsAreToldToThoseWhoAsk(t *testing.T) {
	for _, asks := range []bool{false, true} {
		var facts []string
		w := talk(t, 3, &facts, func(c *Config) { c.Processes[0].SeesConnections = asks })
		at(w, 500*ms/1000, func() { w.Network().Refuse(one2) })
		at(w, 1500*ms/1000, func() { w.Network().Unrefuse(one2) })
		w.Run(sec)
		want := []string{"3ms 2 receive 0", "5ms 2 receive 2"}
		if asks {
			want = append([]string{"1ms 1 refused 1"}, want...)
		}
		require.Equal(t, want, facts, "what is under way arrives")
		require.EqualValues(t, 1, w.Hits().Refuse)
	}
}

// A frame that is damaged or truncated ends the connection when it arrives: later
// messages in flight are lost with it. Then the link goes on.
func TestADamagedFrameEndsTheConnection(t *testing.T) {
	for _, cut := range []bool{false, true} {
		var facts, told []string
		w := talk(t, 7, &facts, func(c *Config) {
			c.Corrupt = func(from, to ID, m Message, cut bool, _ keyed.Key) {
				told = append(told, fmt.Sprint(from, to, m, cut))
			}
		})
		bad := w.cfg.Network
		bad.Corrupt = netmodel.Always
		if cut {
			bad.Corrupt, bad.Reset = 0, netmodel.Always
		}
		at(w, 500*ms/1000, func() { w.Network().SetProfile(one2, bad) })
		at(w, 1500*ms/1000, func() { w.Network().SetProfile(one2, w.cfg.Network) })
		w.Run(sec)
		require.Equal(t, []string{
			"3ms 2 receive 0", // before it
			"7ms 2 receive 4", // sent over the new connection, as were all after it
			"8ms 2 receive 5", "9ms 2 receive 6",
		}, facts)
		require.Equal(t, []string{fmt.Sprint(ID(1), ID(2), note{"say", "1", 1}, cut)}, told)
		h := w.Hits()
		require.EqualValues(t, 3, h.Corrupt+h.Reset, "one damaged, two lost with it")
	}
}
