package access

import (
	"bufio"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/lockstep-dst/lockstep/node/fsm"
)

// Bounds of a file of tokens.
const (
	MaxTokens     = 1024
	MaxTokenBytes = 256 << 10 // of the file
)

// ErrTokens is wrapped by every error about a file of tokens. Its text names the line
// and the remedy, and repeats nothing that is secret.
var ErrTokens = errors.New("not a file of tokens")

// Secret is the random part of a token.
type Secret [32]byte

// secretPrefix lets people and scanners of repositories recognise a token.
const secretPrefix = "lockstep_"

// Text returns the token that a client sends.
func (s Secret) Text() string { return secretPrefix + base64.RawURLEncoding.EncodeToString(s[:]) }

// hashPrefix begins the hash of a token in a file.
const hashPrefix = "sha256:"

// TokenLine returns the line of a node's file for a token. The file has the token's hash
// alone: it is of no use to its readers.
func TokenLine(role Role, name, token string) string {
	sum := sha256.Sum256([]byte(token))
	return fmt.Sprintf("%v %s %s%s", role, name, hashPrefix, hex.EncodeToString(sum[:]))
}

// CheckTokenName returns an error if name is no name of a token.
func CheckTokenName(name string) error { return fsm.CheckName("token", name) }

// Tokens is the content of a node's file of tokens: the hashes of tokens, with the name
// and the role of each. A name may have several tokens, so that one can take the place of
// another.
type Tokens struct{ all []token }

type token struct {
	hash [sha256.Size]byte
	of   Principal
}

// ParseTokens parses a file: a line for each token, ROLE NAME sha256:HEX. Empty lines and
// those that begin with # do not count.
func ParseTokens(text string) (*Tokens, error) {
	if len(text) > MaxTokenBytes {
		return nil, fmt.Errorf("%w: %d bytes: want at most %d", ErrTokens, len(text), MaxTokenBytes)
	}
	t := &Tokens{}
	lines := bufio.NewScanner(strings.NewReader(text))
	lines.Buffer(nil, MaxTokenBytes+1)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if err := t.add(line); err != nil {
			return nil, fmt.Errorf("line %d: %w: %w", n, ErrTokens, err)
		}
	}
	return t, nil
}

func (t *Tokens) add(line string) error {
	fields := strings.Fields(line)
	if len(fields) != 3 {
		return fmt.Errorf("%d words: want ROLE NAME sha256:HEX, as lockstep token makes it", len(fields))
	}
	role, err := ParseRole(fields[0])
	if err != nil || role == None {
		return errors.New("the first word: want reader, writer or admin")
	}
	if err := CheckTokenName(fields[1]); err != nil {
		return errors.New("the second word is no name: want letters, digits and . _ -")
	}
	digits, ok := strings.CutPrefix(fields[2], hashPrefix)
	sum, err := hex.DecodeString(digits)
	if !ok || err != nil || len(sum) != sha256.Size {
		return fmt.Errorf("the third word: want sha256: and %d hexadecimal digits", 2*sha256.Size)
	}
	added := token{hash: [sha256.Size]byte(sum), of: Principal{Source: Token, Name: fields[1], Role: role}}
	for _, other := range t.all {
		switch {
		case other.hash == added.hash:
			return fmt.Errorf("the token of %s is listed before: drop a line", added.of.Name)
		case other.of.Name == added.of.Name && other.of.Role != role:
			return fmt.Errorf("%s is listed before as %v: give this one another name, or the same role", added.of.Name, other.of.Role)
		}
	}
	if t.all = append(t.all, added); len(t.all) > MaxTokens {
		return fmt.Errorf("more than %d tokens", MaxTokens)
	}
	return nil
}

// Len returns the number of tokens.
func (t *Tokens) Len() int { return len(t.all) }

// Find returns the principal of a token. How long it takes tells nothing of the tokens
// but their number.
func (t *Tokens) Find(text string) (p Principal, found bool) {
	sum := sha256.Sum256([]byte(text))
	at := -1
	for i := range t.all {
		at = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(sum[:], t.all[i].hash[:]), i, at)
	}
	if at < 0 {
		return Principal{}, false
	}
	return t.all[at].of, true
}

// Holds reports whether a principal of a token still has the role that it was found with.
func (t *Tokens) Holds(p Principal) bool {
	for i := range t.all {
		if t.all[i].of == p {
			return true
		}
	}
	return false
}
