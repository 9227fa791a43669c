package client

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/lockstep-dst/lockstep/node/stream"
)

// errNoStreams is wrapped by the error for a node that has answered a request for a
// stream otherwise, or not at all: it may serve HTTP. errNeverStreams is wrapped as well
// if it would answer the same again.
var (
	errNoStreams    = errors.New("the node speaks no streams")
	errNeverStreams = errors.New("and will not soon")
)

// dial opens a stream to the node, until ctx ends. first are bytes of the node that have
// come already.
func (l *link) dial(ctx context.Context) (conn net.Conn, first []byte, err error) {
	limited, cancel := context.WithTimeout(ctx, l.timings.connect)
	defer cancel()
	opened, err := l.client.cfg.Dial(limited, l.endpoint)
	if err != nil {
		return nil, nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = opened.Close() }) // it may run after the return: conn is not its own
	first, err = upgrade(opened, l.endpoint, l.timings.connect, l.client.authorize, &l.client.cluster)
	if !stop() {
		err = ctx.Err()
	}
	if err != nil {
		_ = opened.Close()
		return nil, nil, err
	}
	return opened, first, nil
}

// upgrade makes a connection a stream. authorize shows the client's token.
func upgrade(conn net.Conn, endpoint string, within time.Duration, authorize func(*http.Request), cluster *clusterID) (first []byte, err error) {
	req, err := http.NewRequest(http.MethodGet, "http://"+endpoint+"/v1/stream", nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", stream.Protocol)
	cluster.name(req.Header)
	authorize(req)
	if err := conn.SetDeadline(time.Now().Add(within)); err != nil {
		return nil, err
	}
	if err := req.Write(conn); err != nil {
		return nil, err
	}
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, req)
	var timeout net.Error
	_, secured := conn.(*tls.Conn)
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return nil, err
	case err != nil && secured: // as to a certificate: by HTTP it would be no better
		return nil, fmt.Errorf("the node has ended the connection before its first response: %w", describeTLS(err))
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errNoStreams, err)
	case refusesPlain(resp):
		return nil, ErrSpeaksTLS
	case resp.StatusCode >= 500:
		return nil, fmt.Errorf("%w: %s", errNoStreams, resp.Status)
	case resp.StatusCode != http.StatusSwitchingProtocols || resp.Header.Get("Upgrade") != stream.Protocol:
		return nil, fmt.Errorf("%w: %s: %w", errNoStreams, resp.Status, errNeverStreams)
	}
	if err := cluster.learn(resp.Header); err != nil {
		return nil, err
	}
	first = make([]byte, in.Buffered())
	if _, err := io.ReadFull(in, first); err != nil {
		return nil, err
	}
	return first, conn.SetDeadline(time.Time{})
}
