package kit

import (
	"encoding/binary"
	"fmt"
	"reflect"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
)

// maxDepth bounds the pointers, slices and interfaces that values are nested in.
const maxDepth = 100

// mix adds a value of the shape to the hash h: all of its fields, what its pointers
// point to, and the lengths of its slices. An empty slice is equal to none.
func (s *shape) mix(h uint64, v reflect.Value, depth int) uint64 {
	if depth > maxDepth {
		panic(fmt.Sprintf("kit: a value of type %v is nested more than %d deep: it may contain itself, and messages and facts must not", s.typ, maxDepth))
	}
	if s.digests || s.errs {
		return keyed.Mix(h, s.ownDigest(v))
	}
	switch kind := v.Kind(); kind {
	case reflect.Bool:
		if v.Bool() {
			return keyed.Mix(h, 1)
		}
		return keyed.Mix(h, 0)
	case reflect.String:
		return keyed.Mix(h, keyed.String(v.String()))
	case reflect.Struct:
		for i := range s.fields {
			f := &s.fields[i]
			h = f.shape.mix(h, v.Field(f.index), depth)
		}
		return h
	case reflect.Slice, reflect.Array:
		return s.mixList(h, v, depth)
	case reflect.Pointer:
		if v.IsNil() {
			return keyed.Mix(h, 0)
		}
		return s.elem.mix(keyed.Mix(h, 1), v.Elem(), depth+1)
	case reflect.Interface:
		if v.IsNil() {
			return keyed.Mix(h, 0)
		}
		in := shapes.Get(v.Elem().Type())
		return in.mix(keyed.Mix(h, in.hash), v.Elem(), depth+1)
	default:
		if v.CanInt() {
			return keyed.Mix(h, uint64(v.Int()))
		}
		return keyed.Mix(h, v.Uint())
	}
}

func (s *shape) mixList(h uint64, v reflect.Value, depth int) uint64 {
	h = keyed.Mix(h, uint64(v.Len()))
	if s.elem.typ.Kind() == reflect.Uint8 && !s.elem.digests && v.Kind() == reflect.Slice {
		return mixBytes(h, v.Bytes())
	}
	for i := range v.Len() {
		h = s.elem.mix(h, v.Index(i), depth+1)
	}
	return h
}

func mixBytes(h uint64, data []byte) uint64 {
	for ; len(data) >= 8; data = data[8:] {
		h = keyed.Mix(h, binary.LittleEndian.Uint64(data))
	}
	for _, b := range data {
		h = keyed.Mix(h, uint64(b))
	}
	return h
}

// ownDigest returns the digest of a value with a method Digest, or of an error.
func (s *shape) ownDigest(v reflect.Value) uint64 {
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return 0
	}
	if s.errs {
		return keyed.String(v.Interface().(error).Error())
	}
	return v.Interface().(digester).Digest()
}
