package cli

// Code is an exit code of a program.
type Code int

// The exit codes. Programs of several subjects share one list, so that a code has
// one meaning. Inapplicable is the code by which git bisect skips a commit.
const (
	OK           Code = 0
	Violated     Code = 1   // a property does not hold
	Usage        Code = 2   // wrong flags, unreadable input or unwritable output
	Harness      Code = 3   // the harness itself is at fault, as by nondeterminism
	Undecided    Code = 4   // the check of a history exceeded its time limit
	Rejected     Code = 5   // a client's operation had no effect
	Unknown      Code = 6   // a client's operation may have taken effect
	Stopped      Code = 7   // a node stopped by itself
	NeverHit     Code = 8   // a campaign never hit a coverage mark
	Unreachable  Code = 9   // no node, or no majority, has responded in time, and nothing was changed
	Damaged      Code = 10  // the log of a node is damaged, or incomplete
	Removed      Code = 11  // a node is a member no more
	Inapplicable Code = 125 // an expected verdict cannot be checked
)

// String returns the name of a code in JSON errors.
func (c Code) String() string {
	if name, ok := codeNames[c]; ok {
		return name
	}
	return "failed"
}

var codeNames = map[Code]string{
	Violated: "violated", Usage: "bad-request", Harness: "harness", Undecided: "undecided",
	Rejected: "rejected", Unknown: "unknown", Stopped: "stopped", NeverHit: "never-hit", Unreachable: "unreachable",
	Removed:      "removed",
	Inapplicable: "inapplicable",
}

// Error is an error with an exit code. Other errors exit with Usage.
type Error struct {
	Code    Code
	Text    string // empty: the output has said everything
	Printed bool   // the output has reported the error, in JSON if requested
}

// Error implements error.
func (e *Error) Error() string { return e.Text }
