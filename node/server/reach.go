package server

import (
	"maps"
	"net"

	"github.com/lockstep-dst/lockstep/node"
)

// reach is where an address leads to the node that it is of.
type reach int

const (
	reachesNothing  reach = iota // it stands for all interfaces of a host, or is none
	reachesThisHost              // from the same host
	reachesAll                   // from other hosts as well, as far as its text shows
)

// reachOf returns the host of an address, and from where it is of use.
func reachOf(address string) (host string, from reach) {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	switch {
	case err != nil, host == "", ip != nil && ip.IsUnspecified():
		return host, reachesNothing
	case host == "localhost", ip != nil && ip.IsLoopback():
		return host, reachesThisHost
	}
	return host, reachesAll
}

// addressesFor returns the addresses that a change of members takes along, for members of
// which the configuration has none: those that the node was started with. An address that
// leads to this host alone is of use to all only if the one in the change is such a one,
// too: then the members are on one host.
func (s *Server) addressesFor(changed string) map[node.ID]string {
	least := reachesAll
	if _, from := reachOf(changed); from == reachesThisHost {
		least = reachesThisHost
	}
	all := maps.Clone(s.cfg.Peers)
	maps.DeleteFunc(all, func(_ node.ID, address string) bool {
		_, from := reachOf(address)
		return from < least
	})
	return all
}
