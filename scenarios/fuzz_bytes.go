package scenarios

// FromBytes returns the plan that data encodes for a shape, which must be valid. A
// fuzzing engine, which knows only bytes, chooses plans by it. Every input is a
// plan, and the plan is valid. A shape that leaves the number of operations open
// gets 1 to 60: plans with few operations are easier to read.
//
// The layout suits engines that mutate bytes, observe coverage, and minimise
// failing inputs:
//
//   - A choice among n takes as many bytes as n-1 has, most significant first, modulo
//     n; one without an alternative takes none. The digit '0' is the simplest
//     choice, '1' the next: Go's minimiser tries to replace each byte by a digit, 0
//     first.
//   - Bytes beyond the end of data are '0'. So the empty input is the simplest
//     plan, and short inputs are simple ones.
//   - Choices are read in sequence, not found by a hash of their labels. So every
//     byte of an input counts. In a table with room for all labels most bytes would
//     be dead, and mutations of them wasted.
//   - The choices about one part (an operation, a fault, a clock) are in
//     frames of their own, of a fixed size; those about the whole plan are in larger
//     ones. If one choice makes another unnecessary, as a read needs no target
//     state, the following choices move up within the frame. Other parts are
//     unchanged, unless the part has needed one frame more or less. Engine and
//     minimiser cut out and repeat ranges of bytes: to do so with a frame is to
//     remove a part or to repeat it.
func FromBytes(data []byte, shape Shape) *Plan {
	src := newFramed(func(place int, b byte) byte {
		if place < len(data) {
			return data[place]
		}
		return simplest
	})
	if shape.Operations == 0 {
		shape.Operations = 1 + int(src.Choose("operations", maxDrawnOperations))
	}
	return GenerateFrom(src, shape)
}

// ToBytes returns an input that FromBytes maps to the plan that src chooses for the
// shape, which must be valid. It makes initial inputs for a fuzzing engine. A shape
// that leaves the number of operations open gets the number that Generate gives a
// plan with a few machines.
func ToBytes(src Source, shape Shape) []byte {
	var data []byte
	to := newFramed(func(place int, b byte) byte {
		for len(data) <= place {
			data = append(data, simplest)
		}
		data[place] = b
		return b
	})
	if shape.Operations == 0 {
		shape.Operations = drawOperations(Choices{src}, 1)
		to.write(uint64(shape.Operations-1), maxDrawnOperations)
	}
	GenerateFrom(recordingSource{src, to}, shape)
	for len(data) > 0 && data[len(data)-1] == simplest {
		data = data[:len(data)-1]
	}
	return data
}

// simplest is the byte that encodes choice 0.
const simplest = '0'

// Sizes of frames, in bytes. Most operations and faults need 7 to 12. The first
// frame holds nearly all choices about the whole plan.
const (
	planFrame = 128
	partFrame = 12
)

// framedSource is the Source whose choices are bytes in frames. It belongs to one
// part or to the whole plan.
type framedSource struct {
	*frames
	size       int
	next, stop int // remaining places of its current frame
}

// frames allocates frames in the order in which they are needed.
type frames struct {
	at  func(place int, b byte) byte // the byte at a place; b is to be written there, if choices are written
	end int
}

func newFramed(at func(place int, b byte) byte) *framedSource {
	return &framedSource{frames: &frames{at: at}, size: planFrame}
}

// place is the place of the next byte of f.
func (f *framedSource) place() int {
	if f.next == f.stop {
		f.next, f.stop = f.end, f.end+f.size
		f.end = f.stop
	}
	f.next++
	return f.next - 1
}

// Choose implements Source.
func (f *framedSource) Choose(_ string, n uint64) uint64 { return f.write(0, n) }

// write makes v the next choice if choices are written, and returns the choice that
// is now there.
func (f *framedSource) write(v, n uint64) (is uint64) {
	width := 0
	for most := n - 1; most > 0; most >>= 8 {
		width++
	}
	for i := width - 1; i >= 0; i-- {
		b := byte(v>>(8*i)) ^ simplest
		is = is<<8 | uint64(f.at(f.place(), b)^simplest)
	}
	return is % n
}

// At implements Source. The parts of a part share its frames.
func (f *framedSource) At(string, int) Source { return f.part() }

func (f *framedSource) part() *framedSource {
	if f.size == partFrame {
		return f
	}
	return &framedSource{frames: f.frames, size: partFrame}
}

// recordingSource is a Source that records its choices.
type recordingSource struct {
	src Source
	to  *framedSource
}

// Choose implements Source.
func (r recordingSource) Choose(label string, n uint64) uint64 {
	return r.to.write(r.src.Choose(label, n), n)
}

// At implements Source.
func (r recordingSource) At(label string, i int) Source {
	return recordingSource{r.src.At(label, i), r.to.part()}
}
