package node

import (
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// OpID is the id of a client's operation: the same in every attempt of it, and
// different from that of every other operation on the machine. Its form says
// what a node may rely on (rule 7):
//
//   - "17@x3_kRANDOM" is stamped: it carries the operation's base, a serial number
//     of the machine that was chosen before the first attempt. The four
//     characters tie number, machine and the rest together, so that no attempt
//     can have another base, and no other machine takes it.
//   - "-RANDOM" is made up by the server that the operation is sent to, for the
//     only attempt that there will ever be. Clients cannot send one.
//   - Any other is the client's own. It carries nothing: its base is 0.
type OpID string

const (
	// MaxOpID is the longest OpID, in bytes.
	MaxOpID = 64
	// MaxOpName is the longest name of an OpID that is stamped, in bytes.
	MaxOpName = MaxOpID - maxDigits - 1 - checksumLength

	maxDigits      = 19 // of a serial number: see maxSerial
	checksumLength = 4
	watermarkEnd   = '@'
	oncePrefix     = '-'
)

// ErrOpID is wrapped by every error about an OpID.
var ErrOpID = errors.New("invalid operation id")

// Stamp is the id of an operation on a machine, with the base that holds for all
// attempts. The name must be unique in the cluster and should be unguessable:
// who knows it can use it first. It has at most MaxOpName bytes.
func Stamp(key string, watermark uint64, name string) OpID {
	var room [MaxOpID]byte
	b := append(strconv.AppendUint(room[:0], watermark, 10), watermarkEnd)
	t := opIDChecksum(key, watermark, name)
	return OpID(append(append(b, t[:]...), name...))
}

// Once is the id of an operation that is asked for once, of one node: no other
// attempt of it is made, before or after. The name is as that of Stamp.
func Once(name string) OpID { return OpID(oncePrefix) + OpID(name) }

// IsOnce reports whether Once has made the id.
func (id OpID) IsOnce() bool { return len(id) > 1 && id[0] == oncePrefix }

// Name is what the id was made of: the part that is unique. It is the id itself
// if that is the client's own.
func (id OpID) Name() string {
	if id.IsOnce() {
		return string(id[1:])
	}
	if i := id.prefixLength(); i > 0 && len(id) > i+checksumLength {
		return string(id[i+checksumLength:])
	}
	return string(id)
}

// prefixLength is how many bytes of the id are a number and what ends it, or 0.
func (id OpID) prefixLength() int {
	for i := range len(id) {
		switch c := id[i]; {
		case c == watermarkEnd && i > 0:
			return i + 1
		case c < '0' || c > '9':
			return 0
		}
	}
	return 0
}

// Watermark is the serial number that the id carries for a machine, or 0. The error
// says why no node takes the id for that machine.
func (id OpID) Watermark(key string) (uint64, error) {
	if id == "" || len(id) > MaxOpID || !utf8.ValidString(string(id)) {
		return 0, fmt.Errorf("%w: %d bytes: want 1 to %d, in UTF-8", ErrOpID, len(id), MaxOpID)
	}
	n := id.prefixLength()
	if n == 0 {
		return 0, nil
	}
	base, rest := uint64(0), string(id[n:])
	for _, digit := range []byte(id[:n-1]) {
		base = 10*base + uint64(digit-'0')
	}
	if n > maxDigits+1 || id[0] == '0' && n > 2 || len(rest) <= checksumLength || !checksumMatches(rest, key, base) {
		return 0, fmt.Errorf("%w: %q: it is none that was handed out for %s: use one as it is, and for its machine alone", ErrOpID, id, key)
	}
	return base, nil
}

// opIDChecksum is a hash of what belongs together in a stamped id, as characters. It is
// to find mistakes, and keeps no secret.
func opIDChecksum(key string, watermark uint64, name string) [checksumLength]byte {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	h := jitter(jitter(0, 0, key, watermark), 0, name, 0)
	return [checksumLength]byte{digits[h%64], digits[h>>6%64], digits[h>>12%64], digits[h>>18%64]}
}

// checksumMatches reports whether a name follows its tie to key and base.
func checksumMatches(rest, key string, watermark uint64) bool {
	t := opIDChecksum(key, watermark, rest[checksumLength:])
	return rest[:checksumLength] == string(t[:])
}

// equal reports whether two ids are the same. Those of one client differ in the last
// byte, mostly, and may otherwise be alike.
func (id OpID) equal(other OpID) bool {
	n := len(id)
	return n == len(other) && (n == 0 || id[n-1] == other[n-1]) && id == other
}
