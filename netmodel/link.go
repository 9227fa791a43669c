package netmodel

import (
	"fmt"
	"strconv"
	"strings"
)

// ID identifies a process, from 1 to MaxID: a node from 1 to 99, a client from
// 101.
type ID uint16

// MaxID is the largest ID.
const MaxID = 255

// Link is one direction between two processes. Its text form is "1>2".
type Link struct{ From, To ID }

// String returns the text form.
func (l Link) String() string { return fmt.Sprintf("%d>%d", l.From, l.To) }

// MarshalText implements encoding.TextMarshaler.
func (l Link) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. It accepts exactly the texts
// that String writes for processes 1 to MaxID.
func (l *Link) UnmarshalText(text []byte) error {
	from, to, _ := strings.Cut(string(text), ">")
	a, okFrom := parseID(from)
	b, okTo := parseID(to)
	if !okFrom || !okTo {
		return fmt.Errorf("link %q: want two processes from 1 to %d, as in \"1>2\"", text, MaxID)
	}
	*l = Link{From: a, To: b}
	return nil
}

func parseID(s string) (ID, bool) {
	v, err := strconv.ParseUint(s, 10, 16)
	id := ID(v)
	return id, err == nil && id.valid() && strconv.FormatUint(v, 10) == s
}

func (id ID) valid() bool { return 1 <= id && id <= MaxID }

// self reports whether l leads from a process to itself.
func (l Link) self() bool { return l.From == l.To }

// word returns l as a number, different for each link.
func (l Link) word() uint64 { return uint64(l.From)<<16 | uint64(l.To) }
