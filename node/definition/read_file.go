package definition

import (
	"github.com/lockstep-dst/lockstep/internal/input"
	"github.com/lockstep-dst/lockstep/node/fsm"
)

// ReadFile parses the one definition in a file, as Read does. It reads only a regular
// file.
func ReadFile(file string) (fsm.Definition, error) {
	data, err := input.ReadFile(file, maxFile)
	if err != nil {
		return fsm.Definition{}, err
	}
	return Read(file, data)
}
