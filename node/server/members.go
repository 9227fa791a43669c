package server

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"strconv"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/access"
	"github.com/lockstep-dst/lockstep/node/configuration"
	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/member"
	"github.com/lockstep-dst/lockstep/node/service"
)

// Members returns the members of the cluster as this node knows them.
func (s *Server) Members() httpapi.Members {
	var c *configuration.Configuration
	var ids []node.ID
	var carry *httpapi.CarryOver
	endpoints := map[node.ID]string{}
	s.loop.inspect(func(x *service.Service) {
		m := x.Member()
		c, ids, carry = m.Configuration(), m.Status().Members, carryOver(m)
		for _, id := range ids {
			endpoints[id] = m.Endpoint(id)
		}
	})
	got := httpapi.Members{Node: s.cfg.Node.ID, Epoch: configuration.First, Voters: ids, CarryOver: carry}
	addresses := s.addresses(c)
	if c == nil {
		for _, id := range ids {
			got.Members = append(got.Members, httpapi.Member{Node: id, Role: httpapi.Voter, Address: addresses[id], Endpoint: endpoints[id]})
		}
		got.LastID = ids[len(ids)-1]
		return got
	}
	got.Epoch, got.Voters, got.Next, got.LastID = c.Epoch, c.Voters, c.Next, c.LastID
	for i := range c.Members {
		x := &c.Members[i]
		got.Members = append(got.Members, httpapi.Member{
			Node: x.ID, Role: httpapi.MemberRole(c.Role(x.ID)), Address: addresses[x.ID], Endpoint: endpoints[x.ID], Promote: x.Promote, Replaces: x.Replaces,
		})
	}
	return got
}

// carryOver is how far a member is in a change of voters; nil: there is none, or it takes
// no part in it.
func carryOver(m *member.Member) *httpapi.CarryOver {
	left, total := m.Node().CarryOver()
	if total == 0 && !m.Node().CarriedOver() {
		return nil
	}
	return &httpapi.CarryOver{Left: left, Total: total}
}

// addresses returns the addresses of the members: that of the configuration, or else the
// one that the node was started with or has found.
func (s *Server) addresses(c *configuration.Configuration) map[node.ID]string {
	if c == nil {
		return s.cfg.Peers
	}
	all := map[node.ID]string{}
	for i := range c.Members {
		m := &c.Members[i]
		all[m.ID] = cmp.Or(m.Address, s.cfg.Peers[m.ID], s.discovered()[m.ID])
	}
	return all
}

// peers returns the addresses of the other members, and the highest id that was ever a
// member's; 0: none is known to have been one.
func (s *Server) peers(c *configuration.Configuration) (addresses map[node.ID]string, lastID node.ID) {
	addresses = map[node.ID]string{}
	for id, address := range s.addresses(c) {
		if id != s.cfg.Node.ID {
			addresses[id] = address
		}
	}
	if c != nil {
		lastID = c.LastID
	}
	return addresses, lastID
}

// guides returns the guides that a log with members has use for: the ones that can have become
// members since. highest is the highest number that a member has had to its knowledge.
func (s *Server) guides(highest node.ID) map[node.ID]string {
	used := map[node.ID]string{}
	for id, address := range s.cfg.Guides {
		if id > highest {
			used[id] = address
		}
	}
	return used
}

// followMembers has the transport take the members of a configuration, in the loop. It
// says where they are at other addresses than the node was started for.
func (s *Server) followMembers(c *configuration.Configuration) {
	addresses, lastID := s.peers(c)
	maps.Copy(addresses, s.guides(lastID)) // the one that has told it may be out of date itself
	s.transport.SetPeers(addresses, lastID)
	for _, m := range c.Members {
		if started := s.cfg.Peers[m.ID]; m.Address != "" && started != "" && started != m.Address {
			s.log.Info("the address of a member is that of the configuration, and not the one that this node was started with",
				"member", m.ID, "address", m.Address, "started-with", started)
		}
	}
}

// endpoint is where the node tells clients that it serves them; empty: it has no address
// that is of use to others.
func (s *Server) endpoint() string {
	if s.cfg.Advertise != "" || s.listeners.clients == nil {
		return s.cfg.Advertise
	}
	host, reach := reachOf(s.cfg.HTTP)
	_, port, err := net.SplitHostPort(s.listeners.clients.Addr().String()) // HTTP may leave the port to the system
	if err != nil || reach == reachesNothing {
		return ""
	}
	return net.JoinHostPort(host, port)
}

func (s *Server) members(w http.ResponseWriter, r *http.Request) {
	if _, err := httpapi.ReadQuery(r.URL.RawQuery); err != nil {
		sendRejected(w, http.StatusBadRequest, node.BadRequest, err.Error())
		return
	}
	sendJSON(w, http.StatusOK, s.Members())
}

// changeMembers begins a change of members.
func (s *Server) changeMembers(w http.ResponseWriter, r *http.Request) {
	change, err := readMemberChange(w, r)
	if err != nil {
		sendBodyError(w, r, err)
		return
	}
	s.access.audit.admitted(clientOf(r), access.Reconfigure.String(), describeChange(change))
	change.Addresses = s.addressesFor(change.Address)
	t, c := s.loop.request(service.Event{Kind: service.Reconfigure, Change: change})
	got, err := s.loop.await(t, c, r.Context().Done())
	if err == nil {
		err = got.asked.Err
	}
	switch {
	case errors.Is(err, configuration.ErrChange):
		sendRejected(w, http.StatusConflict, httpapi.MembersChange, err.Error())
	case err != nil:
		sendUnavailable(w, nil, err)
	default:
		sendJSON(w, http.StatusAccepted, httpapi.MembersAccepted{Node: s.cfg.Node.ID, Epoch: got.asked.Epoch})
	}
}

// readMemberChange reads the body of a request to change the members.
func readMemberChange(w http.ResponseWriter, r *http.Request) (change configuration.Change, err error) {
	if _, err := httpapi.ReadQuery(r.URL.RawQuery); err != nil {
		return change, err
	}
	if _, err := checkMedia(r, httpapi.JSON); err != nil {
		return change, err
	}
	c, err := httpapi.ReadMemberChange(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return change, err
	}
	bodyIsRead(w)
	return changeOf(c)
}

// changeOf returns the change that a request is for. It refuses fields that the change has
// no use for: who gives one means something else.
func changeOf(c httpapi.MemberChange) (x configuration.Change, err error) {
	var form struct{ node, address, learner, replaces, replacesMayLack bool }
	switch c.Change {
	case "add":
		x.Kind, x.Promote, form.address, form.learner = configuration.Add, !c.Learner, true, true
	case "replace":
		x.Kind, x.Promote, form.address, form.replaces = configuration.Add, true, true, true
	case "remove":
		x.Kind = configuration.Remove
	case "promote":
		x.Kind, form.replaces, form.replacesMayLack = configuration.Promote, true, true
	case "move":
		x.Kind, form.address = configuration.Move, true
	case "abandon":
		x.Kind = configuration.Abandon
	default:
		return x, fmt.Errorf("change: %.32q: want add, remove, promote, replace, move or abandon", c.Change)
	}
	switch {
	case c.Node == 0 && x.Kind != configuration.Abandon:
		return x, errors.New("node: missing: give the number of the node, from 1")
	case c.Learner && !form.learner:
		return x, fmt.Errorf("learner: %s has none: leave it out", c.Change)
	case c.Replaces != 0 && !form.replaces:
		return x, fmt.Errorf("replaces: %s has none: leave it out", c.Change)
	case c.Replaces == 0 && form.replaces && !form.replacesMayLack:
		return x, errors.New("replaces: missing: give the number of the voter to replace")
	case c.Address != "" && !form.address:
		return x, fmt.Errorf("address: %s has none: leave it out", c.Change)
	case form.address:
		if err := checkPeerAddress(c.Address); err != nil {
			return x, err
		}
	}
	x.ID, x.Address, x.Replaces = c.Node, c.Address, c.Replaces
	return x, nil
}

// checkPeerAddress returns an error if an address is none at which peers can dial a node.
func checkPeerAddress(address string) error {
	host, port, err := net.SplitHostPort(address)
	if _, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || host == "" || len(address) > configuration.MaxAddress {
		return fmt.Errorf("address: %.64q: want HOST:PORT, at which the other members reach the node", address)
	}
	return nil
}

// describeChange is a change in words, for the audit.
func describeChange(x configuration.Change) string {
	text := fmt.Sprintf("%v node %d", x.Kind, x.ID)
	if x.Address != "" {
		text += " at " + x.Address
	}
	if x.Replaces != 0 {
		text += fmt.Sprintf(" in the place of node %d", x.Replaces)
	}
	return text
}

// changeUnderWay describes the change of a configuration that goes on by itself; empty:
// there is none.
func changeUnderWay(c *configuration.Configuration) string {
	if c == nil {
		return ""
	}
	if c.Joint() {
		return "the voters change: " + c.String()
	}
	for i := range c.Members {
		switch m := &c.Members[i]; {
		case m.Incarnation == configuration.Incarnation{}:
			return fmt.Sprintf("node %d is invited, and has not introduced itself", m.ID)
		case m.Promote && !c.Votes(m.ID):
			return fmt.Sprintf("node %d catches up, and is to be a voter then", m.ID)
		}
	}
	return ""
}
