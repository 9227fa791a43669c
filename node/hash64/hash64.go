// Package hash64 provides two well-known steps of 64-bit hashes, and a mixed hash. They are
// equal on all processors, and never change: stored plans, ids of operations, and the
// home of every machine, depend on them.
//
// Other modules should not import it: docs/API.md promises nothing of it.
package hash64

// FNV1a is the FNV-1a hash of s, from a basis that is xored with seed. Its high
// bits are weak: finalise it, or mix it with more.
func FNV1a(seed uint64, s string) uint64 {
	h := 0xcbf29ce484222325 ^ seed
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 0x100000001b3
	}
	return h
}

// Finalise is x with each bit spread over all bits (Stafford's variant 13 of the
// MurmurHash3 finaliser); it is a bijection.
func Finalise(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Keyed is a hash of its arguments (FNV-1a, then mixed), for pseudorandom choices and
// short checksums.
func Keyed(seed, a uint64, s string, b uint64) uint64 {
	h := FNV1a(seed, s)
	h = (h ^ a<<32 ^ b) * 0x9e3779b97f4a7c15
	h = (h ^ h>>32) * 0xd6e8feb86659fd93
	return h ^ h>>32
}
