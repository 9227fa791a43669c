package wire

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"

	"github.com/lockstep-dst/lockstep/node"
)

// CBOR is the compact codec (RFC 8949).
type CBOR struct{}

var (
	cborOut = must(cbor.EncOptions{
		IndefLength:   cbor.IndefLengthForbidden,
		TagsMd:        cbor.TagsForbidden,
		NilContainers: cbor.NilContainerAsEmpty,
	}.UserBufferEncMode())
	cborIn = must(cbor.DecOptions{
		IndefLength:      cbor.IndefLengthForbidden,
		TagsMd:           cbor.TagsForbidden,
		MaxNestedLevels:  4,
		MaxArrayElements: maxList,
	}.DecMode())
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Name implements Codec.
func (CBOR) Name() string { return "cbor" }

// Append implements Codec.
func (c CBOR) Append(dst []byte, m node.Message) ([]byte, error) {
	f, err := checkedForm(m)
	if err != nil {
		return dst, codecError(c, err)
	}
	out, err := appendCBOR(dst, f)
	if err != nil {
		return dst, codecError(c, err)
	}
	return out, nil
}

// Decode implements Codec.
func (c CBOR) Decode(b []byte) (node.Message, error) {
	m, err := decodeCBOR(b)
	if err != nil {
		return nil, codecError(c, err)
	}
	return m, nil
}

func appendCBOR(dst []byte, f wireForm) ([]byte, error) {
	out := bytes.NewBuffer(dst)
	if err := cborOut.MarshalToBuffer(f, out); err != nil {
		return dst, err
	}
	return out.Bytes(), nil
}

func decodeCBOR(b []byte) (node.Message, error) {
	if len(b) < 2 {
		return nil, fmt.Errorf("%d bytes: want an array", len(b))
	}
	f := newForm(messageType(b[1])) // a small number is one byte, after the array's head
	if f == nil {
		return nil, fmt.Errorf("unknown type %#x", b[1])
	}
	if err := cborIn.Unmarshal(b, f); err != nil {
		return nil, err
	}
	m, err := toMessage(f)
	if err != nil {
		return nil, err
	}
	// The library accepts null for any zero value, and long forms of small numbers.
	if same, err := appendCBOR(make([]byte, 0, len(b)), f); err != nil || !bytes.Equal(b, same) {
		return nil, errors.New("not its only form: a null in place of a value, or a number longer than it needs")
	}
	return m, nil
}
