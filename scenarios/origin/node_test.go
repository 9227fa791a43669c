package origin

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/scenarios"
	"github.com/lockstep-dst/lockstep/sim"
	"github.com/stretchr/testify/require"
)

// Node 1 is real; its peers 2 and 3 and its client 101 follow the scripts of the
// tests. A message takes a millisecond.

func TestANodeCommitsWithAMajority(t *testing.T) {
	c := propose("c1.1", "Running")
	requireTranscript(t, `
		1ms          1 ← 101   request lifecycle/a c1.1 propose Running
		2ms          2 ← 1     proposal lifecycle/a c1.1 propose Running
		2ms          3 ← 1     proposal lifecycle/a c1.1 propose Running
		4ms          1 ← 3     acknowledgment lifecycle/a c1.1
		4ms          1         observation: applied lifecycle/a c1.1 Init→Running
		5ms          2 ← 1     commit lifecycle/a c1.1 propose Running
		5ms          3 ← 1     commit lifecycle/a c1.1 propose Running
		5ms          101 ← 1   reply lifecycle/a c1.1 committed in Running
		8ms          1 ← 2     acknowledgment lifecycle/a c1.1
	`,
		scriptedMessage{0, 101, &message{kind: request, invocation: c}},
		scriptedMessage{3, 3, &message{kind: acknowledgment, invocation: c}},
		scriptedMessage{7, 2, &message{kind: acknowledgment, invocation: c}}, // too late to matter
	)
}

func TestANodeValidatesAndAppliesWhatAPeerProposes(t *testing.T) {
	c := propose("c2.1", "Running")
	requireTranscript(t, `
		1ms          1 ← 2     proposal lifecycle/a c2.1 propose Running
		2ms          2 ← 1     receipt lifecycle/a c2.1
		2ms          2 ← 1     acknowledgment lifecycle/a c2.1
		4ms          1 ← 2     commit lifecycle/a c2.1 propose Running
		4ms          1         observation: applied lifecycle/a c2.1 Init→Running
		5ms          2 ← 1     receipt lifecycle/a c2.1
		7ms          1 ← 101   request lifecycle/a c1.1 read
		8ms          101 ← 1   reply lifecycle/a c1.1 committed in Running
	`,
		scriptedMessage{0, 2, &message{kind: proposal, invocation: c, deliveryID: 1}},
		scriptedMessage{3, 2, &message{kind: commit, invocation: c, deliveryID: 2}},
		scriptedMessage{6, 101, &message{kind: request, invocation: read("c1.1")}},
	)
}

func TestANodeRejectsWhatIsIllegalFromItsState(t *testing.T) {
	requireTranscript(t, `
		1ms          1 ← 2     proposal lifecycle/a c2.1 propose Stopped
		2ms          2 ← 1     reject lifecycle/a c2.1 from Init
		4ms          1 ← 101   request lifecycle/a c1.1 propose Stopped
		5ms          101 ← 1   reply lifecycle/a c1.1 rejected illegal in Init
	`,
		scriptedMessage{0, 2, &message{kind: proposal, invocation: propose("c2.1", "Stopped")}},
		scriptedMessage{3, 101, &message{kind: request, invocation: propose("c1.1", "Stopped")}},
	)
}

func TestAMajorityOfRejectsEndsAProposal(t *testing.T) {
	c := propose("c1.1", "Running")
	requireTranscript(t, `
		1ms          1 ← 101   request lifecycle/a c1.1 propose Running
		2ms          2 ← 1     proposal lifecycle/a c1.1 propose Running
		2ms          3 ← 1     proposal lifecycle/a c1.1 propose Running
		4ms          1 ← 2     reject lifecycle/a c1.1 from Running
		4ms          1 ← 2     reject lifecycle/a c1.1 from Running
		5ms          1 ← 3     reject lifecycle/a c1.1 from Running
		6ms          101 ← 1   reply lifecycle/a c1.1 rejected illegal
	`,
		scriptedMessage{0, 101, &message{kind: request, invocation: c}},
		scriptedMessage{3, 2, &message{kind: reject, invocation: c, state: "Running"}},
		scriptedMessage{3, 2, &message{kind: reject, invocation: c, state: "Running"}}, // a peer counts once
		scriptedMessage{4, 3, &message{kind: reject, invocation: c, state: "Running"}},
	)
}

func TestAProposalThatNobodyAnswersTimesOut(t *testing.T) {
	requireTranscript(t, `
		1ms          1 ← 101   request lifecycle/a c1.1 propose Running
		2ms          2 ← 1     proposal lifecycle/a c1.1 propose Running
		2ms          3 ← 1     proposal lifecycle/a c1.1 propose Running
		22ms         101 ← 1   reply lifecycle/a c1.1 rejected timeout
	`, scriptedMessage{0, 101, &message{kind: request, invocation: propose("c1.1", "Running")}})
}

// Each message is sent again, as often as the plan allows, until its receipt
// arrives: here once more to 3, and not to 2.
func TestADeliveryIsRepeatedUntilItsReceipt(t *testing.T) {
	c := propose("c1.1", "Running")
	p := plan()
	p.Knobs.MaxResends = 1
	require.Equal(t, lines(`
		1ms          1 ← 101   request lifecycle/a c1.1 propose Running
		2ms          2 ← 1     proposal lifecycle/a c1.1 propose Running
		2ms          3 ← 1     proposal lifecycle/a c1.1 propose Running
		3ms          1 ← 2     receipt lifecycle/a c1.1
		7ms          3 ← 1     proposal lifecycle/a c1.1 propose Running
		22ms         101 ← 1   reply lifecycle/a c1.1 rejected timeout
	`), transcript(t, p,
		scriptedMessage{0, 101, &message{kind: request, invocation: c}},
		scriptedMessage{2, 2, &message{kind: receipt, invocation: c, deliveryID: 1}},
	))
}

func propose(id, to string) *scenarios.Invocation {
	return &scenarios.Invocation{Operation: &scenarios.Operation{ID: id, Key: "lifecycle/a", Kind: scenarios.Propose, Argument: to}}
}

func read(id string) *scenarios.Invocation {
	return &scenarios.Invocation{Operation: &scenarios.Operation{ID: id, Key: "lifecycle/a", Kind: scenarios.Read}}
}

func plan() *scenarios.Plan {
	return &scenarios.Plan{
		Nodes: 3, Definitions: []fsm.Definition{fsm.Lifecycle()},
		Knobs: scenarios.Knobs{ConsensusTimeout: 20 * netmodel.Millisecond, ResendTimeout: 5 * netmodel.Millisecond},
	}
}

// scriptedMessage is a message that a process sends to node 1 at a millisecond.
type scriptedMessage struct {
	at   scenarios.Duration
	from sim.ID
	*message
}

// scriptedProcess sends the messages of the script.
type scriptedProcess struct{}

func (scriptedProcess) Step(_ scenarios.Duration, ev *sim.Event, out *sim.Effects) {
	if ev.Kind == sim.Invoke {
		out.Send(1, ev.Message)
	}
}

func requireTranscript(t *testing.T, want string, script ...scriptedMessage) {
	t.Helper()
	require.Equal(t, lines(want), transcript(t, plan(), script...))
}

// transcript lists the messages that arrive and the transitions that node 1
// applies.
func transcript(t *testing.T, p *scenarios.Plan, script ...scriptedMessage) string {
	var said strings.Builder
	w, err := sim.New(sim.Config{
		Processes: []sim.Spec{{ID: 1}, {ID: 2}, {ID: 3}, {ID: 101}},
		Network:   netmodel.Profile{Delay: netmodel.Delay{Min: netmodel.Millisecond}},
		New: func(id sim.ID, life int) sim.Process {
			if id == 1 {
				return newNode(p, id, life)
			}
			return scriptedProcess{}
		},
		Trace: func(l sim.TraceLine) {
			if l.From != 0 || strings.HasPrefix(l.Text, "observation: applied") {
				fmt.Fprintln(&said, l)
			}
		},
	})
	require.NoError(t, err)
	for _, id := range []sim.ID{1, 2, 3, 101} {
		w.Start(id)
	}
	for _, s := range script {
		w.Invoke(s.at*netmodel.Millisecond, s.from, s.message)
	}
	w.Run(netmodel.Second)
	return said.String()
}

// lines removes the indentation that a text has in a test.
func lines(text string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.TrimSpace(text)) {
		b.WriteString(strings.TrimSpace(line) + "\n")
	}
	return b.String()
}
