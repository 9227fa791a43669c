package history

import "strings"

// Items returns the items of a list: of a vector, list or set of EDN, as in
// [1 "b c" [2 3]], (1 2) or #{1 2}, or of an array of JSON. NoValue has none. It
// reports false if the text is no list. Spaces and commas separate items. An item
// is a word, a text in double quotes, or a list; it keeps its quotes.
func Items(text string) (items []string, ok bool) {
	if text == NoValue {
		return nil, true
	}
	if inside, simple := wordsIn(text); simple {
		return words(inside), true
	}
	inside, isSet := strings.CutPrefix(text, "#")
	if inside == "" || isSet && inside[0] != '{' || !isSet && inside[0] != '[' && inside[0] != '(' {
		return nil, false
	}
	if end, whole := itemEnd(inside); !whole || end != len(inside) {
		return nil, false
	}
	inside = inside[1 : len(inside)-1]
	for {
		inside = strings.TrimLeft(inside, separators)
		if inside == "" {
			return items, true
		}
		end, ok := itemEnd(inside)
		if !ok {
			return nil, false
		}
		items = append(items, inside[:end])
		inside = inside[end:]
	}
}

// isList reports whether a text has Items.
func isList(text string) bool {
	if _, simple := wordsIn(text); simple {
		return true
	}
	_, ok := Items(text)
	return ok
}

// wordsIn returns what is within the brackets of a list of words alone, which most are.
func wordsIn(text string) (inside string, simple bool) {
	for _, brackets := range []string{"[]", "()", "#{}"} {
		open := brackets[:len(brackets)-1]
		if len(text) < len(brackets) || text[:len(open)] != open || text[len(text)-1:] != brackets[len(open):] {
			continue
		}
		inside = text[len(open) : len(text)-1]
		return inside, !strings.ContainsAny(inside, `"[](){}`)
	}
	return "", false
}

// words returns the words of a text between separators.
func words(text string) (words []string) {
	start, n := -1, 0
	for pass := range 2 { // to count them, and to take them
		if pass == 1 && n > 0 {
			words = make([]string, 0, n)
		}
		for i := 0; i <= len(text); i++ {
			switch between := i == len(text) || isSeparator(text[i]); {
			case !between && start < 0:
				start = i
			case between && start >= 0:
				if n++; pass == 1 {
					words = append(words, text[start:i])
				}
				start = -1
			}
		}
	}
	return words
}

// ListOf returns the canonical text of a list: equal items have equal texts.
func ListOf(items []string) string { return "[" + strings.Join(items, " ") + "]" }

const separators = " ,\t\r\n"

func isSeparator(b byte) bool { return strings.IndexByte(separators, b) >= 0 }

// itemEnd returns the end of the item with which text begins; false if the item
// is cut off, or a bracket closes nothing.
func itemEnd(text string) (end int, ok bool) {
	var open []byte // the brackets that must still be closed
	for end < len(text) {
		switch b := text[end]; b {
		case '"':
			for end++; end < len(text) && text[end] != '"'; end++ {
				if text[end] == '\\' {
					end++
				}
			}
			if end >= len(text) {
				return 0, false
			}
		case '[':
			open = append(open, ']')
		case '(':
			open = append(open, ')')
		case '{':
			open = append(open, '}')
		case ']', ')', '}':
			if len(open) == 0 || open[len(open)-1] != b {
				return end, end > 0 && len(open) == 0
			}
			open = open[:len(open)-1]
			if len(open) == 0 {
				return end + 1, true
			}
		default:
			if len(open) == 0 && isSeparator(b) {
				return end, true
			}
		}
		end++
		if len(open) == 0 && text[end-1] == '"' {
			return end, true
		}
	}
	return end, len(open) == 0
}
