package kit

import (
	"encoding/binary"

	"github.com/lockstep-dst/lockstep/netmodel/keyed"
	"github.com/lockstep-dst/lockstep/sim"
)

// Source is a source of random numbers, for libraries that want one. It implements Source
// of math/rand/v2, Source64 of math/rand, and io.Reader, without errors.
//
// Draw i is a hash of seed, process, life, name and i (see package keyed), so a source
// depends only on its own draws: not on other processes, nor on an earlier life. It is
// not fit for secrets. A process should take a source of a name for each purpose, so that
// a draw more for one changes nothing for the others.
//
//	random := kit.NewSource(plan.Seed, id, life)
//	election := rand.New(random.Named("election")) // math/rand/v2
type Source struct {
	key   keyed.Key
	draws uint64
	bytes [8]byte // of the last draw by Read
	left  int     // bytes of it not read yet, the last ones
}

// NewSource returns the source of one life of a process. Lives count from 1, as in
// sim.Config.New.
func NewSource(seed uint64, id sim.ID, life int) *Source {
	return &Source{key: keyed.Seed(seed).Name("source").Word(uint64(id)).Word(uint64(life))}
}

// Named returns another source, from its beginning. It depends on the name, and not on
// the draws of s.
func (s *Source) Named(name string) *Source { return &Source{key: s.key.Name(name)} }

// Uint64 returns 64 uniform bits.
func (s *Source) Uint64() uint64 {
	s.draws++
	return s.key.Word(s.draws).Uint64()
}

// Int63 returns 63 uniform bits.
func (s *Source) Int63() int64 { return int64(s.Uint64() >> 1) }

// Seed makes s the source that is the child of its present one at seed.
func (s *Source) Seed(seed int64) { *s = Source{key: s.key.Word(uint64(seed))} }

// Read fills p with the next bytes, and never fails. The bytes do not depend on how many
// are read at a time. A draw makes eight.
func (s *Source) Read(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if s.left == 0 {
			binary.LittleEndian.PutUint64(s.bytes[:], s.Uint64())
			s.left = len(s.bytes)
		}
		c := copy(p, s.bytes[len(s.bytes)-s.left:])
		p, s.left = p[c:], s.left-c
	}
	return n, nil
}
