// Package keyed provides random choices by lookup instead of a sequence of draws.
//
// A choice is a hash of its place: the seed and a path of words and names. So the
// omission of one choice changes no other. This lets a failing run shrink, and an
// old plan survive a small change of code. Only 64-bit integer arithmetic is
// used, so results are equal on all processors.
package keyed

import (
	"math/bits"

	"github.com/lockstep-dst/lockstep/node/hash64"
)

// Key is a point in a tree of choices. The zero Key is valid; Seed returns the
// usual root.
type Key uint64

const (
	c0 = 0x9e3779b97f4a7c15 // 2^64 / golden ratio
	c1 = 0xd6e8feb86659fd93 // an odd constant of balanced weight
	c2 = 0xa0761d6478bd642f
)

// Seed returns the root of all choices that belong to seed.
func Seed(seed uint64) Key { return Key(Mix(seed, c0)) }

// Mix folds b into a: both halves of one 128-bit product, xored (the step of
// the MUM and wyhash families). It is not symmetric.
func Mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^c0, b^c1)
	return hi ^ lo ^ bits.RotateLeft64(a, 29)
}

// String hashes a name (FNV-1a, then finalised).
func String(s string) uint64 { return hash64.Finalise(hash64.FNV1a(0, s)) }

// Word returns the child of k at w.
func (k Key) Word(w uint64) Key { return Key(Mix(uint64(k), w)) }

// Name returns the child of k at a name.
func (k Key) Name(name string) Key { return k.Word(String(name)) }

// Uint64 returns the choice at k: 64 uniform bits.
func (k Key) Uint64() uint64 { return hash64.Finalise(Mix(uint64(k), c2)) }

// Below returns the choice at k as a number in [0, n), n > 0. The bias is below
// n/2^64.
func (k Key) Below(n uint64) uint64 {
	hi, _ := bits.Mul64(k.Uint64(), n)
	return hi
}

// Chance reports whether an event of ppm parts per million happens at k.
func (k Key) Chance(ppm uint32) bool {
	return ppm != 0 && k.Below(1_000_000) < uint64(ppm)
}
