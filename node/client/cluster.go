package client

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/lockstep-dst/lockstep/node/httpapi"
)

// errOtherCluster is wrapped by the error for a response of another cluster than the
// client's.
var errOtherCluster = errors.New("the node is of another cluster than the nodes that have answered before: make a new client for it")

// clusterID is the id of the one cluster that a client talks to: that of the first node
// that has told it. Every request names it, so that no node of another cluster carries it
// out. It is safe for concurrent use.
type clusterID struct{ id atomic.Pointer[string] }

// name puts the id into the header of a request, if it is known.
func (c *clusterID) name(h http.Header) {
	if id := c.id.Load(); id != nil {
		h.Set(httpapi.ClusterHeader, *id)
	}
}

// learn takes the id from a response. It returns an error if the response is of another
// cluster. Nodes that do not know their cluster yet, and older ones, do not tell it.
func (c *clusterID) learn(h http.Header) error {
	told := h.Get(httpapi.ClusterHeader)
	if told == "" || c.id.CompareAndSwap(nil, &told) {
		return nil
	}
	if known := *c.id.Load(); !strings.EqualFold(known, told) {
		return fmt.Errorf("%w (%.64s, and not %s)", errOtherCluster, told, known)
	}
	return nil
}

// clusterTransport is the way of all requests by HTTP: it names the cluster in them.
type clusterTransport struct {
	*http.Transport
	cluster *clusterID
}

// anyCluster is the key of contexts for requests that are about a node and not its cluster:
// they name no cluster, and the client takes none from the responses.
type anyCluster struct{}

// RoundTrip implements http.RoundTripper. The refusal by a node of another cluster is
// passed on: it says what became of the request.
func (t *clusterTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Context().Value(anyCluster{}) != nil {
		return t.Transport.RoundTrip(r)
	}
	r = r.Clone(r.Context())
	t.cluster.name(r.Header)
	resp, err := t.Transport.RoundTrip(r)
	if err != nil || resp.StatusCode == http.StatusMisdirectedRequest {
		return resp, err
	}
	if err := t.cluster.learn(resp.Header); err != nil {
		_ = resp.Body.Close()
		return nil, err
	}
	return resp, nil
}
