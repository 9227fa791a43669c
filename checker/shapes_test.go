package checker

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/node/fsm"
)

// shape is a kind of large history: of one correct object that clients use in a
// loop, in intervals that overlap. It is generated in order of effect, so it is
// linearizable, unless bad.
type shape struct {
	model      history.Model
	operations int
	clients    int
	values     int // different arguments; 0: each is new
	states     int // of a machine, from each of which three steps lead on
	keys       int // objects; 0: one
	unknown    int // of the operations that change the object, in thousandths; half of these take effect
	versions   bool
	bad        bool // a response in the middle is wrong
}

func (s shape) String() string {
	name := fmt.Sprintf("%s/operations=%d/clients=%d", s.model, s.operations, s.clients)
	for _, n := range []struct {
		value int
		name  string
	}{{s.values, "values"}, {s.states, "states"}, {s.keys, "keys"}, {s.unknown, "unknown"}} {
		if n.value > 0 {
			name += fmt.Sprintf("/%s=%d", n.name, n.value)
		}
	}
	if s.versions {
		name += "/versions"
	}
	if s.bad {
		name += "/bad"
	}
	return name
}

// sequential is the object of a shape, and the responses that it gives.
type sequential struct {
	shape
	random  *rand.Rand
	key     int
	d       fsm.Definition
	made    int // arguments so far
	value   string
	version int64
	count   int64
	items   []string // of a queue or list
	lists   int      // that are full
	members map[string]bool
	owner   int
}

func (s shape) history(seed uint64) history.History {
	random := rand.New(rand.NewPCG(seed, 0))
	h := history.History{Model: s.model, Operations: make([]history.Operation, 0, s.operations)}
	if s.model == history.ModelMachine {
		h.Definitions = []fsm.Definition{densely(s.states)}
	}
	var objects []*sequential
	for key := range max(1, s.keys) {
		o := &sequential{shape: s, random: random, key: key, value: history.NoValue, members: map[string]bool{}, owner: -1}
		if h.Definitions != nil {
			o.d = h.Definitions[0]
			o.value = o.d.Initial
		}
		objects = append(objects, o)
	}
	free, count, now := make([]int64, s.clients), make([]int, s.clients), int64(0)
	for len(h.Operations) < s.operations {
		client := random.IntN(s.clients)
		if free[client] > now { // busy: time goes on
			now += 10
			continue
		}
		now += 1 + random.Int64N(20)
		duration := 1 + random.Int64N(20*int64(s.clients))
		op := history.Operation{
			Client: client, ID: fmt.Sprintf("c%d.%d", client, count[client]), Machine: "m/0",
			Call: max(free[client], now-random.Int64N(duration)), Outcome: history.Committed, Version: history.NoVersion,
		}
		count[client]++
		op.Return = now + random.Int64N(duration)
		free[client] = op.Return + 1
		o := objects[0]
		if len(objects) > 1 {
			o = objects[random.IntN(len(objects))]
		}
		o.operate(&op)
		h.Operations = append(h.Operations, op)
	}
	slices.SortStableFunc(h.Operations, func(x, y history.Operation) int { return int(min(max(x.Call-y.Call, -1), 1)) })
	if s.bad {
		s.spoil(h.Operations)
	}
	return h
}

// densely returns a machine in which three steps lead on from each state.
func densely(states int) fsm.Definition {
	d := fsm.Definition{Name: "m", Initial: "S0"}
	for i := range states {
		d.States = append(d.States, fmt.Sprint("S", i))
		for _, step := range []int{1, 2, 3} {
			d.Transitions = append(d.Transitions, fsm.Transition{From: fmt.Sprint("S", i), To: fmt.Sprint("S", (i+step)%states)})
		}
	}
	return d
}

// operate chooses what op asks, and carries it out.
func (o *sequential) operate(op *history.Operation) {
	kinds := map[history.Model][]history.Kind{
		history.ModelMachine:     {history.KindRead, history.KindPropose, history.KindPropose},
		history.ModelRegister:    {history.KindRead, history.KindWrite},
		history.ModelCASRegister: {history.KindRead, history.KindWrite, history.KindCAS},
		history.ModelKV:          {history.KindRead, history.KindWrite, history.KindCAS},
		history.ModelCounter:     {history.KindRead, history.KindAdd},
		history.ModelQueue:       {history.KindEnqueue, history.KindDequeue},
		history.ModelSet:         {history.KindAdd, history.KindRemove, history.KindContains},
		history.ModelAppendList:  {history.KindAppend, history.KindRead},
		history.ModelLock:        {history.KindAcquire},
	}[o.model]
	op.Kind = kinds[o.random.IntN(len(kinds))]
	if o.model == history.ModelAppendList && len(o.items) == 50 { // the next list
		o.lists, o.items = o.lists+1, nil
	}
	op.Machine = fmt.Sprint("m/", o.key+o.lists)
	if o.model == history.ModelLock && o.owner == op.Client {
		op.Kind = history.KindRelease
	}
	reads := op.Kind == history.KindRead || op.Kind == history.KindContains
	lost := !reads && o.random.IntN(1000) < o.unknown
	if taken := !lost || o.random.IntN(2) == 0; taken {
		o.take(op, true)
	} else {
		o.take(op, false)
	}
	if lost {
		op.Outcome, op.Reason, op.State, op.Version = history.Unknown, "timeout", "", history.NoVersion
	}
}

func (o *sequential) argument() string {
	if o.made++; o.values == 0 {
		return strconv.Itoa(o.made)
	}
	n := o.random.IntN(o.values)
	if o.model == history.ModelCounter {
		n++ // to add nothing is no change
	}
	return strconv.Itoa(n)
}

// take fills in arguments and, if op takes effect, the response.
func (o *sequential) take(op *history.Operation, takes bool) {
	reject := func() { op.Outcome, op.Reason = history.Rejected, history.ReasonIllegal }
	become := func(value string) {
		if takes {
			o.value = value
			o.version++
		}
	}
	switch op.Kind {
	case history.KindRead:
		switch o.model {
		case history.ModelCounter:
			op.State = strconv.FormatInt(o.count, 10)
		case history.ModelAppendList:
			op.State = "[" + strings.Join(o.items, " ") + "]"
		default:
			op.State = o.value
		}
	case history.KindPropose:
		op.Argument = o.d.States[o.random.IntN(len(o.d.States))]
		if o.random.IntN(4) > 0 {
			i := slices.Index(o.d.States, o.value)
			op.Argument = o.d.States[(i+1+o.random.IntN(3))%len(o.d.States)]
		}
		if o.d.Legal(o.value, op.Argument) {
			become(op.Argument)
		} else {
			reject()
		}
		op.State = o.value
	case history.KindWrite:
		op.Argument = o.argument()
		become(op.Argument)
	case history.KindCAS:
		op.Argument, op.Expected = o.argument(), o.value
		if o.random.IntN(4) == 0 {
			op.Expected = strconv.Itoa(max(o.made-20, 1) % max(o.values, o.made))
		}
		if op.Expected == o.value {
			become(op.Argument)
		} else {
			reject()
		}
	case history.KindAdd:
		if op.Argument = o.argument(); o.model == history.ModelSet {
			op.State = strconv.FormatBool(!o.members[op.Argument])
			o.members[op.Argument] = takes || o.members[op.Argument]
		} else if takes {
			n, _ := strconv.ParseInt(op.Argument, 10, 64)
			o.count += n
		}
	case history.KindRemove:
		op.Argument = o.argument()
		op.State = strconv.FormatBool(o.members[op.Argument])
		o.members[op.Argument] = !takes && o.members[op.Argument]
	case history.KindContains:
		op.Argument = o.argument()
		op.State = strconv.FormatBool(o.members[op.Argument])
	case history.KindEnqueue:
		if op.Argument = o.argument(); takes {
			o.items = append(o.items, op.Argument)
		}
	case history.KindDequeue:
		if len(o.items) == 0 {
			reject()
		} else if op.State = o.items[0]; takes {
			o.items = o.items[1:]
		}
	case history.KindAppend:
		if op.Argument = o.argument(); takes {
			o.items = append(o.items, op.Argument)
		}
	case history.KindAcquire:
		if o.owner >= 0 {
			reject()
		} else if takes {
			o.owner = op.Client
		}
	case history.KindRelease:
		if takes {
			o.owner = -1
		}
	}
	if o.versions {
		op.Version = o.version
	}
}

// spoil makes one response wrong: an observation in the middle is that of
// another time; a lock is taken though it was held; what a set says is turned round;
// or, where any of a few values is possible, a value was read that there never was.
func (s shape) spoil(ops []history.Operation) {
	for i := len(ops) / 2; i < len(ops); i++ {
		op := &ops[i]
		switch {
		case s.model == history.ModelLock && op.Kind == history.KindAcquire && op.Outcome == history.Rejected:
			op.Outcome, op.Reason = history.Committed, ""
			return
		case s.model == history.ModelSet && s.values == 0 && op.State == "true":
			op.State = "false"
			return
		case op.Kind == history.KindRead && s.model != history.ModelCounter && !s.versions && s.values > 0 && s.keys == 0:
			op.State = "-1"
			return
		case op.Kind == history.KindRead && s.model == history.ModelMachine && !s.versions:
			op.State = fsm.Retired
			return
		}
		if op.Outcome == history.Committed && op.State != "" && op.Kind != history.KindPropose {
			for j := i / 2; j < i; j++ {
				if old := ops[j]; old.Kind == op.Kind && old.Machine == op.Machine && old.Argument == op.Argument && old.State != op.State && old.State != "" {
					op.State = old.State
					return
				}
			}
		}
	}
}
