package checker

import "context"

// budget is the time and the memory that the states of an object may take. The configurations
// have a limit of their own: they are numbers.
type budget struct {
	ctx    context.Context // nil: no limit of time
	memory int             // bytes; 0: no limit
	size   int             // of the states and the steps between them, about
	work   int             // bytes read and made since the last look at ctx
	spent  bool            // time or memory ran out, so there are no more steps
}

const (
	memoSize   = 64       // of a step that is remembered, or of a state beside its text
	workAtOnce = 64 << 10 // bytes between looks at the time
	firstSize  = 4 << 20  // bytes of states at which to collect for the first time
)

// take counts bytes that are kept; a negative number are dropped.
func (b *budget) take(bytes int) {
	b.size += bytes
	b.spent = b.spent || b.memory > 0 && b.size > b.memory
}

// workOn counts bytes that are read or made. A step of a large state takes long.
func (b *budget) workOn(bytes int) {
	if b.work += memoSize + bytes; b.work > workAtOnce {
		b.work = 0
		b.spent = b.spent || b.ctx != nil && b.ctx.Err() != nil
	}
}

// begin gives the object of an automaton, if it has one, a budget for a walk.
func (a *automaton) begin(ctx context.Context, memory int64) {
	if o := a.object; o != nil {
		o.ctx, o.memory, o.spent = ctx, int(memory), false
	}
}

// isSpent reports whether time or memory ran out: steps found since may be missing. Other
// automata have no budget.
func (o *objectStates) isSpent() bool { return o != nil && o.spent }
