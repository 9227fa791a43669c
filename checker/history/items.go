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

// ListOf returns the canonical text of a list: equal items have equal texts.
func ListOf(items []string) string { return "[" + strings.Join(items, " ") + "]" }

const separators = " ,\t\r\n"

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
			if len(open) == 0 && strings.IndexByte(separators, b) >= 0 {
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
