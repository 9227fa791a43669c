package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/lockstep-dst/lockstep/node/httpapi"
	"github.com/lockstep-dst/lockstep/node/op"
)

// maxBackup bounds the response to a BackupQuery, in bytes: it is far above what windows of
// the usual length make.
const maxBackup = 256 << 20

// ListAt is List at one node: it lists the machines that this node knows.
func (c *Client) ListAt(ctx context.Context, endpoint string, l ListOptions) (httpapi.Page, error) {
	return getJSON[httpapi.Page](ctx, c, "http://"+endpoint+"/v1/machines?"+l.query().Encode(), maxPage)
}

// BackupValues returns the whole values of at most httpapi.MaxBackupKeys machines, for a
// backup. Each is as recent as a linearizable read.
func (c *Client) BackupValues(ctx context.Context, keys []string) (httpapi.BackupValues, error) {
	body, err := json.Marshal(httpapi.BackupQuery{Keys: keys})
	if err != nil {
		return httpapi.BackupValues{}, err
	}
	f, err := runQuery(ctx, c, query[httpapi.BackupValues]{call: func(ctx context.Context, node op.NodeID) (httpapi.BackupValues, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+c.endpoint(node)+"/v1/backup", bytes.NewReader(body))
		if err != nil {
			return httpapi.BackupValues{}, fmt.Errorf("%w: %w", ErrRefused, err)
		}
		req.Header.Set("Content-Type", "application/json")
		return doJSON[httpapi.BackupValues](c, req, maxBackup)
	}})
	if err == nil {
		f.cancel()
	}
	return f.answer, err
}
