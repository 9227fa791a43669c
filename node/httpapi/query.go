package httpapi

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// ReadQuery returns the parameters of a query: each given once, and one of those that
// are allowed.
func ReadQuery(query string, allowed ...string) (url.Values, error) {
	q := url.Values{}
	if query == "" {
		return q, nil
	}
	for pair := range strings.SplitSeq(query, "&") {
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(rawName)
		if err != nil {
			return nil, fmt.Errorf("query: %w", err)
		}
		value, err := url.QueryUnescape(rawValue)
		switch {
		case err != nil:
			return nil, fmt.Errorf("query: %w", err)
		case strings.Contains(pair, ";"): // some readers take it for &
			return nil, fmt.Errorf("query: %.100q: write a semicolon as %%3B", pair)
		case len(allowed) == 0:
			return nil, fmt.Errorf("%.100q: the request takes no parameters", name)
		case !slices.Contains(allowed, name):
			return nil, fmt.Errorf("%.100s: no such parameter: want %s", name, strings.Join(allowed, ", "))
		case q.Has(name):
			return nil, fmt.Errorf("%s: given twice", name)
		}
		q.Set(name, value)
	}
	return q, nil
}
