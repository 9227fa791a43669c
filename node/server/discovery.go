package server

import (
	"context"
	"fmt"
	"maps"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/lockstep-dst/lockstep/node"
	"github.com/lockstep-dst/lockstep/node/service"
	"github.com/lockstep-dst/lockstep/node/tcp"
)

// A node that is to be added may know the members by the name of SRV records alone. It looks
// the name up again and again, as host names are at each attempt to connect, and asks each
// node that it leads to for its number. Until the members have added this node they do not
// say. Once it is a member its log has the others, with their addresses.

const (
	discoveryPause = time.Second // between two looks
	maxTargets     = 16          // of a look: more than a cluster has members
)

// discover looks for members until the node is one.
func (s *Server) discover() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go func() {
		<-s.loop.done
		stop()
	}()
	tick := time.NewTicker(discoveryPause)
	defer tick.Stop()
	said := ""
	for s.WaitsToBeAdded() {
		if text := s.lookForMembers(ctx); text != said && ctx.Err() == nil {
			s.log.Info("looking for the members of the cluster", "name", s.cfg.JoinName, "found", text)
			said = text
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// lookForMembers looks the name up once, and asks the nodes that it leads to. It returns, in
// words, what came of it.
func (s *Server) lookForMembers(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, 10*discoveryPause)
	defer cancel()
	records, err := s.lookupSRV(ctx, s.cfg.JoinName)
	if err != nil || len(records) == 0 {
		return fmt.Sprintf("no SRV records (%v): give %s one for each member, with the host and the port of its peers' address, or name a member: --join 1=HOST:PORT", err, s.cfg.JoinName)
	}
	var found []string
	met := map[node.ID]string{}
	for _, r := range records[:min(len(records), maxTargets)] {
		address := net.JoinHostPort(strings.TrimSuffix(r.Target, "."), strconv.Itoa(int(r.Port)))
		id, err := s.transport.Ask(ctx, address)
		switch {
		case err == nil && id != s.cfg.Node.ID:
			met[id] = address
			found = append(found, fmt.Sprintf("%s: node %d", address, id))
		case tcp.NotAdded(err):
			found = append(found, address+": a node that is still to add this one")
		case err != nil:
			found = append(found, fmt.Sprintf("%s: %v", address, err))
		}
	}
	if len(met) > 0 {
		s.meet(met)
	}
	return strings.Join(found, "; ")
}

// lookupSRV looks up the SRV records of a name.
func (s *Server) lookupSRV(ctx context.Context, name string) ([]*net.SRV, error) {
	if s.cfg.LookupSRV != nil {
		return s.cfg.LookupSRV(ctx, name)
	}
	_, records, err := net.DefaultResolver.LookupSRV(ctx, "", "", name)
	return records, err
}

// meet has the node introduce itself to members, unless it has learnt the members meanwhile.
func (s *Server) meet(found map[node.ID]string) {
	all := maps.Clone(s.discovered())
	if all == nil {
		all = map[node.ID]string{}
	}
	maps.Copy(all, found)
	s.met.Store(&all)
	s.loop.do(func(x *service.Service) {
		if x.Member().Configuration() == nil {
			s.transport.SetPeers(all, 0)
		}
	})
	for id := range found {
		s.loop.met(id)
	}
}

// discovered are the members that were found by the name of SRV records, and their addresses.
func (s *Server) discovered() map[node.ID]string {
	if met := s.met.Load(); met != nil {
		return *met
	}
	return nil
}
