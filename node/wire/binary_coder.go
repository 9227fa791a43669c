package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// binaryCoder writes a message, or reads one: the same calls in the same order describe
// both. While it writes, it changes nothing of the message. After the first error it
// reads zeros.
//
// The methods have one form for each text, number and list, so that every message has
// one encoding.
type binaryCoder struct {
	reading bool
	out     []byte // writing: all that was written
	in      []byte // reading: the message
	at      int    // reading: how much of in was read
	flags   flagByte
	err     error // the first
}

// flagByte has the flags of a message, or of one element of a list, in the order of the
// calls.
type flagByte struct {
	at   int   // writing: its index in out
	bits uint8 // the flags
	next uint8 // the bit of the next flag
}

func (c *binaryCoder) fail(err error) {
	if c.err == nil {
		c.err = err
	}
	c.at = len(c.in)
}

var errCutOff = errors.New("cut off")

func errPresentZero(what string) error {
	return fmt.Errorf("%s: not its only form: zeros, and not left out", what)
}

// begin begins a message.
func (c *binaryCoder) begin(k messageType) {
	if !c.reading {
		c.out = append(c.out, byte(k))
	}
	c.beginFlags()
}

func (c *binaryCoder) endFlags() {
	f := &c.flags
	switch {
	case !c.reading:
		c.out[f.at] = f.bits
	case c.err == nil && f.bits&-f.next != 0: // the bits from next on
		c.fail(fmt.Errorf("flags: %#x is not known", f.bits&-f.next))
	}
}

func (c *binaryCoder) beginFlags() {
	c.flags = flagByte{next: 1}
	if c.reading {
		c.flags.bits = c.readByte("flags")
		return
	}
	c.flags.at = len(c.out)
	c.out = append(c.out, 0)
}

// beginGroup begins an element of a list, with flags of its own.
func (c *binaryCoder) beginGroup() (outer flagByte) {
	outer = c.flags
	c.beginFlags()
	return outer
}

func (c *binaryCoder) endGroup(outer flagByte) {
	c.endFlags()
	c.flags = outer
}

func (c *binaryCoder) failCutOff(what string) { c.fail(fmt.Errorf("%s: %w", what, errCutOff)) }

// present writes or reads whether the next field is there.
func (c *binaryCoder) present(is bool) bool {
	f := &c.flags
	if is {
		f.bits |= f.next
	}
	is = f.bits&f.next != 0
	f.next <<= 1
	return is
}

func (c *binaryCoder) bool(x *bool) {
	if is := c.present(*x); c.reading {
		*x = is
	}
}

// varint writes or reads a number (LEB128).
func varint[T ~uint8 | ~uint16 | ~uint32 | ~uint64](c *binaryCoder, what string, x *T) {
	if !c.reading {
		c.out = appendNumber(c.out, uint64(*x))
		return
	}
	n := c.readNumber(what)
	if *x = T(n); uint64(*x) != n {
		c.fail(fmt.Errorf("%s: %d is out of range", what, n))
	}
}

func appendNumber(b []byte, n uint64) []byte {
	if n < 1<<7 { // nearly always
		return append(b, byte(n))
	}
	return binary.AppendUvarint(b, n)
}

func (c *binaryCoder) readNumber(what string) uint64 {
	if at := c.at; at < len(c.in) && c.in[at] < 1<<7 { // nearly always
		c.at++
		return uint64(c.in[at])
	}
	n, size := binary.Uvarint(c.in[c.at:])
	switch {
	case size == 0:
		c.failCutOff(what)
		return 0
	case size < 0:
		c.fail(fmt.Errorf("%s: more than 64 bits", what))
		return 0
	case c.in[c.at+size-1] == 0:
		c.fail(fmt.Errorf("%s: not its only form: longer than it needs", what))
		return 0
	}
	c.at += size
	return n
}

func (c *binaryCoder) readByte(what string) byte {
	if c.at == len(c.in) {
		c.failCutOff(what)
		return 0
	}
	c.at++
	return c.in[c.at-1]
}

// read reads n bytes.
func (c *binaryCoder) read(what string, n uint64) []byte {
	if n > uint64(len(c.in)-c.at) {
		c.failCutOff(what)
		return nil
	}
	begin := c.at
	c.at += int(n)
	return c.in[begin:c.at]
}

// word writes or reads a number that is as good as random, in eight bytes.
func (c *binaryCoder) word(what string, x *uint64) {
	if !c.reading {
		c.out = binary.LittleEndian.AppendUint64(c.out, *x)
	} else if b := c.read(what, 8); b != nil {
		*x = binary.LittleEndian.Uint64(b)
	}
}

// id writes or reads an id of sixteen bytes, left out if it is zero.
func (c *binaryCoder) id(what string, id *[16]byte) {
	if !c.present(*id != [16]byte{}) {
		return
	}
	if !c.reading {
		c.out = append(c.out, id[:]...)
	} else if copy(id[:], c.read(what, 16)); *id == [16]byte{} {
		c.fail(errPresentZero(what))
	}
}

// text writes or reads a text, in memory of its own.
func (c *binaryCoder) text(what string, s *string) {
	if !c.reading {
		c.out = appendText(c.out, *s)
		return
	}
	*s = string(c.read(what, c.readNumber(what)))
}

// texts writes or reads two texts. Those read are halves of one string: neither is kept
// longer than the other.
func (c *binaryCoder) texts(what1 string, s1 *string, what2 string, s2 *string) {
	if !c.reading {
		c.out = appendNumber(appendNumber(c.out, uint64(len(*s1))), uint64(len(*s2)))
		c.out = append(append(c.out, *s1...), *s2...)
		return
	}
	n1, n2 := c.readNumber(what1), c.readNumber(what2)
	begin := c.at
	c.read(what1, n1)
	c.read(what2, n2)
	if c.err == nil {
		both := string(c.in[begin:c.at])
		*s1, *s2 = both[:n1], both[n1:]
	}
}

// bytes writes or reads bytes, in memory of their own.
func (c *binaryCoder) bytes(what string, b *[]byte) {
	if !c.reading {
		c.out = append(appendNumber(c.out, uint64(len(*b))), *b...)
		return
	}
	*b = append([]byte(nil), c.read(what, c.readNumber(what))...)
}

func appendText(b []byte, s string) []byte { return append(appendNumber(b, uint64(len(s))), s...) }

// list writes or reads a list of at most most elements, of a byte or more each.
func list[T any](c *binaryCoder, what string, most int, l *[]T, element func(*binaryCoder, *T)) {
	n := uint64(len(*l))
	varint(c, what, &n)
	if c.reading && n > 0 {
		switch {
		case n > uint64(most):
			c.fail(fmt.Errorf("%s: %d, at most %d", what, n, most))
			return
		case n > uint64(len(c.in)-c.at):
			c.failCutOff(what)
			return
		}
		*l = make([]T, n)
	}
	for i := range *l {
		if element(c, &(*l)[i]); c.err != nil {
			c.err = fmt.Errorf("%s[%d].%w", what, i, c.err)
			return
		}
	}
}
