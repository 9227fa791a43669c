package sim

import "fmt"

// Misuse is the value with which a World panics when code that it runs breaks the
// contract of this package. It is an error: its text says what happened, and what
// to do.
type Misuse struct {
	Class   string // one of the classes below
	At      Duration
	Process ID     // the process in whose step it showed; 0: unknown
	Text    string // a description for a person, with the remedy; no full stop
}

// The classes of misuse.
const (
	MisuseNilMessage          = "nil-message"          // a message or observation that is nil
	MisuseUncomparableMessage = "uncomparable-message" // a message that is neither a pointer nor comparable
	MisuseUnknownReceiver     = "unknown-receiver"     // a message to an id that no process of the world has
	MisuseFateName            = "fate-name"            // a FateName that is not three words, or not the name of the FateKey
	MisuseUnstableDigest      = "unstable-digest"      // a Digest that differs when it is computed again
	MisuseMessageChanged      = "message-changed"      // a message that changed after it was sent
	MisuseWriteChanged        = "write-changed"        // data that changed before its write was done
)

func (m *Misuse) Error() string { return "sim: " + m.Text }

// misuse panics.
func (w *World) misuse(class string, process ID, format string, args ...any) {
	panic(&Misuse{Class: class, At: w.now, Process: process, Text: fmt.Sprintf(format, args...)})
}
