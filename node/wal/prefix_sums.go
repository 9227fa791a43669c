package wal

import "hash/crc32"

// prefixSums computes the checksum of any part of some bytes in nearly constant time.
// Every third byte of hostile data may look like the start of a record of a megabyte;
// a search of it must not take hours.
//
// Without the inversions at both ends CRC32C is linear. The state after some bytes is
// the state before them, times x^8 for each byte, plus the state that the bytes alone
// lead to from zero. So the state over a part follows from the states over two
// prefixes.
type prefixSums struct {
	data   []byte
	blocks []uint32 // blocks[n] is the state after n blocks, from zero
}

const sumBlock = 1 << 10 // bytes

func newPrefixSums(data []byte) prefixSums {
	blocks := make([]uint32, 1, len(data)/sumBlock+1)
	for at := 0; at+sumBlock <= len(data); at += sumBlock {
		blocks = append(blocks, advance(blocks[len(blocks)-1], data[at:at+sumBlock]))
	}
	return prefixSums{data, blocks}
}

// checksum is crc32.Update(seed, castagnoli, data[from:to]).
func (s *prefixSums) checksum(seed uint32, from, to int) uint32 {
	if to-from <= sumBlock {
		return crc32.Update(seed, castagnoli, s.data[from:to])
	}
	return ^(shift(^seed^s.prefix(from), uint32(to-from)) ^ s.prefix(to))
}

// prefix is the state after data[:to], from zero.
func (s *prefixSums) prefix(to int) uint32 {
	n := to / sumBlock
	return advance(s.blocks[n], s.data[n*sumBlock:to])
}

// advance is the state after data, from a state before it.
func advance(state uint32, data []byte) uint32 { return ^crc32.Update(^state, castagnoli, data) }

// shift is a state times (x^8)^n.
func shift(state, n uint32) uint32 {
	for k := 0; n != 0; k, n = k+1, n>>8 {
		state = multiply(state, powers[k][n&0xff])
	}
	return state
}

// powers[k][b] is (x^8)^(b*256^k).
var powers = func() (p [4][256]uint32) {
	power := uint32(1 << (31 - 8))
	for k := range p {
		p[k][0] = 1 << 31
		for n := range p[k][1:] {
			p[k][n+1] = multiply(p[k][n], power)
		}
		power = multiply(p[k][255], power)
	}
	return p
}()

// multiply is the product of two polynomials modulo the polynomial of the CRC. The
// highest bit is the coefficient of 1.
func multiply(a, b uint32) (product uint32) {
	for ; a != 0; a <<= 1 {
		product ^= b & -(a >> 31)
		b = b>>1 ^ crc32.Castagnoli&-(b&1)
	}
	return product
}
