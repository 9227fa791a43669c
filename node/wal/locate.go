package wal

// Part is a part of a log that a test may want to damage.
type Part uint8

// The parts: the last record of a kind, and the header of the last segment.
const (
	BootPart Part = iota + 1
	EntryPart
	TrimPart
	SealPart
	HeaderPart
)

// partKinds are the kinds of records that are parts.
var partKinds = [...]byte{BootPart: kindBoot, EntryPart: kindEntry, TrimPart: kindTrim, SealPart: kindSeal}

// Place is a range of bytes of a file.
type Place struct {
	File     string
	From, To int64
}

// Locate returns the place of a part of the log in a directory; found is false if the
// log has none. It reads each segment up to the first record that is not valid, and
// changes no file. It fails only with errors of dir.
func Locate(dir Dir, part Part) (at Place, found bool, err error) {
	sequences, _, err := list(dir)
	if err != nil {
		return Place{}, false, err
	}
	for i := len(sequences) - 1; i >= 0 && !found; i-- {
		s, err := readSegment(dir, sequences[i])
		if err != nil {
			return Place{}, false, err
		}
		at, found = s.locate(part)
	}
	return at, found, nil
}

// locate returns the last place of a part in s.
func (s *segment) locate(part Part) (at Place, found bool) {
	if !s.hasHeader || !s.header.supported() {
		return Place{}, false
	}
	if part == HeaderPart {
		return Place{s.name, 0, int64(s.header.length)}, true
	}
	for offset := s.firstOffset(); ; {
		r, ok := s.record(offset)
		if !ok {
			return at, found
		}
		end := offset + r.size()
		if r.kind == partKinds[part] {
			at, found = Place{s.name, int64(offset), int64(end)}, true
		}
		if offset = end; r.kind == kindSeal {
			return at, found
		}
	}
}
