package service

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lockstep-dst/lockstep/node"
)

// A request that the node had may take effect, and so may an earlier attempt of a
// retry; all others certainly had no effect.
func TestUnserved(t *testing.T) {
	stopped := fmt.Errorf("%w (%w)", ErrStopped, errors.New("the disk has failed"))
	for _, c := range []struct {
		err   error
		retry bool
		want  node.Outcome
		why   node.Reason
	}{
		{ErrBusy, false, node.Rejected, node.Overloaded},
		{ErrBusy, true, node.Unknown, node.Overloaded},
		{ErrStopping, false, node.Rejected, node.Stopping},
		{ErrStopping, true, node.Unknown, node.Stopping},
		{ErrStopped, false, node.Unknown, node.Stopping},
		{ErrStopped, true, node.Unknown, node.Stopping},
		{stopped, false, node.Unknown, node.Stopping},
	} {
		req := &node.Request{Kind: node.Propose, Key: "lifecycle/a", ID: "x", Attempt: 4, Retry: c.retry}
		require.Equal(t, &node.Reply{Kind: node.Propose, Key: "lifecycle/a", ID: "x", Attempt: 4, Outcome: c.want, Reason: c.why}, Unserved(req, c.err), "%v", c)
	}
	require.Equal(t, node.Rejected, Unserved(nil, ErrStopping).Outcome)
}
