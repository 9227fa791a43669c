package scenarios

// FromBytes is the plan of a shape, which must be valid, that data stands for: how
// a fuzzing engine, which knows only bytes, chooses plans. Every input is a plan,
// and the plan is valid. A shape that leaves the number of operations open gets 1
// to 60: the fewer the better to read.
//
// The layout is made for engines that mutate bytes, look at what that covers, and
// make smaller what fails:
//
//   - A choice among n takes as many bytes as n-1 has, most significant first, modulo
//     n; one without an alternative takes none. The digit '0' is the simplest
//     choice, '1' the next: Go's minimiser tries to replace each byte by a digit, 0
//     first.
//   - What is beyond the end of data is '0'. So the empty input is the simplest
//     plan, and short inputs are simple ones.
//   - Choices are read in sequence, not found by a hash of their labels: so every
//     byte of an input counts, where most of a table with room for all
//     labels would be dead, and mutations of it wasted.
//   - But the choices about one thing (an operation, a fault, a clock) stand in
//     frames of their own, of a fixed size, and those about the whole plan in larger
//     ones. Where one choice makes another needless, as a read needs no state to go
//     to, what follows within the frame moves up; other things stay as they are, unless
//     the thing has needed one frame more or less. To cut a frame out, or to
//     repeat it, which both engine and minimiser do with any range of bytes, is to
//     take a thing out or to repeat it.
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

// ToBytes is an input that FromBytes takes for the plan that src chooses for the
// shape, which must be valid: what a fuzzing engine may begin with. A shape that
// leaves the number of operations open gets what Generate gives it.
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
		shape.Operations = drawOperations(choices{src})
		to.write(uint64(shape.Operations-1), maxDrawnOperations)
	}
	GenerateFrom(recordingSource{src, to}, shape)
	for len(data) > 0 && data[len(data)-1] == simplest {
		data = data[:len(data)-1]
	}
	return data
}

// simplest is the byte that stands for choice 0.
const simplest = '0'

// Sizes of frames, in bytes. Most operations and faults need 7 to 12; what is chosen
// about a plan as a whole fits into the first frame but for a few.
const (
	planFrame = 128
	partFrame = 12
)

// framedSource is the Source whose choices are bytes in frames. It is one thing's, or the
// whole plan's.
type framedSource struct {
	*frames
	size       int
	next, stop int // of the places in its present frame: those that are left
}

// frames are handed out in the order in which they are needed.
type frames struct {
	at  func(place int, b byte) byte // the byte at a place; b is to be written there, if there is something to write
	end int
}

func newFramed(at func(place int, b byte) byte) *framedSource {
	return &framedSource{frames: &frames{at: at}, size: planFrame}
}

// place is where the next byte of f stands.
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

// write has the next choice be v, where choices are written, and returns it; or
// else the one that is there.
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

// At implements Source. The parts of a thing share its frames.
func (f *framedSource) At(string, int) Source { return f.part() }

func (f *framedSource) part() *framedSource {
	if f.size == partFrame {
		return f
	}
	return &framedSource{frames: f.frames, size: partFrame}
}

// recordingSource is a Source that writes its choices down.
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
