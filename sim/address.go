package sim

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
)

// FateKey returns the fate key of a message of the given kind about a machine and
// an operation. Processes on a hot path hash each name once and use FateKeyOf.
func FateKey(kind, machine, operation string) uint64 {
	return FateKeyOf(keyed.String(kind), keyed.String(machine), keyed.String(operation))
}

// FateKeyOf is FateKey of names already hashed with keyed.String.
func FateKeyOf(kind, machine, operation uint64) uint64 {
	return keyed.Mix(keyed.Mix(kind, machine), operation)
}

// Address identifies one message of a run, for people: its link, its fate name,
// and its occurrence among the messages with that name on that link. Its text
// form is "1>2 proposal lifecycle/a c1.2 #1".
type Address struct {
	Link       netmodel.Link
	Name       string // as Message.FateName
	Occurrence uint32 // from 1
}

// String is the text form.
func (a Address) String() string { return fmt.Sprintf("%v %s #%d", a.Link, a.Name, a.Occurrence) }

// MarshalText implements encoding.TextMarshaler. It rejects an address that
// UnmarshalText would not read back.
func (a Address) MarshalText() ([]byte, error) {
	text := []byte(a.String())
	var back Address
	if err := back.UnmarshalText(text); err != nil {
		return nil, err
	}
	return text, nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (a *Address) UnmarshalText(text []byte) error {
	words := strings.Fields(string(text))
	if len(words) != 5 || !strings.HasPrefix(words[4], "#") {
		return fmt.Errorf("message %q: want LINK KIND MACHINE OPERATION #N, as in \"1>2 proposal lifecycle/a c1.2 #1\"", text)
	}
	var l netmodel.Link
	if err := l.UnmarshalText([]byte(words[0])); err != nil {
		return fmt.Errorf("message %q: %w", text, err)
	}
	n, err := strconv.ParseUint(words[4][1:], 10, 32)
	if err != nil || n == 0 {
		return fmt.Errorf("message %q: occurrence %s: want #1 or more", text, words[4])
	}
	*a = Address{l, strings.Join(words[1:4], " "), uint32(n)}
	return nil
}

// FateKey returns the fate key of Name, 0 if Name is not three words.
func (a Address) FateKey() uint64 {
	words := strings.Fields(a.Name)
	if len(words) != 3 {
		return 0
	}
	return FateKey(words[0], words[1], words[2])
}
