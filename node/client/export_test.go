package client

import "time"

// Hurry makes the client look after its streams a hundred times as often.
func (c *Client) Hurry() {
	for _, l := range *c.links.Load() {
		for _, d := range []*time.Duration{
			&l.timings.connect, &l.timings.write, &l.timings.tick, &l.timings.pingSilence, &l.timings.pong, &l.timings.silent, &l.timings.revive,
			&l.timings.pingIdle, &l.timings.closeIdle, &l.timings.http,
		} {
			*d /= 100
		}
	}
}

// Streams is the number of open streams.
func (c *Client) Streams() (n int) {
	for _, l := range *c.links.Load() {
		l.mu.Lock()
		if l.state == up {
			n++
		}
		l.mu.Unlock()
	}
	return n
}

// Silent is the number of nodes that the client avoids since they do not respond.
func (c *Client) Silent() (n int) {
	for _, l := range *c.links.Load() {
		l.mu.Lock()
		if l.silent {
			n++
		}
		l.mu.Unlock()
	}
	return n
}

// Check has the client look after its open streams at a time, as it does by itself.
func (c *Client) Check(now time.Time) {
	for _, l := range *c.links.Load() {
		l.mu.Lock()
		open := l.end != nil
		l.mu.Unlock()
		if open {
			_ = l.check(now) // the stream goes on
		}
	}
}
