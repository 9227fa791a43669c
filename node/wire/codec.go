package wire

import (
	"errors"
	"fmt"

	"github.com/lockstep-dst/lockstep/node"
)

// ErrMessage is wrapped by every refusal of a Codec.
var ErrMessage = errors.New("not a message")

// Codec is a form of messages as bytes. Codecs are values without state.
type Codec interface {
	// Name is what ByName knows it by.
	Name() string
	// Append appends m. If it refuses, dst is returned as it was.
	Append(dst []byte, m node.Message) ([]byte, error)
	// Decode reads what Append wrote, all of b.
	Decode(b []byte) (node.Message, error)
}

// ByName is the codec of a name: json or cbor.
func ByName(name string) (Codec, error) {
	for _, c := range []Codec{JSON{}, CBOR{}} {
		if c.Name() == name {
			return c, nil
		}
	}
	return nil, fmt.Errorf("codec %q: want json or cbor", name)
}

// codecError is the error of a codec about a message.
func codecError(c Codec, err error) error {
	return fmt.Errorf("%w: %s: %w", ErrMessage, c.Name(), err)
}
