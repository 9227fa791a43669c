package wire

import (
	"errors"
	"fmt"

	"github.com/lockstep-dst/lockstep/node"
)

// ErrMessage is wrapped by every error of a Codec.
var ErrMessage = errors.New("not a message")

// Codec encodes and decodes messages. Codecs are stateless values.
type Codec interface {
	// Name is the name for ByName.
	Name() string
	// Append appends m. With an error it returns dst unchanged.
	Append(dst []byte, m node.Message) ([]byte, error)
	// Decode decodes b, which must be the output of one Append.
	Decode(b []byte) (node.Message, error)
}

// codecs are all codecs, the best one for nodes first.
var codecs = [...]Codec{Binary{}, CBOR{}, JSON{}}

// ByName returns the codec with a name: binary, cbor or json.
func ByName(name string) (Codec, error) {
	for _, c := range codecs {
		if c.Name() == name {
			return c, nil
		}
	}
	return nil, fmt.Errorf("codec %q: want binary, cbor or json", name)
}

// codecError wraps an error of a codec.
func codecError(c Codec, err error) error {
	return fmt.Errorf("%w: %s: %w", ErrMessage, c.Name(), err)
}
