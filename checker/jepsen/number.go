package jepsen

import (
	"math/big"
	"strconv"
	"strings"
)

// maxConverted is the length, in bytes, of the longest number that is converted
// from another base, or reduced. Longer ones stay as they are.
const maxConverted = 1 << 10

// number returns word, in canonical form if it is a number of Clojure: numbers
// that Clojure's = calls equal have one form. So 0x10 is 16, 2/4 is 1/2, 1.00
// is 1.0 and 1.50M is 1.5M, but 1, 1.0 and 1.0M differ. Floating point counts
// by its decimal digits.
func number(word string) string {
	digits := strings.TrimLeft(word, "+-")
	if len(word)-len(digits) > 1 || digits == "" || !isDigit(digits[0]) {
		return word
	}
	negative := word[0] == '-'
	if whole := strings.TrimSuffix(digits, "N"); allDigits(whole) && (whole[0] != '0' || len(whole) == 1) {
		if negative && whole != "0" {
			return word[:1+len(whole)]
		}
		return whole
	}
	canonical, known := converted(digits)
	if !known {
		if canonical, known = decimal(digits); !known {
			return word
		}
	}
	if negative && strings.Trim(canonical, "0.M") != "" {
		return "-" + canonical
	}
	return canonical
}

// converted returns the canonical form of a ratio, or of a whole number in
// another base than ten, as in 0x1f, 017 and 2r101.
func converted(digits string) (canonical string, known bool) {
	if len(digits) > maxConverted {
		return "", false
	}
	if above, below, ratio := strings.Cut(digits, "/"); ratio {
		return reduced(above, below)
	}
	digits = strings.TrimSuffix(digits, "N")
	base, text := 8, strings.TrimPrefix(digits, "0")
	if hex, found := cutAny(digits, "0x", "0X"); found {
		base, text = 16, hex
	} else if radix, rest, found := strings.Cut(strings.ToLower(digits), "r"); found {
		n, err := strconv.Atoi(radix)
		if err != nil || n < 2 || n > 36 {
			return "", false
		}
		base, text = n, rest
	} else if digits[0] != '0' {
		return "", false
	}
	if strings.ContainsAny(text, "+-_") {
		return "", false
	}
	n, ok := new(big.Int).SetString(text, base)
	if !ok {
		return "", false
	}
	return n.String(), true
}

// reduced returns a ratio in lowest terms: a whole number if it is one.
func reduced(above, below string) (canonical string, known bool) {
	if !allDigits(above) || !allDigits(below) || strings.Trim(below, "0") == "" {
		return "", false
	}
	r, ok := new(big.Rat).SetString(above + "/" + below)
	if !ok {
		return "", false
	}
	return r.RatString(), true
}

// decimal returns the canonical form of a number with a fraction, an exponent
// or the suffix M.
func decimal(digits string) (canonical string, known bool) {
	text, exact := strings.CutSuffix(digits, "M")
	mantissa, power, hasExponent := strings.Cut(strings.ToLower(text), "e")
	whole, fraction, hasFraction := strings.Cut(mantissa, ".")
	if !exact && !hasExponent && !hasFraction || !allDigits(whole) || fraction != "" && !allDigits(fraction) {
		return "", false
	}
	exponent := 0
	if hasExponent {
		n, err := strconv.Atoi(power)
		if err != nil || n > 1<<20 || n < -1<<20 {
			return "", false
		}
		exponent = n
	}
	canonical = scientific(whole+fraction, exponent+len(whole))
	if exact {
		canonical += "M"
	}
	return canonical, true
}

// scientific returns the number 0.DIGITS × 10^point: with zeros in place of an
// exponent if these are few.
func scientific(digits string, point int) string {
	trimmed := strings.TrimLeft(digits, "0")
	point -= len(digits) - len(trimmed)
	digits = strings.TrimRight(trimmed, "0")
	const few = 21
	switch {
	case digits == "":
		return "0.0"
	case point > few || point < -few:
		return digits[:1] + "." + orZero(digits[1:]) + "E" + strconv.Itoa(point-1)
	case point <= 0:
		return "0." + strings.Repeat("0", -point) + digits
	case point >= len(digits):
		return digits + strings.Repeat("0", point-len(digits)) + ".0"
	}
	return digits[:point] + "." + digits[point:]
}

func orZero(digits string) string {
	if digits == "" {
		return "0"
	}
	return digits
}

func cutAny(s string, prefixes ...string) (rest string, found bool) {
	for _, p := range prefixes {
		if rest, found := strings.CutPrefix(s, p); found {
			return rest, true
		}
	}
	return s, false
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// allDigits reports whether s is of digits, at least one.
func allDigits(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	return s != ""
}
