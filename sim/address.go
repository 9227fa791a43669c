package sim

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/netmodel/keyed"
)

// FateKey is the fate key of a message of the given kind about a machine and an
// operation. Processes on a hot path hash each name once and use JoinFate.
func FateKey(kind, machine, operation string) uint64 {
	return FateKeyOf(keyed.String(kind), keyed.String(machine), keyed.String(operation))
}

// FateKeyOf is FateKey of names already hashed with keyed.String.
func FateKeyOf(kind, machine, operation uint64) uint64 {
	return keyed.Mix(keyed.Mix(kind, machine), operation)
}

// Address names one message of a run for people: the link it takes, its fate
// name, and which of the messages with that name on that link it is. Its text
// form is "1>2 proposal lifecycle/a c1.2 #1".
type Address struct {
	Link       netmodel.Link
	Name       string // as Message.FateName
	Occurrence uint32 // from 1
}

// String is the text form.
func (a Address) String() string { return fmt.Sprintf("%v %s #%d", a.Link, a.Name, a.Occurrence) }

// MarshalText implements encoding.TextMarshaler. It refuses what UnmarshalText
// would not take back.
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

// FateKey is the fate key that Name stands for, 0 if it is not three words.
func (a Address) FateKey() uint64 {
	words := strings.Fields(a.Name)
	if len(words) != 3 {
		return 0
	}
	return FateKey(words[0], words[1], words[2])
}
