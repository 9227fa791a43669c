package client

import (
	"fmt"
	"net/http"
)

// checkToken rejects a token that does not fit into a header. Its error wraps ErrConfig,
// and does not repeat the token.
func checkToken(token string) error {
	for i := range len(token) {
		if c := token[i]; c <= ' ' || c > '~' {
			return fmt.Errorf("%w: token: byte %d: want letters, digits and signs, without spaces and ends of lines", ErrConfig, i)
		}
	}
	return nil
}

// authorize has a request show the client's token. No redirect is followed, so no other
// server gets it.
func (c *Client) authorize(r *http.Request) {
	if c.cfg.Token != "" {
		r.Header.Set("Authorization", "Bearer "+c.cfg.Token)
	}
}
