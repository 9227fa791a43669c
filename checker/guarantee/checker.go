package guarantee

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-dst/lockstep/checker/history"
	"github.com/lockstep-dst/lockstep/node/fsm"
)

// ErrHistory is wrapped by every error about a history that cannot be judged:
// its recorder has made a mistake.
var ErrHistory = errors.New("history cannot be judged")

// Options are the parameters of the guarantees.
type Options struct {
	// Deadline is the time after which a stream with a listener must have
	// reported a version that is known to be chosen. 0: no limit.
	Deadline time.Duration
	// Open permits operations that the history does not contain: others than
	// its clients may have used the machines.
	Open bool
}

// Judge returns a result for each guarantee, always in the same order. It fails
// if the history or an observation cannot be judged.
func Judge(h history.History, observations []Observation, o Options) ([]Result, error) {
	c, err := New(h, o)
	if err != nil {
		return nil, err
	}
	for i := range observations {
		if err := c.Add(observations[i]); err != nil {
			return nil, fmt.Errorf("observation %d: %w", i, err)
		}
	}
	return c.Results(), nil
}

// Checker judges observations as they come. For each version it keeps the first
// evidence, from whichever source, and for each stream and node its last
// observation of each machine. docs/GUARANTEES.md has the reason why it must
// keep the former. A Checker is not safe for concurrent use.
type Checker struct {
	options      Options
	definitions  map[string]*fsm.Definition
	operations   map[string]*operation
	machines     map[string]*machine
	sources      map[string]*source
	ended        map[*machine][]*stream
	finalSources []*source // sources of finals
	results      [len(guarantees)]Result
	buf          []Observation // storage for observations that are kept; the first is the current one
	kept         bool          // the current one is kept
}

// operation is an operation of the history, or one that an observation names.
type operation struct {
	*history.Operation          // nil: not in the history
	machine            *machine // on which it made a version; nil: none so far
	version            int64
	by                 Evidence // evidence of the version
}

// source is the state of one source of observations.
type source struct {
	time    int64 // of the last observation
	resumes int
	final   *Observation // its first final
	streams map[*machine]*stream
	reads   map[*machine]*Observation // by machine: the last local read
}

// New returns a checker of observations made beside history h. h must not
// change while the checker is in use.
func New(h history.History, o Options) (*Checker, error) {
	if h.Model != "" && h.Model != history.ModelMachine {
		return nil, fmt.Errorf("%w: model %q: guarantees are of state machines, with versions", ErrHistory, h.Model)
	}
	c := &Checker{
		options: o, definitions: map[string]*fsm.Definition{}, operations: make(map[string]*operation, len(h.Operations)),
		machines: map[string]*machine{}, sources: map[string]*source{}, ended: map[*machine][]*stream{},
	}
	for i, g := range guarantees {
		c.results[i] = Result{Guarantee: g, Status: Unjudged}
	}
	for i := range h.Definitions {
		c.definitions[h.Definitions[i].Name] = &h.Definitions[i]
	}
	for i := range h.Operations {
		op := &h.Operations[i]
		if c.operations[op.ID] != nil {
			return nil, fmt.Errorf("%w: operation %s is there twice: ids must differ", ErrHistory, op.ID)
		}
		c.operations[op.ID] = &operation{Operation: op}
	}
	for i := range h.Operations { // when all are known
		op := &h.Operations[i]
		m, err := c.machine(op.Machine)
		if err != nil {
			return nil, fmt.Errorf("%w: operation %s: machine: %w", ErrHistory, op.ID, err)
		}
		if err := c.addOperation(m, op); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// addOperation records the response of an operation as evidence about its
// machine.
func (c *Checker) addOperation(m *machine, op *history.Operation) error {
	by := Evidence{Operation: op}
	judged := op.Outcome == history.Committed || op.Outcome == history.Rejected && op.Reason == history.ReasonIllegal
	if !judged || op.Version == history.NoVersion {
		return nil
	}
	if op.Version < 0 || op.Return < op.Call {
		return fmt.Errorf("%w: operation %s: version %d, call %d, return %d: want a version from 0 on, and a return that is not before the call",
			ErrHistory, op.ID, op.Version, op.Call, op.Return)
	}
	c.count(Chosen, 1)
	c.learnVersion(m, op.Version, by)
	if tellsNewVersion(op) {
		c.checkExactlyOnce(m, op.Version, by)
	}
	return nil
}

// Add judges the next observation. An error is about that observation alone,
// which then has no influence on the results.
func (c *Checker) Add(given Observation) error {
	if len(c.buf) == 0 {
		c.buf = make([]Observation, 256)
	}
	o := &c.buf[0]
	*o = given
	if err := c.add(o); err != nil {
		return err
	}
	if c.kept {
		c.buf, c.kept = c.buf[1:], false
	}
	return nil
}

// keep keeps the current observation, if by is one.
func (c *Checker) keep(by Evidence) { c.kept = c.kept || by.Observation != nil }

func (c *Checker) add(o *Observation) error {
	if err := o.Validate(); err != nil {
		return err
	}
	s := c.source(o.Source)
	if o.Time < s.time {
		return fieldErrorf("time", "%d is before %d, that of the observation before of %s: give those of one source in order", o.Time, s.time, o.Source)
	}
	if o.Kind == Resume {
		s.time = o.Time
		s.resumes++
		return nil
	}
	m, err := c.machine(o.Machine)
	if err != nil {
		return fieldErrorf("machine", "%w", err)
	}
	if err := c.checkPlacement(s, m, o); err != nil {
		return err
	}
	s.time = o.Time
	switch o.Kind {
	case State, Transition, Gap, End:
		c.checkWatch(s, m, o)
	case Local:
		c.checkMonotonicRead(s, m, o)
	case Final:
		c.addFinal(s, m, o)
	}
	if o.Kind != End {
		c.learn(m, o)
	}
	return nil
}

// checkPlacement returns an error for an observation after the end of its
// stream, or for a second final: the recorder has made a mistake.
func (c *Checker) checkPlacement(s *source, m *machine, o *Observation) error {
	if w := s.streams[m]; o.ofStream() && w != nil && w.end != nil {
		return fieldErrorf("source", "%s reports %s after its end, at %v: give a stream one end, when it is over", o.Source, o.Machine, time.Duration(w.end.Time))
	}
	if o.Kind == Final && slices.ContainsFunc(m.finals, func(f *Observation) bool { return f.Source == o.Source }) {
		return fieldErrorf("source", "%s has reported the end of %s before: give one final of each node and machine", o.Source, o.Machine)
	}
	return nil
}

// learn records the versions that o is evidence of.
func (c *Checker) learn(m *machine, o *Observation) {
	by := Evidence{Observation: o}
	c.count(Chosen, 1)
	c.learnVersion(m, o.Version, by)
	if o.From != "" {
		c.learnVersion(m, o.Version-1, by)
	}
	if o.Operation != "" {
		c.checkExactlyOnce(m, o.Version, by)
	}
}

func (c *Checker) source(name string) *source {
	s := c.sources[name]
	if s == nil {
		s = &source{streams: map[*machine]*stream{}, reads: map[*machine]*Observation{}}
		c.sources[strings.Clone(name)] = s
	}
	return s
}

func (c *Checker) machine(name string) (*machine, error) {
	if m := c.machines[name]; m != nil {
		return m, nil
	}
	definition, _, err := fsm.SplitKey(name)
	if err != nil {
		return nil, err
	}
	d := c.definitions[definition]
	if d == nil {
		return nil, fmt.Errorf("%q: definition %q is not among those of the history: add it", name, definition)
	}
	m := &machine{name: name, definition: d, at: map[int64]int{}}
	c.machines[name] = m
	return m, nil
}

func (c *Checker) result(g Guarantee) *Result { return &c.results[slices.Index(guarantees[:], g)] }

func (c *Checker) count(g Guarantee, n int) { c.result(g).Judged += n }

// violate records a violation, if it is the first of its guarantee.
func (c *Checker) violate(g Guarantee, class string, m *machine, evidence []Evidence, format string, args ...any) {
	if v := c.result(g); v.Status != Violated {
		v.violate(class, m, evidence, format, args...)
		c.kept = true
	}
}

func (v *Result) violate(class string, m *machine, evidence []Evidence, format string, args ...any) {
	if v.Status == Violated {
		return
	}
	v.Status, v.Class, v.Machine, v.Evidence = Violated, class, m.name, evidence
	v.Explanation = m.name + ": " + fmt.Sprintf(format, args...)
}

// Results returns the results so far. More observations may be added
// afterwards. A violation is final, with one exception: a missing final may
// still come.
func (c *Checker) Results() []Result {
	verdicts := c.results
	list := verdicts[:]
	for i := range list {
		if list[i].Status == Unjudged && list[i].Judged > 0 {
			list[i].Status = Holds
		}
	}
	of := func(g Guarantee) *Result { return &list[slices.Index(guarantees[:], g)] }
	for _, name := range slices.Sorted(maps.Keys(c.machines)) {
		m := c.machines[name]
		past := m.byVersion()
		c.checkForeseen(of(Chosen), m, past)
		c.checkDeadline(of(Watch), m, past)
		c.checkConvergence(of(Convergence), m, past)
	}
	return list
}
