package changemodel_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	. "github.com/lockstep-dst/lockstep/node/internal/changemodel"
)

var update = flag.Bool("update", false, "write the trace in testdata anew")

var (
	replaces = Scope{Old: Set(1, 2, 3), New: Set(2, 3, 4), Changes: []Config{Before, Joint}, AtOnce: true}
	twoEnds  = Scope{Old: Set(1, 2, 3), New: Set(2, 3, 4), Changes: []Config{Before, Joint, Joint}} // it is carried out or abandoned
)

// of is a scope with rounds of the key.
func of(s Scope, rounds ...Round) Scope {
	s.Rounds = rounds
	return s
}

// andRepair is a scope in which nodes pull values from each other.
func andRepair(s Scope) Scope {
	s.Repair = true
	return s
}

// andRead is a scope with a read.
func andRead(s Scope) Scope {
	s.Read = true
	return s
}

// needed has, for each rule, a scope in which something goes wrong without it.
var needed = map[Rule]Scope{
	AdoptChosen:            twoEnds,
	AdoptDurably:           of(replaces, Round{Before, 1}, Round{After, 2}),
	FenceAcceptors:         of(replaces, Round{Before, 1}, Round{After, 2}),
	FenceReads:             andRead(of(replaces, Round{After, 1})),
	MembersVote:            of(replaces, Round{Before, 1}, Round{Before, 2}),
	RemovedDoNotVote:       of(replaces, Round{After, 1}, Round{After, 2}),
	JointFirst:             of(Scope{Old: Set(1, 2, 3), New: Set(2, 3, 4), Changes: []Config{Before}, AtOnce: true}, Round{Before, 1}, Round{After, 2}),
	BothPromise:            of(replaces, Round{Before, 1}, Round{Joint, 2}),
	OldAcceptJointly:       of(replaces, Round{Joint, 1}, Round{Back, 2}),
	NewAcceptJointly:       of(replaces, Round{Joint, 1}, Round{After, 2}),
	BothChooseAfter:        twoEnds,
	ReadBoth:               andRead(of(replaces, Round{Before, 1})),
	CarryOver:              of(replaces, Round{Before, 1}, Round{After, 2}),
	ListMajority:           of(replaces, Round{Before, 1}, Round{After, 2}),
	ListOldMembers:         of(replaces, Round{Before, 1}, Round{After, 2}),
	ListInJoint:            of(replaces, Round{Before, 1}, Round{After, 2}),
	CarryJointly:           of(replaces, Round{Before, 1}, Round{After, 2}),
	AbandonByMajority:      twoEnds,
	AbandonByRound:         twoEnds,
	ReproposeConfiguration: twoEnds,
	DropCache:              of(replaces, Round{Before, 1}, Round{Before, 2}, Round{Joint, 0}),
}

// Each rule is needed: without it something goes wrong in a small scope.
func TestEachRuleIsNeeded(t *testing.T) {
	t.Parallel()
	for _, rule := range Rules() {
		scope, any := needed[rule]
		require.True(t, any, "%v has a scope", rule)
		r := Explore(scope, rule, 2_000_000)
		require.NotEmpty(t, r.Violation, "without the rule %q nothing goes wrong in %d states", rule, r.States)
		t.Logf("without %q: %s, after %d steps, %d states", rule, r.Violation, r.Depth, r.States)
	}
}

// With all rules nothing goes wrong in these scopes.
func TestNothingGoesWrong(t *testing.T) {
	t.Parallel()
	done := map[string]bool{}
	for _, rule := range Rules() {
		s := needed[rule]
		if name := s.String(); rule == DropCache || done[name] {
			continue
		} else {
			done[name] = true
		}
		exhaust(t, s, 2_000_000)
	}
	exhaust(t, andRepair(needed[CarryOver]), 2_000_000)
}

// The larger scopes take minutes and gigabytes.
func TestNothingGoesWrongInLargerScopes(t *testing.T) {
	if os.Getenv("LOCKSTEP_LONG") == "" {
		t.Skip("LOCKSTEP_LONG=1 explores larger scopes, which takes minutes and some gigabytes")
	}
	grow := Scope{Old: Set(1, 2, 3), New: Set(1, 2, 3, 4), Changes: []Config{Before, Joint}, AtOnce: true}
	shrink := Scope{Old: Set(1, 2, 3), New: Set(1, 2), Changes: []Config{Before, Joint}, AtOnce: true}
	everywhere := []Round{{Before, 1}, {Before, 2}, {Joint, 0}, {After, 0}, {Back, 0}}
	each := []Round{{Before, 1}, {Joint, 2}, {After, 4}, {Back, 4}}
	registers := replaces
	registers.AtOnce = false
	three := twoEnds
	three.Changes = []Config{Before, Before, Joint, Joint}
	for _, s := range []Scope{
		of(replaces, everywhere...), of(grow, everywhere...), of(shrink, everywhere...),
		of(replaces, each...), of(grow, each...), of(shrink, each...),
		andRepair(of(replaces, Round{Before, 1}, Round{Joint, 0}, Round{After, 2})),
		andRead(of(replaces, Round{Before, 1}, Round{Joint, 2}, Round{After, 0})),
		andRead(of(grow, Round{Before, 1}, Round{Joint, 2}, Round{After, 0})),
		of(registers, Round{Before, 1}, Round{Joint, 0}, Round{After, 0}),
		three,
	} {
		exhaust(t, s, 150_000_000)
	}
}

func exhaust(t *testing.T, s Scope, limit int) {
	r := Explore(s, None, limit)
	require.Empty(t, r.Violation, "%v", s)
	require.True(t, r.Exhausted, "%v: there are more than %d states", s, r.States)
	t.Logf("%v: %d states, %d steps", s, r.States, r.Depth)
}

// A change that does not carry keys over loses a write, as scylladb#5251 did.
func TestTrace(t *testing.T) {
	trace := strings.Join(Trace(needed[CarryOver], CarryOver, 2_000_000), "\n") + "\n"
	const file = "testdata/nothing-carried-over.txt"
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, []byte(trace), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), trace)
}
