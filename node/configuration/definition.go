package configuration

import "github.com/lockstep-dst/lockstep/node/fsm"

// The configuration of a cluster is kept in a machine: Key goes from Founded to the text
// of one configuration after the other, each of which may follow the one before.
const (
	Name = "membership"
	Key  = Name + "/cluster"
)

// Definition is the definition of the machine.
func Definition() fsm.Definition {
	return fsm.OfTexts(Name, Founded, func(text string) bool { return EpochOf(text) != 0 }, Follows)
}
