package httpapi

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Hosts is the names by which clients may address a server, besides those that no other
// can take: IP addresses and localhost. A page of a foreign site reaches a server at an
// inner address when the site's own name begins to stand for it (DNS rebinding); the
// name is in the header Host, and is none of these.
type Hosts struct{ names []string }

// ErrHost is wrapped by the error for a text that is not the name of a host.
var ErrHost = errors.New("not the name of a host")

// NewHosts returns the hosts of a server that listens at an address, host:port, and has
// further names.
func NewHosts(listen string, names []string) (Hosts, error) {
	var h Hosts
	if own := hostOf(listen); isHostName(own) {
		h.names = append(h.names, own)
	}
	for _, name := range names {
		own := strings.TrimSuffix(strings.ToLower(strings.TrimSpace(name)), ".")
		if !isHostName(own) {
			return h, fmt.Errorf("%w: %q: want a name without a port, as in node1.example.org", ErrHost, name)
		}
		h.names = append(h.names, own)
	}
	return h, nil
}

// Allows reports whether a request with a header Host is for this server. Without one,
// as in HTTP/1.0, no browser has sent it.
func (h Hosts) Allows(header string) bool {
	host := hostOf(header)
	if header == "" || host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	return isAddress(host) || slices.Contains(h.names, host)
}

// isAddress reports whether a host is an address of IPv4, in four decimal numbers, or can
// only be one of IPv6: no name has a colon in it.
func isAddress(host string) bool {
	if strings.Contains(host, ":") {
		address, _, _ := strings.Cut(host, "%") // and the zone
		return strings.Trim(address, "0123456789abcdef:.") == ""
	}
	numbers := strings.Split(host, ".")
	for _, text := range numbers {
		n, err := strconv.ParseUint(text, 10, 8)
		if err != nil || strconv.FormatUint(n, 10) != text {
			return false
		}
	}
	return len(numbers) == 4
}

// hostOf returns the host of host:port or [host]:port, in small letters and without the
// dot of the root.
func hostOf(address string) string {
	host := address
	if inner, ok := strings.CutPrefix(host, "["); ok {
		host, _, _ = strings.Cut(inner, "]")
	} else if strings.Count(host, ":") == 1 {
		host, _, _ = strings.Cut(host, ":")
	}
	return strings.TrimSuffix(strings.ToLower(host), ".")
}

// isHostName reports whether name can be the name of a host.
func isHostName(name string) bool {
	if name == "" || len(name) > 253 {
		return false
	}
	for i := range len(name) {
		if c := name[i]; !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}
