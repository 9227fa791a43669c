package checker

import (
	"context"
	"fmt"
	"slices"

	"github.com/lockstep-dst/lockstep/checker/history"
)

// Stream checks a history while it grows. Its memory is that of the operations
// not yet checked and, for each machine, of the last events and the number of
// unknown operations of each kind, whatever the length of the history. It is
// not safe for concurrent use.
//
// An operation is checked once no other can follow that was called before it
// returned: see Advance. So an operation that is in flight for long holds up
// the others, and clients should have a deadline.
type Stream struct {
	ctx      context.Context
	options  Options
	judge    *judge
	unknown  error // the reason why there is no judge
	machines map[string]*streamedMachine
	waiting  []*streamedMachine // machines with operations not yet checked, in order of appearance
	horizon  int64
	added    int
	result   Result // the worst so far
}

// streamedMachine is one machine of a stream.
type streamedMachine struct {
	machine
	monitor   *monitor
	calls     []*checkedOp // not yet checked, in order of call
	returns   []*checkedOp // in order of return
	abandoned bool         // cannot be checked any more
}

// NewStream returns a stream for the model, definitions and initial state of h; it
// ignores the operations of h. Options are as for Check: ctx and the timeout bound
// the whole life of the stream, the memory is for each machine.
//
// A stream walks just in time and cannot look ahead, so it keeps all orders that
// are possible: of a history with many of them it may be Undecided where Check is
// not. It cannot judge a model that has a Partition.
func NewStream(ctx context.Context, h history.History, o Options) *Stream {
	if o.Memory == 0 {
		o.Memory = DefaultMemory
	}
	j, err := newJudge(&h, o.Model)
	return &Stream{ctx: ctx, options: o, judge: j, unknown: err, machines: map[string]*streamedMachine{}, result: Result{Status: Linearizable}}
}

// Add adds an operation that has ended, at least for its client. Operations may
// come in any order, but none that was called before the horizon of Advance.
// Such an operation is an error and is not checked. So is one that reports a
// version in spite of Options.Unversioned.
func (s *Stream) Add(op history.Operation) error {
	if op.Call < s.horizon {
		return fmt.Errorf("operation %s was called at %s: the history had been declared complete until %s", op.ID, formatTime(op.Call), formatTime(s.horizon))
	}
	if op.Version != history.NoVersion && op.Outcome != history.Unknown && s.options.Unversioned {
		return fmt.Errorf("operation %s has version %d: the history had been declared to have none", op.ID, op.Version)
	}
	m := s.machines[op.Machine]
	if m == nil {
		m = &streamedMachine{machine: machine{name: op.Machine}}
		s.machines[op.Machine] = m
	}
	if m.abandoned || s.result.Status == Violated {
		return nil
	}
	m.operations = append(m.operations[:0], &op)
	if err := s.compile(m); err != nil {
		m.abandon()
		s.result = s.result.worse(m.unjudgeable(err.Error()))
		return nil
	}
	if m.monitor == nil {
		counted := m.object == nil && !s.options.Unversioned
		m.monitor = newMonitor(s.ctx, m.automaton, counted, s.options.Memory/8)
	}
	c := m.checkedOp(&op)
	s.added++
	if len(m.calls) == 0 && len(m.returns) == 0 {
		s.waiting = append(s.waiting, m)
	}
	m.calls = insert(m.calls, &c, func(c *checkedOp) int64 { return c.call })
	if c.ret != forever {
		m.returns = insert(m.returns, &c, func(c *checkedOp) int64 { return c.ret })
	}
	return nil
}

// compile gives m its automaton, if it has none yet. It fails if the operation
// cannot be judged.
func (s *Stream) compile(m *streamedMachine) error {
	if s.unknown != nil {
		return s.unknown
	}
	model := s.judge.model
	if err := m.judgeable(&model.Grammar); err != nil {
		return err
	}
	switch {
	case m.automaton != nil && m.object == nil && m.appends():
		return fmt.Errorf("operation %s appends to a register: a stream must know of appends before the first operation: give it model %s in Options.Model, or use Check",
			m.operations[0].ID, model.Name)
	case m.automaton != nil:
		return nil
	case model.Partition != nil:
		return fmt.Errorf("model %s has a Partition, which needs all operations: use Check", model.Name)
	case !s.judge.compiles || m.appends():
		return s.judge.walk(&m.machine, s.judge.model)
	}
	return s.judge.compile(&m.machine)
}

// abandon forgets the operations of m, which is not judged any more.
func (m *streamedMachine) abandon() {
	m.abandoned = true
	m.calls, m.returns, m.monitor = nil, nil, nil
}

// insert inserts c in order of key. Most operations go to the end.
func insert(checked []*checkedOp, c *checkedOp, key func(*checkedOp) int64) []*checkedOp {
	i := len(checked)
	for i > 0 && key(checked[i-1]) > key(c) {
		i--
	}
	return slices.Insert(checked, i, c)
}

// Advance declares that every operation called before horizon has been added,
// and checks the history up to there. It returns the result so far. A violation
// is final.
func (s *Stream) Advance(horizon int64) Result {
	s.horizon = max(s.horizon, horizon)
	if s.result.Status == Violated {
		return s.result
	}
	waiting := s.waiting[:0]
	for _, m := range s.waiting {
		if r := m.advance(s.horizon, s.options); r.Status != Linearizable {
			m.abandon()
			if s.result = s.result.worse(r); r.Status == Violated {
				break
			}
		} else if len(m.calls)+len(m.returns) > 0 {
			waiting = append(waiting, m)
		}
	}
	clear(s.waiting[len(waiting):])
	s.waiting = waiting
	return s.result
}

// Finish declares that no more operations follow, and returns the final result.
func (s *Stream) Finish() Result { return s.Advance(forever) }

// Operations returns the number of operations added.
func (s *Stream) Operations() int { return s.added }

// advance checks the events before horizon.
func (m *streamedMachine) advance(horizon int64, o Options) Result {
	called, returned := 0, 0
	next := func() (event, bool) {
		if called < len(m.calls) && m.calls[called].call < horizon &&
			(returned == len(m.returns) || m.calls[called].call <= m.returns[returned].ret) {
			called++
			return event{m.calls[called-1], false}, true
		}
		if returned < len(m.returns) && m.returns[returned].ret < horizon {
			returned++
			return event{m.returns[returned-1], true}, true
		}
		return event{}, false
	}
	result := Result{Status: Linearizable}
	for e, more := next(); more; e, more = next() {
		if !m.monitor.add(e) {
			result = m.violation(m.monitor.refute(next), o)
			break
		}
		if m.monitor.current.stopped {
			result = m.undecided(fmt.Sprintf("the check ran out of time or memory at %s, with too many orders possible: a stream keeps them all; Check, of the whole history, needs fewer", e.c.op.ID))
			break
		}
	}
	m.calls = slices.Delete(m.calls, 0, called)
	m.returns = slices.Delete(m.returns, 0, returned)
	return result
}
