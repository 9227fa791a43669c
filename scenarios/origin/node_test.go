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

// Node 1 is real; its peers 2 and 3 and its client 101 say what the tests tell
// them to. A message takes a millisecond.

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
		says{0, 101, &message{kind: request, call: c}},
		says{3, 3, &message{kind: acknowledgment, call: c}},
		says{7, 2, &message{kind: acknowledgment, call: c}}, // too late to matter
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
		says{0, 2, &message{kind: proposal, call: c, number: 1}},
		says{3, 2, &message{kind: commit, call: c, number: 2}},
		says{6, 101, &message{kind: request, call: read("c1.1")}},
	)
}

func TestANodeRejectsWhatIsIllegalFromItsState(t *testing.T) {
	requireTranscript(t, `
		1ms          1 ← 2     proposal lifecycle/a c2.1 propose Stopped
		2ms          2 ← 1     reject lifecycle/a c2.1 from Init
		4ms          1 ← 101   request lifecycle/a c1.1 propose Stopped
		5ms          101 ← 1   reply lifecycle/a c1.1 rejected illegal in Init
	`,
		says{0, 2, &message{kind: proposal, call: propose("c2.1", "Stopped")}},
		says{3, 101, &message{kind: request, call: propose("c1.1", "Stopped")}},
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
		says{0, 101, &message{kind: request, call: c}},
		says{3, 2, &message{kind: reject, call: c, state: "Running"}},
		says{3, 2, &message{kind: reject, call: c, state: "Running"}}, // a peer counts once
		says{4, 3, &message{kind: reject, call: c, state: "Running"}},
	)
}

func TestAProposalThatNobodyAnswersTimesOut(t *testing.T) {
	requireTranscript(t, `
		1ms          1 ← 101   request lifecycle/a c1.1 propose Running
		2ms          2 ← 1     proposal lifecycle/a c1.1 propose Running
		2ms          3 ← 1     proposal lifecycle/a c1.1 propose Running
		22ms         101 ← 1   reply lifecycle/a c1.1 rejected timeout
	`, says{0, 101, &message{kind: request, call: propose("c1.1", "Running")}})
}

// Each message is sent again, as often as the plan says, until its receipt
// comes: here once more to 3, and not to 2.
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
		says{0, 101, &message{kind: request, call: c}},
		says{2, 2, &message{kind: receipt, call: c, number: 1}},
	))
}

func propose(id, to string) *scenarios.Invocation {
	return &scenarios.Invocation{Operation: &scenarios.Operation{ID: id, Machine: "lifecycle/a", Kind: scenarios.Propose, To: to}}
}

func read(id string) *scenarios.Invocation {
	return &scenarios.Invocation{Operation: &scenarios.Operation{ID: id, Machine: "lifecycle/a", Kind: scenarios.Read}}
}

func plan() *scenarios.Plan {
	return &scenarios.Plan{
		Nodes: 3, Definitions: []fsm.Definition{fsm.Lifecycle()},
		Knobs: scenarios.Knobs{ConsensusTimeout: 20 * netmodel.Millisecond, ResendTimeout: 5 * netmodel.Millisecond},
	}
}

// says has who say message to node 1 at a millisecond.
type says struct {
	at  scenarios.Duration
	who sim.ID
	*message
}

// puppet says what it is asked to say.
type puppet struct{}

func (puppet) Step(_ scenarios.Duration, ev *sim.Event, out *sim.Effects) {
	if ev.Kind == sim.Invoke {
		out.Send(1, ev.Message)
	}
}

func requireTranscript(t *testing.T, want string, script ...says) {
	t.Helper()
	require.Equal(t, lines(want), transcript(t, plan(), script...))
}

// transcript is what arrives and what node 1 applies.
func transcript(t *testing.T, p *scenarios.Plan, script ...says) string {
	var said strings.Builder
	w, err := sim.New(sim.Config{
		Processes: []sim.Spec{{ID: 1}, {ID: 2}, {ID: 3}, {ID: 101}},
		Network:   netmodel.Profile{Delay: netmodel.Delay{Min: netmodel.Millisecond}},
		New: func(id sim.ID, life int) sim.Process {
			if id == 1 {
				return newNode(p, id, life)
			}
			return puppet{}
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
		w.Invoke(s.at*netmodel.Millisecond, s.who, s.message)
	}
	w.Run(netmodel.Second)
	return said.String()
}

// lines is a text without the indentation it has in a test.
func lines(text string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.TrimSpace(text)) {
		b.WriteString(strings.TrimSpace(line) + "\n")
	}
	return b.String()
}
