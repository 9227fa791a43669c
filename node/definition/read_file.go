package definition

import (
	"github.com/lockstep-dst/lockstep/node/fsm"
	"github.com/lockstep-dst/lockstep/node/input"
)

// ReadFile parses the one definition in a file, as Read does. It reads only a regular
// file, of at most MaxFile bytes.
func ReadFile(file string) (fsm.Definition, error) {
	data, err := input.ReadFile(file, MaxFile)
	if err != nil {
		return fsm.Definition{}, err
	}
	return Read(file, data)
}
