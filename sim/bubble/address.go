package bubble

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/lockstep-dst/lockstep/netmodel"
	"github.com/lockstep-dst/lockstep/sim"
)

// firstClient is the id before that of the first client.
const firstClient = 100

// Name returns the name of a host: "node1" of process 1, "client1" of process 101.
// Its address is 10.0.0.1, and 10.0.0.101.
func Name(id sim.ID) string {
	if id > firstClient {
		return fmt.Sprintf("client%d", id-firstClient)
	}
	return fmt.Sprintf("node%d", id)
}

// addressOf returns an address of a host.
func addressOf(id sim.ID, port uint16) *net.TCPAddr {
	return &net.TCPAddr{IP: net.IPv4(10, 0, 0, byte(id)), Port: int(port)}
}

// resolve returns the host and the port of an address: "node1:80", "10.0.0.1:80", or,
// for the host self, ":80", "localhost:80", "127.0.0.1:80" or "0.0.0.0:80".
func resolve(network, address string, self sim.ID) (sim.ID, uint16, error) {
	if !strings.HasPrefix(network, "tcp") {
		return 0, 0, net.UnknownNetworkError(network)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return 0, 0, err
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return 0, 0, &net.AddrError{Err: "want a port from 0 to 65535", Addr: address}
	}
	id, ok := hostOf(host, self)
	if !ok {
		return 0, 0, &net.DNSError{Err: "no such host: want one as node1, client1 or 10.0.0.1", Name: host, IsNotFound: true}
	}
	return id, uint16(number), nil
}

// hostOf returns the host with a name or an IP address.
func hostOf(host string, self sim.ID) (sim.ID, bool) {
	if ip := net.ParseIP(host); ip != nil {
		if ip.IsLoopback() || ip.IsUnspecified() {
			return self, true
		}
		v4 := ip.To4()
		if v4 == nil || v4[0] != 10 || v4[1] != 0 || v4[2] != 0 || v4[3] == 0 {
			return 0, false
		}
		return sim.ID(v4[3]), true
	}
	if host == "" || host == "localhost" {
		return self, true
	}
	for prefix, base := range map[string]uint64{"node": 0, "client": firstClient} {
		if digits, ok := strings.CutPrefix(host, prefix); ok {
			n, err := strconv.ParseUint(digits, 10, 16)
			if id := base + n; err == nil && n > 0 && id <= uint64(netmodel.MaxID) && Name(sim.ID(id)) == host {
				return sim.ID(id), true
			}
		}
	}
	return 0, false
}
