package definition

import (
	"os"

	"github.com/lockstep-dst/lockstep/node/fsm"
)

// ReadFile parses the one definition in a file, as Read does.
func ReadFile(file string) (fsm.Definition, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return fsm.Definition{}, err
	}
	return Read(file, data)
}
