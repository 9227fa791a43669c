package access

import (
	"errors"
	"fmt"
	"strings"
)

// ErrCredentials is wrapped by the error for credentials that show no principal.
var ErrCredentials = errors.New("the credentials are not valid")

// Bearer returns the token in the Authorization headers of a request, or none.
func Bearer(headers []string) (token string, err error) {
	switch len(headers) {
	case 0:
		return "", nil
	case 1:
	default:
		return "", fmt.Errorf("%w: the header Authorization is given %d times: give it once", ErrCredentials, len(headers))
	}
	scheme, token, _ := strings.Cut(headers[0], " ")
	if token = strings.TrimSpace(token); !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", fmt.Errorf("%w: the header Authorization: want Bearer TOKEN", ErrCredentials)
	}
	return token, nil
}
