package client

import (
	"fmt"
	"net/url"
	"strconv"
)

// CheckEndpoint rejects an endpoint that is not host:port, so that every request to
// it goes to the same address. Its error wraps ErrConfig.
func CheckEndpoint(endpoint string) error {
	u, err := url.Parse("http://" + endpoint)
	if err == nil && u.Host == endpoint {
		if port, err := strconv.ParseUint(u.Port(), 10, 16); err == nil && port > 0 {
			return nil
		}
	}
	return fmt.Errorf("%w: endpoint %q: want host:port, as in 127.0.0.1:8001, without a scheme or a path", ErrConfig, endpoint)
}
