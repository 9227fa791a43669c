package main

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// mutator makes inputs that are nearly sound, from sound ones. The same source of choices
// gives the same inputs.
type mutator struct {
	random *rand.Rand
	counts map[string]int64 // of the inputs taken, by the kind of the mutation
	kind   string           // of the last input
}

func newMutator(seed, stream uint64) *mutator {
	return &mutator{random: rand.New(rand.NewPCG(seed, stream)), counts: map[string]int64{}}
}

// mutation is one kind of change. It changes b or returns another slice; other is another
// sound input.
type mutation struct {
	kind string
	do   func(m *mutator, b, other []byte) []byte
}

var mutations = []mutation{
	{"flip", (*mutator).flip}, {"cut", (*mutator).cut}, {"splice", (*mutator).splice}, {"limit", (*mutator).limit},
	{"repeat", (*mutator).repeat}, {"nest", (*mutator).nest}, {"exchange", (*mutator).exchange}, {"noise", (*mutator).noise},
}

// mutate returns a mutated copy of one of the seeds. One of sixty-four stays as it is.
func (m *mutator) mutate(seeds [][]byte) []byte {
	b, other := bytes.Clone(m.pick(seeds)), m.pick(seeds)
	if m.random.IntN(64) == 0 {
		m.kind = "none"
		return b
	}
	x := mutations[m.random.IntN(len(mutations))]
	m.kind = x.kind
	if len(b) == 0 {
		return b
	}
	return x.do(m, b, other)
}

// took counts the last input.
func (m *mutator) took() { m.counts[m.kind]++ }

func (m *mutator) pick(of [][]byte) []byte { return of[m.random.IntN(len(of))] }

// flip changes one to eight bits.
func (m *mutator) flip(b, _ []byte) []byte {
	for range 1 + m.random.IntN(8) {
		b[m.random.IntN(len(b))] ^= 1 << m.random.IntN(8)
	}
	return b
}

func (m *mutator) cut(b, _ []byte) []byte { return b[:m.random.IntN(len(b))] }

// splice joins the begin of one input and the end of another.
func (m *mutator) splice(b, other []byte) []byte {
	return append(b[:m.random.IntN(len(b))], other[m.random.IntN(len(other)+1):]...)
}

// limit writes a number at a limit of its type, in either order of bytes or as a varint.
func (m *mutator) limit(b, _ []byte) []byte {
	n := uint64(1)<<m.random.IntN(64) - uint64(m.random.IntN(2))
	number := binary.LittleEndian.AppendUint64(nil, n)
	switch m.random.IntN(3) {
	case 0:
		number = binary.BigEndian.AppendUint64(nil, n)
	case 1:
		number = binary.AppendUvarint(nil, n)
	}
	at := m.random.IntN(len(b))
	if m.random.IntN(2) == 0 { // in the place of bytes; otherwise between them
		return append(append(bytes.Clone(b[:at]), number...), b[min(len(b), at+1):]...)
	}
	copy(b[at:], number[:1+m.random.IntN(len(number))])
	return b
}

// repeat has a part several times.
func (m *mutator) repeat(b, _ []byte) []byte {
	from := m.random.IntN(len(b))
	part := b[from : from+1+m.random.IntN(len(b)-from)]
	return append(append(bytes.Clone(b[:from]), bytes.Repeat(part, 2+m.random.IntN(63))...), b[from:]...)
}

// nest begins many lists within each other: of CBOR, of JSON, or of numbers that do not end.
func (m *mutator) nest(b, _ []byte) []byte {
	begin := [...]string{"\x81", "\x9f", "\xa1\x01", "\xd8\x40", "\xff", "\x80", "[", `{"a":`}[m.random.IntN(8)]
	at := m.random.IntN(len(b))
	return append(append(bytes.Clone(b[:at]), bytes.Repeat([]byte(begin), 1<<m.random.IntN(11))...), b[at:]...)
}

// exchange has two parts in each other's place.
func (m *mutator) exchange(b, _ []byte) []byte {
	i, j := m.random.IntN(len(b)+1), m.random.IntN(len(b)+1)
	i, j = min(i, j), max(i, j)
	return append(append(bytes.Clone(b[:i]), b[j:]...), b[i:j]...)
}

// noise has chance in the place of a part.
func (m *mutator) noise(b, _ []byte) []byte {
	from := m.random.IntN(len(b))
	for i := from; i < min(len(b), from+1+m.random.IntN(16)); i++ {
		b[i] = byte(m.random.Uint32())
	}
	return b
}

// The inputs are a function of the seed, every kind is among them, and the sound inputs are
// left as they are.
func TestMutatorRepeats(t *testing.T) {
	seeds := [][]byte{[]byte("a sound input, of some length"), []byte("another one"), {}}
	inputs := func(seed uint64) (all [][]byte, counts map[string]int64) {
		m := newMutator(seed, 1)
		for range 4_000 {
			all = append(all, m.mutate(seeds))
			m.took()
		}
		return all, m.counts
	}
	first, counts := inputs(1)
	again, _ := inputs(1)
	other, _ := inputs(2)
	require.Equal(t, first, again)
	require.NotEqual(t, first, other)
	require.Equal(t, [][]byte{[]byte("a sound input, of some length"), []byte("another one"), {}}, seeds)
	require.Len(t, counts, len(mutations)+1)
	for kind, n := range counts {
		require.Greater(t, n, int64(20), kind)
	}
}
