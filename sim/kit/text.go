package kit

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode"
)

// maxText is the most bytes of a text or of binary data that are written.
const maxText = 64

// text returns the text form of a value: its name, and all fields but tagged ones, as
// in "prepare Term=3 Value=x".
func (s *shape) text(name string, v reflect.Value) string {
	var out strings.Builder
	out.WriteString(name)
	if s.typ.Kind() != reflect.Struct {
		out.WriteByte(' ')
		s.write(&out, v, 0)
		return out.String()
	}
	s.writeFields(&out, v, " ", 0)
	return out.String()
}

// writeFields writes the fields of a struct, each after a separator. Fields of embedded
// structs count as its own, and at the top tagged fields are left out.
func (s *shape) writeFields(out *strings.Builder, v reflect.Value, separator string, depth int) {
	for i := range s.fields {
		f := &s.fields[i]
		switch {
		case depth == 0 && f.tag != "":
		case f.shape.fields != nil && !f.shape.prints && s.typ.Field(f.index).Anonymous:
			f.shape.writeFields(out, v.Field(f.index), separator, depth)
		default:
			out.WriteString(separator + f.name + "=")
			f.shape.write(out, v.Field(f.index), depth+1)
			separator = " "
		}
	}
}

// write writes a value.
func (s *shape) write(out *strings.Builder, v reflect.Value, depth int) {
	kind := v.Kind()
	switch {
	case (kind == reflect.Pointer || kind == reflect.Interface) && v.IsNil():
		out.WriteString("nil")
	case depth > maxDepth:
		out.WriteString("...")
	case s.prints && v.CanInterface():
		out.WriteString(v.Interface().(fmt.Stringer).String())
	case s.errs:
		out.WriteString(strconv.Quote(v.Interface().(error).Error()))
	case s.digests:
		fmt.Fprintf(out, "%v#%x", s.typ, v.Interface().(digester).Digest())
	case kind == reflect.Interface:
		shapes.Get(v.Elem().Type()).write(out, v.Elem(), depth+1)
	case kind == reflect.Pointer:
		s.elem.write(out, v.Elem(), depth+1)
	case kind == reflect.Struct:
		out.WriteByte('{')
		s.writeFields(out, v, "", depth+1)
		out.WriteByte('}')
	case kind == reflect.Slice && s.elem.typ.Kind() == reflect.Uint8:
		writeWord(out, string(v.Bytes()))
	case kind == reflect.Slice || kind == reflect.Array:
		out.WriteByte('[')
		for i := range v.Len() {
			if i > 0 {
				out.WriteByte(' ')
			}
			s.elem.write(out, v.Index(i), depth+1)
		}
		out.WriteByte(']')
	case kind == reflect.String:
		writeWord(out, v.String())
	case kind == reflect.Bool:
		out.WriteString(strconv.FormatBool(v.Bool()))
	default:
		out.WriteString(number(v))
	}
}

// writeWord writes a text, in quotes unless it is one plain word, and the number of
// bytes that are left out if it is long.
func writeWord(out *strings.Builder, s string) {
	rest := 0
	if len(s) > maxText {
		rest = len(s) - maxText
		s = s[:maxText]
	}
	plain := s != "" && strings.IndexFunc(s, func(r rune) bool {
		return r == unicode.ReplacementChar || !unicode.IsPrint(r) || unicode.IsSpace(r) || strings.ContainsRune(`"{}[]=`, r)
	}) < 0
	if !plain {
		s = strconv.Quote(s)
	}
	out.WriteString(s)
	if rest > 0 {
		fmt.Fprintf(out, "+%d", rest)
	}
}
