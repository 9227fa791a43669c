package main

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"strconv"
	"strings"

	"github.com/lockstep-dst/lockstep/node"
)

// srvPrefix begins a value of --join that is the name of SRV records.
const srvPrefix = "srv+"

// addresses are the ones that a node is started with.
type addresses struct {
	peers  map[node.ID]string // its own included
	name   string             // of SRV records that lead to members; empty: none was given
	join   bool               // an empty log waits to be added
	guides map[node.ID]string // members of which a log need not know
}

// nodeAddresses returns the addresses that the flags of a node name.
func nodeAddresses(id node.ID, peers, join, listen string) (a addresses, err error) {
	if join != "" {
		a.guides, a.name, err = parseJoin(join)
	}
	switch {
	case err != nil:
		return a, err
	case peers == "" && join != "":
		return a.joining(id, listen)
	case a.name != "":
		return a, errors.New("--join: a name of SRV records is for a node that is added, and has no --peers: beside --peers name a member, as in 4=127.0.0.1:7004")
	}
	a.peers, err = foundingAddresses(id, peers)
	return a, err
}

// joining completes the addresses of a node that is added later, from its guides.
func (a addresses) joining(id node.ID, listen string) (addresses, error) {
	a.join, a.peers = true, maps.Clone(a.guides)
	delete(a.guides, id)
	switch {
	case id == 0:
		return a, errors.New("--id: missing: give this node a number that no member has had")
	case a.peers[id] == "" && listen == "":
		return a, errors.New("--listen: missing: name the address at which this node listens for peers, as in 127.0.0.1:7004")
	case a.peers[id] == "":
		a.peers[id] = listen
	}
	if len(a.peers) == 1 && a.name == "" {
		return a, errors.New("--join: no other node: name a member of the cluster")
	}
	return a, nil
}

// foundingAddresses returns the addresses of the nodes that form a cluster. A name of SRV
// records does not do: a record has no number of a node.
func foundingAddresses(id node.ID, peers string) (map[node.ID]string, error) {
	if strings.HasPrefix(peers, srvPrefix) {
		return nil, errors.New("--peers: SRV records have no numbers of nodes: list every member, as in 1=127.0.0.1:7001; a name is for --join")
	}
	addrs, err := parseAddresses("--peers", peers)
	if err == nil && addrs[id] == "" {
		err = fmt.Errorf("--id %d: it is not among --peers; list every member, this one too", id)
	}
	return addrs, err
}

// parseJoin parses the value of --join: members and their addresses, or the name of SRV
// records.
func parseJoin(join string) (addrs map[node.ID]string, name string, err error) {
	name, byName := strings.CutPrefix(join, srvPrefix)
	switch {
	case !byName:
		addrs, err = parseAddresses("--join", join)
		return addrs, "", err
	case !isDomainName(name):
		return nil, "", fmt.Errorf("--join: %q: want the name of SRV records after %s, as in %s_lockstep._tcp.example.org", join, srvPrefix, srvPrefix)
	}
	return map[node.ID]string{}, name, nil
}

// isDomainName reports whether a text has the form of a name of SRV records: labels of
// letters, digits, hyphens and underscores.
func isDomainName(name string) bool {
	if len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(name, "."), ".") {
		ok := label != "" && len(label) < 64
		for _, c := range label {
			ok = ok && (c == '_' || c == '-' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z')
		}
		if !ok {
			return false
		}
	}
	return true
}

// parseAddresses parses 1=HOST:PORT,2=... What is the flag or the argument, for errors.
func parseAddresses(what, text string) (map[node.ID]string, error) {
	if text == "" {
		return nil, fmt.Errorf("%s: missing: list every member, as in 1=127.0.0.1:7001,2=127.0.0.1:7002,3=127.0.0.1:7003", what)
	}
	peers := map[node.ID]string{}
	for _, part := range strings.Split(text, ",") {
		number, addr, ok := strings.Cut(strings.TrimSpace(part), "=")
		id, err := strconv.ParseUint(number, 10, 16)
		if _, _, bad := net.SplitHostPort(addr); !ok || err != nil || id == 0 || bad != nil {
			return nil, fmt.Errorf("%s: %q: want ID=HOST:PORT, as in 1=127.0.0.1:7001", what, part)
		}
		if peers[node.ID(id)] != "" {
			return nil, fmt.Errorf("%s: node %d is listed twice", what, id)
		}
		for other, its := range peers {
			if its == addr {
				return nil, fmt.Errorf("%s: %s is listed twice, for nodes %d and %d: every node has its own", what, addr, min(other, node.ID(id)), max(other, node.ID(id)))
			}
		}
		peers[node.ID(id)] = addr
	}
	return peers, nil
}
