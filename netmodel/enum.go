package netmodel

import (
	"fmt"
	"slices"
	"strings"
)

// enumText returns the text form of v, an index into words.
func enumText[T ~uint8](kind string, words []string, v T) string {
	if int(v) < len(words) {
		return words[v]
	}
	return fmt.Sprintf("%s(%d)", kind, uint8(v))
}

func marshalEnum[T ~uint8](kind string, words []string, v T) ([]byte, error) {
	if int(v) >= len(words) {
		return nil, fmt.Errorf("%s %d: unknown", kind, uint8(v))
	}
	return []byte(words[v]), nil
}

func unmarshalEnum[T ~uint8](kind string, words []string, v *T, text []byte) error {
	i := slices.Index(words, string(text))
	if i < 0 {
		return fmt.Errorf("%s %q: want one of %s", kind, text, strings.Join(words, ", "))
	}
	*v = T(i)
	return nil
}
