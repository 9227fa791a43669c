package client

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/op"
)

// SetEndpoints replaces the addresses of the nodes while the client is used. Operations that
// are under way end as they would have; later ones, and watches that begin or resume, go to
// the new nodes. Connections to the others are closed when they are idle.
func (c *Client) SetEndpoints(endpoints []string) error {
	if len(endpoints) == 0 {
		return fmt.Errorf("%w: endpoints: want at least one", ErrConfig)
	}
	for _, e := range endpoints {
		if err := CheckEndpoint(e); err != nil {
			return err
		}
	}
	var err error
	c.withSession(func(time.Duration) { err = c.session.SetNodes(c.addLinks(endpoints)) })
	if err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return nil
}

// addLinks makes links to the endpoints that have none, and returns the ids of all. An
// endpoint that comes again has the id that it had.
func (c *Client) addLinks(endpoints []string) (ids []op.NodeID) {
	links := slices.Clone(*c.links.Load())
	for _, e := range endpoints {
		i := slices.IndexFunc(links, func(l *link) bool { return l.endpoint == e })
		if i < 0 {
			i = len(links)
			links = append(links, newLink(c, op.NodeID(i+1), e))
		}
		if id := op.NodeID(i + 1); !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	c.links.Store(&links)
	return ids
}

// Follow keeps the endpoints those of the cluster's members until ctx ends, and returns its
// error. It asks any node for the members at once, and again after each interval. A member
// that does not say where it serves clients keeps the endpoints that the client was made
// with in use, since one of them may be its own.
func (c *Client) Follow(ctx context.Context, interval time.Duration) error {
	if interval <= 0 {
		return fmt.Errorf("%w: interval %v: want more than 0", ErrConfig, interval)
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		if m, err := getFromAny[httpapi.Members](ctx, c, "/v1/members", maxPage); err == nil {
			if endpoints := endpointsOf(&m, c.cfg.Endpoints); len(endpoints) > 0 {
				if err := c.SetEndpoints(endpoints); err != nil {
					return err
				}
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// endpointsOf are the endpoints of the members that serve clients, in the order of their
// ids, and those that the client was made with if a member does not say its own.
func endpointsOf(m *httpapi.Members, made []string) (endpoints []string) {
	unknown := false
	for i := range m.Members {
		switch x := &m.Members[i]; {
		case x.Role == httpapi.Invited: // it does not serve yet
		case CheckEndpoint(x.Endpoint) != nil:
			unknown = true
		default:
			endpoints = append(endpoints, x.Endpoint)
		}
	}
	if unknown {
		endpoints = append(endpoints, made...)
	}
	return endpoints
}
