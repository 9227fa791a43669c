package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/lockstep-dst/lockstep/node/httpapi"
)

// Members returns the members of the cluster, as the node at one of the client's endpoints
// knows them.
func (c *Client) Members(ctx context.Context, endpoint string) (httpapi.Members, error) {
	return getJSON[httpapi.Members](ctx, c, "http://"+endpoint+"/v1/members", maxPage)
}

// ChangeMembers asks the node at one of the client's endpoints for a change of members, once.
// The error wraps ErrRefused if nothing was begun, and nothing will be; after another error
// the change may have been begun. Without an error it is, and Members shows how far it is.
func (c *Client) ChangeMembers(ctx context.Context, endpoint string, change httpapi.MemberChange) (httpapi.MembersAccepted, error) {
	body, err := json.Marshal(change)
	if err != nil {
		return httpapi.MembersAccepted{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+endpoint+"/v1/members", bytes.NewReader(body))
	if err != nil {
		return httpapi.MembersAccepted{}, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	req.Header.Set("Content-Type", httpapi.JSON)
	return doJSON[httpapi.MembersAccepted](c, req, maxPage)
}
