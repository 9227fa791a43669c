package op

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/lockstep-dst/lockstep/node/hash64"
)

// ID is the id of a client's operation: the same in all its attempts, and unique
// among the operations on the machine. Its form shows how much a node may rely on
// (rule 7):
//
//   - "17@x3_kRANDOM" is stamped. It carries the operation's watermark: a serial of
//     the machine that was chosen before the first attempt. The four characters are
//     a checksum of watermark, machine and name, so that no attempt can have
//     another watermark, and no other machine accepts the id.
//   - "-RANDOM" is made by the server that receives the operation, for its only
//     attempt. Clients cannot send one.
//   - Any other is the client's own. It carries no watermark, which is then 0.
type ID string

const (
	// MaxID is the maximum length of an ID, in bytes.
	MaxID = 64
	// MaxName is the maximum length of the name of a stamped ID, in bytes.
	MaxName = MaxID - maxDigits - 1 - checksumLength

	maxDigits      = 19 // of a serial: at most 2⁶²
	checksumLength = 4
	watermarkEnd   = '@'
	oncePrefix     = '-'
)

// ErrID is wrapped by every error about an ID.
var ErrID = errors.New("invalid operation id")

// Stamp returns an id for an operation on a machine, with the watermark of all its
// attempts. The name, of at most MaxName bytes, must be unique in the cluster and
// should be unguessable: a client that knows it can use it first.
func Stamp(key string, watermark uint64, name string) ID {
	var room [MaxID]byte
	b := append(strconv.AppendUint(room[:0], watermark, 10), watermarkEnd)
	t := opIDChecksum(key, watermark, name)
	return ID(append(append(b, t[:]...), name...))
}

// Once returns the id of an operation that has one attempt only, at one node. The name
// is as in Stamp.
func Once(name string) ID { return ID(oncePrefix) + ID(name) }

// RandomBytes is the number of random bytes in a random name: 96 bits, which make it
// unique and unpredictable.
const RandomBytes = 12

// RandomName returns the name for Stamp and Once that random bytes make.
func RandomName(random [RandomBytes]byte) string {
	return base64.RawURLEncoding.EncodeToString(random[:])
}

// IsOnce reports whether the id was made by Once.
func (id ID) IsOnce() bool { return len(id) > 1 && id[0] == oncePrefix }

// Name returns the unique part of the id: the name that Stamp or Once was given, or
// the whole id if it is the client's own.
func (id ID) Name() string {
	if id.IsOnce() {
		return string(id[1:])
	}
	if i := id.prefixLength(); i > 0 && len(id) > i+checksumLength {
		return string(id[i+checksumLength:])
	}
	return string(id)
}

// prefixLength is the length of the id's prefix of a number and watermarkEnd, or 0 if
// it has none.
func (id ID) prefixLength() int {
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

// Watermark returns the serial that the id carries, 0 if it carries none. It returns
// an error if no node accepts the id for the machine with the key.
func (id ID) Watermark(key string) (uint64, error) {
	if id == "" || len(id) > MaxID || !utf8.ValidString(string(id)) {
		return 0, fmt.Errorf("%w: %d bytes: want 1 to %d, in UTF-8", ErrID, len(id), MaxID)
	}
	n := id.prefixLength()
	if n == 0 {
		return 0, nil
	}
	watermark, rest := uint64(0), string(id[n:])
	for _, digit := range []byte(id[:n-1]) {
		watermark = 10*watermark + uint64(digit-'0')
	}
	if n > maxDigits+1 || id[0] == '0' && n > 2 || len(rest) <= checksumLength || !checksumMatches(rest, key, watermark) {
		return 0, fmt.Errorf("%w: %q: it was not issued for %s: use an issued id unchanged, and only for its machine", ErrID, id, key)
	}
	return watermark, nil
}

// opIDChecksum is the checksum of a stamped id, as characters. It detects mistakes and
// keeps no secret.
func opIDChecksum(key string, watermark uint64, name string) [checksumLength]byte {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	h := hash64.Keyed(hash64.Keyed(0, 0, key, watermark), 0, name, 0)
	return [checksumLength]byte{digits[h%64], digits[h>>6%64], digits[h>>12%64], digits[h>>18%64]}
}

// checksumMatches reports whether rest is a name after its checksum with key and
// watermark.
func checksumMatches(rest, key string, watermark uint64) bool {
	t := opIDChecksum(key, watermark, rest[checksumLength:])
	return rest[:checksumLength] == string(t[:])
}

// Equal reports whether two ids are the same. It compares the last byte first: ids of
// one client mostly differ there, and may be alike otherwise.
func (id ID) Equal(other ID) bool {
	n := len(id)
	return n == len(other) && (n == 0 || id[n-1] == other[n-1]) && id == other
}
